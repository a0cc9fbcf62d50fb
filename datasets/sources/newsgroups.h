// 20 Newsgroups (Lang 1995): posts with mail headers, one file each, in folders with the names of their groups.
#ifndef DATASETS_SOURCES_NEWSGROUPS_H_
#define DATASETS_SOURCES_NEWSGROUPS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "datasets/dataset.pb.h"
#include "datasets/sources/source_info.h"

namespace metaprompt {

// Reads the archive (20news-bydate, -18828, -19997) as a stream, or a folder with its files. The label is the name of
// the post's folder. Posts are in order of their numbers, whatever their order in the archive. If the path ends with
// .json, it is a prepared file.
SourceInfo NewsgroupsSourceInfo();

// The text of one post as UTF-8, in one line; the post is in ISO 8859-1.
std::string PostText(absl::string_view post, const NewsgroupsSource& source, int64_t max_words);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_NEWSGROUPS_H_
