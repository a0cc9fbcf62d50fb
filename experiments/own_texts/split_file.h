// Divides a user's file of labelled texts into examples and a test set.
#ifndef EXPERIMENTS_OWN_TEXTS_SPLIT_FILE_H_
#define EXPERIMENTS_OWN_TEXTS_SPLIT_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "datasets/readers/known_columns.h"

namespace metaprompt {

struct SplitFileOptions {
  std::string file;         // CSV, TSV, JSON lines or `label<TAB>text` lines
  std::string out;          // the folder to make
  double test_share = 0.2;  // of each class's texts, rounded to a whole number
  uint64_t seed = 0;        // decides which texts test
  ColumnNames columns;      // of the file
};

// Makes the folder `out` with two files of the same layout as `file`: `examples` and `test`, with the ending of `file`.
// Every record of `file` is in one of them, unchanged and in its order, and the header is in both. All copies of a text
// are in the same file, even those with another label. Which texts are drawn does not depend on the order of the file.
// Returns what to print: the layout, the numbers of texts, and the `classify` command that uses both files. Errors: an
// `out` that exists and is not an empty folder; a file that cannot be read; fewer than two classes; a class of which no
// example would be left; no test text at all.
absl::StatusOr<std::string> SplitFile(const SplitFileOptions& options);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_SPLIT_FILE_H_
