// 20 Newsgroups (Lang 1995): posts with mail headers, one post per file, in folders named after their groups.
#ifndef DATASETS_SOURCES_NEWSGROUPS_H_
#define DATASETS_SOURCES_NEWSGROUPS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "datasets/dataset.pb.h"
#include "datasets/sources/source_info.h"

namespace metaprompt {

// Reads the archive (20news-bydate, -18828, -19997) as a stream, or a folder with its files. The label is the name of
// the post's folder. Posts are in the order of their numbers, whatever their order in the archive. A path that ends
// with .json is read as a prepared file.
SourceInfo NewsgroupsSourceInfo();

// Turns a post in ISO 8859-1 into its text: UTF-8, in one line.
std::string PostText(absl::string_view post, const NewsgroupsSource& source, int64_t max_words);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_NEWSGROUPS_H_
