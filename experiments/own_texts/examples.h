// Reads a user's examples: labelled texts in a file of any layout.
#ifndef EXPERIMENTS_OWN_TEXTS_EXAMPLES_H_
#define EXPERIMENTS_OWN_TEXTS_EXAMPLES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "datasets/readers/table_format.h"
#include "experiments/own_texts/support_classes.h"

namespace metaprompt {

struct Examples {
  std::vector<SupportClass> classes;  // two or more, in the order of their first texts
  TableFormat format;
};

// Reads CSV, TSV or JSON lines, with a header or without, or `label<TAB>text` or `label<TAB>name<TAB>text` lines.
// Labels and names must be IsPrintable. Errors name file and line.
absl::StatusOr<Examples> ReadExamples(const std::string& path, const ColumnNames& columns);

// The warning that texts of the file `path` are examples of two classes, with the first of these texts; empty if none
// is.
std::string TwoClassesWarning(const std::string& path, const std::vector<SupportClass>& classes);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_EXAMPLES_H_
