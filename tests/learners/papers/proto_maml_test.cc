// ProtoMAML is MAML in a model whose class vectors start as prototypes.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "learners/inner/gradients.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/param_lists.h"
#include "tests/helpers/toy_tasks.h"

namespace metaprompt {
namespace {

// ProtoMAML equals MAML in a model whose class vectors start as prototypes: the same start and the same gradient.
TEST(ProtoMamlConformanceTest, ItIsMamlWithPrototypes) {
  SetOperationThreads(1);
  LearnerSpec maml;
  maml.mutable_maml();
  maml = WithSettings(maml, kToyInner);
  LearnerSpec proto_maml = maml;
  proto_maml.mutable_proto_maml()->set_temperature(4);
  const Episode episode = BuildEpisode(MakeToyTask(17, 2, 2));
  ModelSpec without = ToyModelSpec(ToyModelKind::kPrototypes);
  without.clear_verbalizer();
  const PromptModel plain(without, kToyVocab, kToySoft);
  const std::unique_ptr<Learner> own = MakeLearner(proto_maml);
  const ParamList meta = LocalParams(plain.params(), WholeParams(plain, *own, true), episode.rows);
  const TaskGradient expected = own->MetaGradient(plain, meta, episode, 0);
  const PromptModel& with_prototypes = ToyModel(ToyModelKind::kPrototypes);
  for (const LearnerSpec& spec : {maml, proto_maml}) {  // the only class vectors are the learner's own
    const std::unique_ptr<Learner> learner = MakeLearner(spec);
    const TaskGradient found = learner->MetaGradient(with_prototypes, meta, episode, 0);
    ExpectSameBits(found.grads, expected.grads, "gradient");
    ExpectSameBits(Flat(learner->Adapt(with_prototypes, meta, episode.support)),
                   Flat(own->Adapt(plain, meta, episode.support)), "adapted");
  }
  // 2 c / temperature and -|c|² / temperature at the start.
  const std::unique_ptr<Learner> start = MakeLearner(WithSettings(maml, "inner { steps: 0 }"));
  const ModelParams adapted = start->Adapt(with_prototypes, meta, episode.support).model;
  const at::Tensor read = plain.Forward(meta, episode.support).read;
  for (int64_t way = 0; way < kToyWays; ++way) {
    const at::Tensor mean = read.index_select(0, episode.support.labels.eq(way).nonzero().view({-1})).mean(0);
    EXPECT_LT(MaxDifference(adapted.head[0][way], mean / 2), 1e-12);
    EXPECT_LT(MaxDifference(adapted.head[1][way], mean.dot(mean) / -4), 1e-12);
  }
  // One step from there with the class vectors as ordinary parameters. (Adapt saves a forward pass here.)
  const ParamList start_list = Flat({adapted, {}, {}});
  const ParamList leaves = Leaves(start_list, std::vector<bool>(start_list.size(), true));
  const ModelOutput output = plain.Forward(SplitHead(plain, leaves), episode.support);
  const ParamList grads = Gradients({plain.Loss(output, episode.support)}, leaves, {}, false, false);
  const ModelParams stepped =
      MakeLearner(WithSettings(maml, "inner { steps: 1 encoder_lr: 0.25 prompt_lr: 0.25 class_lr: 0.25 }"))
          ->Adapt(with_prototypes, meta, episode.support)
          .model;
  for (size_t i = 0; i < leaves.size(); ++i) {
    const at::Tensor expected_step = grads[i].defined() ? adapted[i] - grads[i] * 0.25 : adapted[i];
    EXPECT_LT(MaxDifference(stepped[i], expected_step), 1e-14) << i;
  }
}

}  // namespace
}  // namespace metaprompt
