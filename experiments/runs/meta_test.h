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

// Adapts `params`, which are of MetaInfos, to each test episode. Keeps what is done in the run directory's
// `test-Kshot-INITIALISATION.tsv`, a line per episode, so that a stopped test continues there. Opens the test classes'
// texts for as long as it takes.
absl::StatusOr<Evaluation> MetaTest(const RunContext& context, int shots, const std::string& initialisation,
                                    const ParamList& params);

// The same episodes by counting words alone. It has nothing to adapt and takes a moment.
absl::StatusOr<Evaluation> TestWordCounts(const RunContext& context, int shots, WordCounts* words);

// `of` minus `over`, episode by episode: they have the same episodes.
PairedDifference Paired(const Evaluation& of, const Evaluation& over);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_META_TEST_H_
