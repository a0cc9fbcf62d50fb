// Texts of somebody's own, labelled by a run's initialisation after a few examples.
#ifndef EXPERIMENTS_COMMANDS_CLASSIFY_H_
#define EXPERIMENTS_COMMANDS_CLASSIFY_H_

#include <istream>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "experiments/host/progress.h"

namespace metaprompt {

struct ClassifyOptions {
  std::string run;
  std::string support;  // file of `label<TAB>text` lines: see ReadSupport
  std::string text;     // the file that the texts come from; empty: the standard input
  int shots = 0;        // 0: the run's nearest to the examples a class
  bool all = false;     // every class's probability
  bool json = false;
  std::string device = "cpu";
  int threads = 1;
};

// Adapts the run's initialisation to the support file's classes, and writes for each line of `in`
//   label<TAB>probability<TAB>text
// as it goes: label and probability of the likeliest class, and the text with its runs of blanks as one. With `all`, a
// line of column names first, and between probability and text each class's probability, in the order in which the
// support file has them. With `json`, an object a line: label, probability, text (as it was) and, with `all`,
// probabilities. Of the run's folder alone: neither its data nor its checkpoint need be there. A text's line is the
// same in any order and company but for rounding. An error names the line; those before it are written.
absl::Status ClassifyLines(const ClassifyOptions& options, std::istream* in, std::ostream* out, Progress* progress);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_CLASSIFY_H_
