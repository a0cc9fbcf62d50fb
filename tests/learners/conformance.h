// The cases of the conformance tests, which each learner must pass: each learner of LearnerSpec's oneof with each group
// of settings that it uses. They are found by reflection, so a new learner is tested, too.
#ifndef TESTS_LEARNERS_CONFORMANCE_H_
#define TESTS_LEARNERS_CONFORMANCE_H_

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "learners/learner.h"
#include "learners/learner.pb.h"
#include "learners/learner_facts.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/toy_tasks.h"

namespace metaprompt {

struct ConformanceCase {
  std::string name;  // "maml_AdamW"
  LearnerSpec spec;
  ToyModelKind model = ToyModelKind::kPlain;
};

std::ostream& operator<<(std::ostream& out, const ConformanceCase& one);

// Each learner with each variant of the shared settings that it uses, and with each choice of its own settings: each
// flag inverted, each other value of an enumeration, each optional part.
std::vector<ConformanceCase> AllConformanceCases();

class ConformanceTest : public ::testing::TestWithParam<ConformanceCase> {
 protected:
  // Sets one thread, as for a task of a pool. With more threads, LibTorch's layer norm sums in another order.
  void SetUp() override;

  static const LearnerSpec& spec() { return GetParam().spec; }
  static const PromptModel& model() { return ToyModel(GetParam().model); }
  static const LearnerFacts& learner_facts() { return FactsOf(spec()); }
  static bool HasInnerSteps() { return Heeds(spec(), LearnerFacts::INNER); }
  // Whether dropout, or the choice of texts for a step, depends on the order of the texts in the support set.
  static bool DependsOnOrder() {
    return model().drops() || spec().inner().batch() > 0 || learner_facts().needs_sequences();
  }

  // The tasks in the form that the model takes: texts or images.
  static Episode BuildEpisode(const std::vector<ToyTask>& tasks, const std::vector<int64_t>& way = {0, 1, 2}) {
    if (GetParam().model == ToyModelKind::kImages) {
      return BuildImageEpisode(tasks, way);
    }
    const Episode episode = metaprompt::BuildEpisode(tasks, way);
    return Decodes(GetParam().model) ? WithDecoderStart(episode) : episode;
  }
  static Episode BuildEpisode(const ToyTask& task, const std::vector<int64_t>& way = {0, 1, 2}) {
    return BuildEpisode(std::vector<ToyTask>{task}, way);
  }

  // The episode's local meta-parameters.
  static ParamList Meta(const Learner& learner, const Episode& episode, bool noise = true);
  // The logits after adaptation to `support`.
  static at::Tensor Logits(const Learner& learner, const ParamList& meta, const Batch& support, const Batch& query);
  static double Loss(const Learner& learner, const ParamList& meta, const Batch& support, const Batch& query);

  // Which of the meta-parameters may be learned: those of the model that learner.learns names (none if the learner does
  // not use that setting), and the learner's own.
  static std::vector<bool> MayLearn(size_t count);
  // Whether anything is learned.
  static bool Learns(const Learner& learner);
};

}  // namespace metaprompt

#endif  // TESTS_LEARNERS_CONFORMANCE_H_
