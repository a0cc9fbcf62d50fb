// A first spec for a user's file of labelled texts.
#ifndef EXPERIMENTS_OWN_TEXTS_INIT_SPEC_H_
#define EXPERIMENTS_OWN_TEXTS_INIT_SPEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "datasets/readers/table_format.h"

namespace metaprompt {

struct InitOptions {
  std::string data;     // the file
  std::string encoder;  // a checkpoint's folder; empty: a small encoder with random weights
  std::string kind;     // one of InitKinds; empty: the first one
  ColumnNames columns;
};

// Reads the file and returns a spec with comments: what was found, what was chosen, and why. The spec is checked and
// its data are loaded, so that `metaprompt run` will start with it. Errors name the file. If there are too few classes
// to train, validate and test on different ones, the error names a command that works with fewer.
absl::StatusOr<std::string> InitSpec(const InitOptions& options);

// The kinds of experiment, one line each: name and meaning.
std::string InitKinds();

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_INIT_SPEC_H_
