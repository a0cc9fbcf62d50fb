// An optimizer whose moments several ranks hold. The ranks are threads here.
#include "experiments/ranks/divided_optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/ranks/owned_moments.h"
#include "experiments/ranks/ranks.pb.h"
#include "tests/experiments/ranks/with_ranks.h"

namespace metaprompt {
namespace {

constexpr int64_t kTotal = 10;

// Parameter 3 is not learned, and parameter 4 has its first gradient in the second update.
std::vector<ParamInfo> Infos() {
  std::vector<ParamInfo> infos;
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{40, 10}, {300}, {7, 5}, {20, 20}, {10, 10}, {1}}) {
    ParamInfo info;
    info.name = absl::StrCat("parameter ", infos.size());
    info.shape = shape;
    info.decay = shape.size() > 1;
    info.vocab_rows = shape[0] == 40;
    infos.push_back(info);
  }
  return infos;
}

ParamList Numbers(uint64_t seed) {
  at::manual_seed(seed);
  ParamList numbers;
  for (const ParamInfo& info : Infos()) {
    numbers.push_back(at::randn(info.shape));
  }
  return numbers;
}

ParamList Grads(int64_t update) {
  ParamList grads = Numbers(100 + static_cast<uint64_t>(update));
  grads[3] = at::Tensor();
  grads[4] = update == 0 ? at::Tensor() : grads[4];
  return grads;
}

// With warm-up, decay of the weights, and clipping.
MetaOptimizerSpec Optimizer() {
  MetaOptimizerSpec spec;
  spec.set_encoder_lr(0.1);
  spec.set_word_lr(0.2);
  spec.set_weight_decay(0.1);
  spec.set_clip_norm(1);
  spec.set_warmup_share(0.5);
  return spec;
}

// Parameters and moments after some updates in one process.
struct Trained {
  ParamList params = Numbers(1);
  AdamWState state = NoMoments(params);
};

Trained InOneProcess(int64_t updates) {
  Trained trained;
  for (int64_t u = 0; u < updates; ++u) {
    AdamWUpdate(Optimizer(), Infos(), kTotal, Grads(u), &trained.params, &trained.state);
  }
  return trained;
}

void ExpectSame(const ParamList& a, const ParamList& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].defined(), b[i].defined()) << what << ", parameter " << i;
    EXPECT_TRUE(!a[i].defined() || at::equal(a[i], b[i])) << what << ", parameter " << i;
  }
}

std::vector<bool> Which(const ParamList& tensors) {
  std::vector<bool> which;
  for (const at::Tensor& tensor : tensors) {
    which.push_back(tensor.defined());
  }
  return which;
}

// Rank 0 does what `rank0` does. The others serve it until it returns, or until `requests` requests were served.
// Returns the moments that each of the others holds then.
std::map<int, AdamWState> Divided(int ranks, const std::function<void(DividedOptimizer*, StaleTable*, Link*)>& rank0,
                                  int requests = 1000) {
  std::map<int, AdamWState> held;
  std::mutex mutex;
  WithRanks(ranks, [&](int rank, Link* link) {
    RankRequest request;
    if (rank == 0) {
      StaleTable stale(static_cast<size_t>(ranks), std::vector<bool>(Infos().size(), true));
      double seconds = 0;
      DividedOptimizer::Parts parts;
      parts.infos = Infos();
      parts.ranks = ranks;
      parts.link = link;
      parts.stale = &stale;
      parts.seconds = &seconds;
      parts.lost = [](int lost, const absl::Status& /*why*/) {
        return absl::CancelledError(absl::StrCat("lost rank ", lost));
      };
      DividedOptimizer divided(std::move(parts));
      rank0(&divided, &stale, link);
      request.mutable_episodes();  // the end
      for (int r = 1; r < ranks && requests == 1000; ++r) {
        ASSERT_TRUE(link->SendMessage(r, Lane::kRequests, request).ok());
      }
      return;
    }
    OwnedMoments owned(Infos(), at::kCPU, link);
    ParamList params(Infos().size());
    for (int served = 0; served < requests; ++served) {
      ASSERT_TRUE(link->ReceiveMessage(0, Lane::kRequests, &request).ok());
      if (request.has_episodes()) {
        break;
      }
      const absl::Status status =
          request.has_update() ? owned.Update(request.update(), &params) : owned.Exchange(request.moments());
      ASSERT_TRUE(status.ok()) << status;
    }
    const std::lock_guard<std::mutex> lock(mutex);
    held[rank] = owned.state();
  });
  return held;
}

// One update, after which a parameter is stale where it was not updated.
absl::Status Update(int64_t update, DividedOptimizer* divided, StaleTable* stale, Trained* trained) {
  const ParamList grads = Grads(update);
  const AdamWNumbers numbers = NumbersOf(Optimizer(), Infos(), kTotal, NormOf(grads), trained->state.step);
  const absl::Status updated = divided->Update(numbers, grads, &trained->params, &trained->state);
  for (size_t r = 0; r < stale->size(); ++r) {
    for (size_t i = 0; i < grads.size(); ++i) {
      (*stale)[r][i] = (*stale)[r][i] || (grads[i].defined() && divided->Owner(i) != static_cast<int>(r));
    }
  }
  return updated;
}

TEST(DividedOptimizerTest, EachRankHoldsAndUpdatesItsParameters) {
  const Trained expected = InOneProcess(3);
  const std::map<int, AdamWState> held = Divided(3, [&](DividedOptimizer* divided, StaleTable* stale, Link*) {
    Trained trained;
    ASSERT_TRUE(divided->Divide(&trained.state).ok());
    ASSERT_TRUE(Update(0, divided, stale, &trained).ok());
    ExpectSame(trained.params, InOneProcess(1).params, "after one update");
    // From now on, the owners have newer values than any that they could be sent.
    trained.params[0] = at::full_like(trained.params[0], NAN);
    trained.params[1] = at::full_like(trained.params[1], NAN);
    ASSERT_TRUE(Update(1, divided, stale, &trained).ok());
    ASSERT_TRUE(Update(2, divided, stale, &trained).ok());
    ExpectSame(trained.params, expected.params, "after three updates");

    // 400, 300, 35 and 1 numbers get their owners first, then 100.
    const std::vector<int> owners = {2, 1, 0, -1, 0, 0};
    for (size_t i = 0; i < owners.size(); ++i) {
      EXPECT_EQ(divided->Owner(i), owners[i]) << i;
      EXPECT_EQ(divided->HeldElsewhere(i), owners[i] > 0) << i;
    }
    EXPECT_EQ(Which(trained.state.first), std::vector<bool>({false, false, true, false, true, true}));
    EXPECT_EQ(Which(trained.state.second), Which(trained.state.first));
    for (int again = 0; again < 2; ++again) {  // a copy is sent each time
      absl::StatusOr<MomentOwners::NextMoment> next = divided->Moments();
      ASSERT_TRUE(next.ok()) << next.status();
      for (const ParamList* const moments : {&expected.state.first, &expected.state.second}) {
        EXPECT_TRUE(at::equal(*(*next)(), (*moments)[0]));
        EXPECT_TRUE(at::equal(*(*next)(), (*moments)[1]));
      }
    }
  });
  EXPECT_EQ(Which(held.at(1).first), std::vector<bool>({false, true, false, false, false, false}));
  EXPECT_EQ(Which(held.at(1).second), Which(held.at(1).first));
  EXPECT_EQ(Which(held.at(2).first), std::vector<bool>({true, false, false, false, false, false}));
}

TEST(DividedOptimizerTest, MomentsAreDividedAgainAndForgotten) {
  const std::map<int, AdamWState> held = Divided(2, [&](DividedOptimizer* divided, StaleTable* stale, Link*) {
    Trained trained = InOneProcess(2);  // by another number of ranks
    ASSERT_TRUE(divided->Divide(&trained.state).ok());
    EXPECT_EQ(Which(trained.state.first), std::vector<bool>({false, true, false, false, true, true}))
        << "300 + 100 + 1 numbers in rank 0, 400 + 35 in rank 1";
    ASSERT_TRUE(Update(2, divided, stale, &trained).ok());
    ExpectSame(trained.params, InOneProcess(3).params, "after three updates");
    AdamWState none = NoMoments(trained.params);
    ASSERT_TRUE(divided->Divide(&none).ok());
    EXPECT_FALSE(divided->HeldElsewhere(0));
  });
  EXPECT_EQ(Which(held.at(1).first), std::vector<bool>(6, false));
}

TEST(DividedOptimizerTest, GradientDescentHasNothingToDivide) {
  MetaOptimizerSpec descent = Optimizer();
  descent.set_optimizer(MetaOptimizerSpec::SGD);
  Trained expected;
  AdamWUpdate(descent, Infos(), kTotal, Grads(0), &expected.params, &expected.state);
  Divided(2, [&](DividedOptimizer* divided, StaleTable*, Link*) {
    Trained trained;
    ASSERT_TRUE(divided->Divide(&trained.state).ok());
    const AdamWNumbers numbers = NumbersOf(descent, Infos(), kTotal, NormOf(Grads(0)), 0);
    ASSERT_TRUE(divided->Update(numbers, Grads(0), &trained.params, &trained.state).ok());
    ExpectSame(trained.params, expected.params, "after an update");
    EXPECT_FALSE(divided->HeldElsewhere(0));
  });
}

// Part of the parameters may be new and part old, so this state must not be saved.
TEST(DividedOptimizerTest, AfterALostRankThereAreNoMoments) {
  Divided(
      2,
      [&](DividedOptimizer* divided, StaleTable* stale, Link* link) {
        Trained trained;
        ASSERT_TRUE(divided->Divide(&trained.state).ok());
        ASSERT_TRUE(Update(0, divided, stale, &trained).ok());
        link->Interrupt();
        EXPECT_EQ(Update(1, divided, stale, &trained), absl::CancelledError("lost rank 1"));
        EXPECT_EQ(divided->Moments().status(), absl::CancelledError("the last update has failed"));
      },
      /*requests=*/2);
}

}  // namespace
}  // namespace metaprompt
