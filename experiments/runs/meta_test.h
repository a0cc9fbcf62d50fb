// Meta-test of one initialisation, for one number of shots.
#ifndef EXPERIMENTS_RUNS_META_TEST_H_
#define EXPERIMENTS_RUNS_META_TEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "experiments/result.pb.h"
#include "experiments/runs/count_words.h"
#include "experiments/runs/run_context.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Adapts `params`, the parameters of MetaInfos, to each test episode. Keeps one line per finished episode in the run
// directory's `test-Kshot-INITIALISATION.tsv`, so that a stopped test can continue. Unseals the test classes' texts
// while it runs.
absl::StatusOr<Evaluation> MetaTest(const RunContext& context, int shots, const std::string& initialisation,
                                    const ParamList& params);

// The same episodes with the word-counting baseline (count_words.h), which is fast because nothing is adapted.
absl::StatusOr<Evaluation> TestWordCounts(const RunContext& context, int shots, WordCounts* words);

// `of` minus `over`, paired by episode. Both must have the same episodes.
PairedDifference Paired(const Evaluation& of, const Evaluation& over);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_META_TEST_H_
