// 20 Newsgroups (Lang 1995): posts with mail headers, a file each, in folders of their groups' names.
#ifndef DATASETS_SOURCES_NEWSGROUPS_H_
#define DATASETS_SOURCES_NEWSGROUPS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// Reads the archive (20news-bydate, -18828, -19997) as a stream, or a folder of it. The label is the name of a post's
// folder. Posts are in order of their numbers, wherever they lie in the archive. A .json path is a prepared file.
absl::StatusOr<Imported> LoadNewsgroups(const NewsgroupsSource& source, const ImportOptions& options);

// The text of one post, in ISO 8859-1, as UTF-8 in one line.
std::string PostText(absl::string_view post, const NewsgroupsSource& source, int64_t max_words);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_NEWSGROUPS_H_
