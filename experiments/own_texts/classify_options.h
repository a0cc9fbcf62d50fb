// The options of `metaprompt classify`.
#ifndef EXPERIMENTS_OWN_TEXTS_CLASSIFY_OPTIONS_H_
#define EXPERIMENTS_OWN_TEXTS_CLASSIFY_OPTIONS_H_

#include <optional>
#include <string>

#include "datasets/readers/table_format.h"

namespace metaprompt {

struct ClassifyOptions {
  // What to start from; exactly one of these.
  std::string run;                  // a run's folder
  std::string encoder;              // a checkpoint in Hugging Face's format
  std::string model;                // a folder that an earlier call wrote for `save`
  std::string support;              // file of labelled examples (see ReadExamples); required unless `model` is set
  std::optional<std::string> save;  // folder for the adapted classifier; unset: it is not kept
  ColumnNames columns;              // of the examples and the texts
  int shots = 0;                    // 0: the run's number of shots nearest to the examples per class
  bool calibrate = true;
  bool labelled = false;      // the texts have labels: report how good the answers are, and not the answers
  bool text_is_file = false;  // whether the texts are a file, which must have one at least; not the standard input
  bool all = false;           // whether to write every class's probability
  bool json = false;          // whether to write JSON
  std::string precision;      // of the encoder's matrix products, FLOAT32 or BFLOAT16; empty: the run's
  std::string device = "cpu";
  int threads = 1;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_CLASSIFY_OPTIONS_H_
