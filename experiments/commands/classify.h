// Labels a user's texts with a run's initialisation, after adaptation to a few labelled examples.
#ifndef EXPERIMENTS_COMMANDS_CLASSIFY_H_
#define EXPERIMENTS_COMMANDS_CLASSIFY_H_

#include <istream>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "experiments/host/progress.h"

namespace metaprompt {

struct ClassifyOptions {
  std::string run;        // the run's folder
  std::string support;    // file of `label<TAB>text` lines: see ReadSupport
  std::string text;       // the file with the texts; empty: the standard input
  int shots = 0;          // 0: the run's number of shots nearest to the examples per class
  bool all = false;       // whether to write every class's probability
  bool json = false;      // whether to write JSON
  std::string precision;  // of the encoder's matrix products, FLOAT32 or BFLOAT16; empty: the run's
  std::string device = "cpu";
  int threads = 1;
};

// Adapts the run's initialisation to the classes of the support file. Then writes, for each line of `in`,
//   label<TAB>probability<TAB>text
// with the label and probability of the most probable class. In the text, a run of blanks becomes one blank. With
// `all`, a line of column names comes first, and the probabilities of all classes come between probability and text, in
// the order of the classes in the support file. With `json`, each line is an object with label, probability, text
// (unchanged) and, with `all`, probabilities.
// Only the run's folder is needed, not its data or checkpoint. The line of a text depends on the other texts only by
// rounding. An error names the line that is wrong; the results of the lines before it are written.
absl::Status ClassifyLines(const ClassifyOptions& options, std::istream* in, std::ostream* out, Progress* progress);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_CLASSIFY_H_
