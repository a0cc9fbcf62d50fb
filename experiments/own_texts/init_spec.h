// A first spec for a person's own file of labelled texts.
#ifndef EXPERIMENTS_OWN_TEXTS_INIT_SPEC_H_
#define EXPERIMENTS_OWN_TEXTS_INIT_SPEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "datasets/readers/table_format.h"

namespace metaprompt {

struct InitOptions {
  std::string data;     // the file
  std::string encoder;  // a checkpoint's folder; empty: a small encoder with random weights
  std::string kind;     // one of InitKinds; empty: the first
  ColumnNames columns;
};

// Looks at the file and returns a spec with comments: what was found, what was chosen, and why. The spec was checked
// and its data loaded, so that `metaprompt run` starts with it. Errors name the file. If it has too few classes to
// train, validate and test on different ones, the error names a command that works with fewer.
absl::StatusOr<std::string> InitSpec(const InitOptions& options);

// The kinds of experiment, one line each: name and meaning.
std::string InitKinds();

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_INIT_SPEC_H_
