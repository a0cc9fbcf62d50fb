// Labels a user's texts with a run's initialisation or a checkpoint that is adapted to a few labelled examples.
#ifndef EXPERIMENTS_OWN_TEXTS_CLASSIFY_H_
#define EXPERIMENTS_OWN_TEXTS_CLASSIFY_H_

#include <istream>
#include <ostream>

#include "absl/status/status.h"
#include "experiments/host/progress.h"
#include "experiments/own_texts/classify_options.h"

namespace metaprompt {

// Adapts to the classes of the examples, or opens the saved classifier. Then writes, for each text of `in`,
//   label<TAB>probability<TAB>text
// with the label and probability of the most probable class. In the text, a run of blanks becomes one blank. With
// `all`, a line of column names comes first, and the probabilities of all classes come between probability and text, in
// the order of the classes. With `json`, each line is an object with label, probability, text (unchanged) and, with
// `all`, probabilities. Columns that `columns.keep` names follow the text. A blank text has no label and no
// probability: both are empty, or null.
// The texts are lines, or CSV, TSV or JSON lines whose text column is found by its name (TextFormat). If an example has
// several texts, such as a pair, each has its own column in the input and in the output. Whenever no more input is
// waiting, the texts read so far are labelled and written, so that answers appear line by line on a terminal. With
// `calibrate`, class scores are divided by a temperature (LeaveOneOut) before they become probabilities. With
// `labelled`, the texts are a table like the examples, and only LabelledResult's text or JSON is written, at the end.
// Of a run, only its folder is needed, not its data or checkpoint. The result for a text depends on the other texts
// only by rounding. `name` is the name of `in` in errors. An error names the line that is wrong; the results for the
// lines before it are written.
absl::Status ClassifyLines(const ClassifyOptions& options, std::istream* in, const std::string& name, std::ostream* out,
                           Progress* progress);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_CLASSIFY_H_
