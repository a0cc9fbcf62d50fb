#include "experiments/ranks/divided_optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "experiments/ranks/outcome.h"
#include "experiments/ranks/ranks.pb.h"
#include "experiments/ranks/tensor_stream.h"
#include "experiments/ranks/timer.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

int64_t Numbers(const ParamInfo& info) {
  int64_t numbers = 1;
  for (const int64_t size : info.shape) {
    numbers *= size;
  }
  return numbers;
}

RankRequest RequestOf(const AdamWNumbers& numbers) {
  RankRequest request;
  UpdateRequest* const update = request.mutable_update();
  update->set_scale(numbers.scale);
  update->set_beta1(numbers.beta1);
  update->set_beta2(numbers.beta2);
  update->set_epsilon(numbers.epsilon);
  update->set_correction1(numbers.correction1);
  update->set_correction2(numbers.correction2);
  update->mutable_rates()->Add(numbers.rates.begin(), numbers.rates.end());
  update->mutable_keep()->Add(numbers.keep.begin(), numbers.keep.end());
  return request;
}

RankRequest MomentsMessage(bool send) {
  RankRequest request;
  request.mutable_moments()->set_send(send);
  return request;
}

// The moments that the ranks send, each its own in the order of the parameters, in the order of all parameters.
class MomentsReader {
 public:
  // `owners`: those of all parameters.
  MomentsReader(const std::vector<ParamInfo>& infos, const std::vector<int>& owners, Link* link) {
    std::map<int, SentParts> sent;
    for (size_t i = 0; i < infos.size(); ++i) {
      if (owners[i] > 0) {
        order_.emplace_back(owners[i], infos[i].shape);
        SentParts& parts = sent[owners[i]];
        parts.parts.resize(infos.size(), SentParts::kNothing);
        parts.parts[i] = SentParts::kWhole;
      }
    }
    for (const auto& [rank, parts] : sent) {
      readers_.emplace(rank, TensorReader(2 * parts.Bytes(infos, at::kFloat), rank, Lane::kRequests, link));
    }
  }

  // The ranks that send moments.
  std::vector<int> Ranks() const {
    std::vector<int> ranks;
    for (const auto& one : readers_) {
      ranks.push_back(one.first);
    }
    return ranks;
  }
  // The rank that sends the next moment.
  int Rank() const { return order_[next_ % order_.size()].first; }
  absl::StatusOr<at::Tensor> Next() {
    const auto& [rank, shape] = order_[next_++ % order_.size()];
    return readers_.at(rank).Read(shape, at::kFloat);
  }

 private:
  std::vector<std::pair<int, std::vector<int64_t>>>
      order_;  // rank and shape of the first moments; the second ones follow
  std::map<int, TensorReader> readers_;
  size_t next_ = 0;
};

}  // namespace

void DividedOptimizer::Assign(std::vector<size_t> which) {
  std::stable_sort(which.begin(), which.end(),
                   [&](size_t a, size_t b) { return Numbers(parts_.infos[a]) > Numbers(parts_.infos[b]); });
  for (const size_t i : which) {
    const auto least = std::min_element(numbers_.rbegin(), numbers_.rend());
    *least += Numbers(parts_.infos[i]);
    owners_[i] = static_cast<int>(numbers_.rend() - least) - 1;
  }
}

ParamList DividedOptimizer::Of(int rank, const ParamList& tensors) const {
  ParamList of_rank(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    of_rank[i] = owners_[i] == rank ? tensors[i] : at::Tensor();
  }
  return of_rank;
}

absl::Status DividedOptimizer::Divide(AdamWState* state) {
  const Timer timer(parts_.seconds);
  owners_.assign(parts_.infos.size(), -1);
  numbers_.assign(static_cast<size_t>(parts_.ranks), 0);
  std::vector<size_t> have;
  for (size_t i = 0; i < owners_.size(); ++i) {
    if (state->first[i].defined()) {
      have.push_back(i);
    }
  }
  Assign(std::move(have));
  for (int r = 1; r < parts_.ranks; ++r) {
    absl::Status sent = parts_.link->SendMessage(r, Lane::kRequests, MomentsMessage(false));
    for (ParamList* const moments : {&state->first, &state->second}) {
      if (sent.ok()) {
        const ParamList of_rank = Of(r, *moments);
        sent = SendTensors(SentParts::Defined(of_rank), of_rank, r, Lane::kRequests, parts_.link);
      }
    }
    if (!sent.ok()) {
      return parts_.lost(r, sent);
    }
  }
  state->first = Of(0, state->first);
  state->second = Of(0, state->second);
  return absl::OkStatus();
}

absl::Status DividedOptimizer::SendUpdate(int rank, const AdamWNumbers& numbers, const ParamList& grads,
                                          const ParamList& params) {
  const SentParts updated = SentParts::Defined(grads);
  SentParts values = updated;
  std::vector<bool>& stale = (*parts_.stale)[static_cast<size_t>(rank)];
  for (size_t i = 0; i < grads.size(); ++i) {
    values.parts[i] = stale[i] ? values.parts[i] : SentParts::kNothing;
    stale[i] = stale[i] && !grads[i].defined();
  }
  RETURN_IF_ERROR(parts_.link->SendMessage(rank, Lane::kRequests, RequestOf(numbers)));
  RETURN_IF_ERROR(SendTensors(values, params, rank, Lane::kRequests, parts_.link));
  return SendTensors(updated, grads, rank, Lane::kRequests, parts_.link);
}

absl::Status DividedOptimizer::ReceiveUpdate(int rank, ParamList* params) {
  Outcome outcome;
  absl::Status received = parts_.link->ReceiveMessage(rank, Lane::kRequests, &outcome);
  if (received.ok()) {
    RETURN_IF_ERROR(StatusOf(rank, outcome));
    received = ReceiveTensors(parts_.infos, parts_.device, rank, Lane::kRequests, parts_.link, params);
  }
  return received.ok() ? received : parts_.lost(rank, received);
}

absl::Status DividedOptimizer::Update(const AdamWNumbers& numbers, const ParamList& grads, ParamList* params,
                                      AdamWState* state) {
  std::vector<size_t> begin;  // to have moments
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!numbers.sgd && grads[i].defined() && owners_[i] < 0) {
      begin.push_back(i);
    }
  }
  Assign(std::move(begin));
  whole_ = false;
  ParamList own = grads;  // what is left of the gradients for rank 0
  std::vector<int> asked;
  for (int r = 1; r < parts_.ranks; ++r) {
    const Timer timer(parts_.seconds);
    const ParamList of_rank = Of(r, grads);
    if (std::none_of(of_rank.begin(), of_rank.end(), [](const at::Tensor& grad) { return grad.defined(); })) {
      continue;
    }
    if (const absl::Status sent = SendUpdate(r, numbers, of_rank, *params); !sent.ok()) {
      return parts_.lost(r, sent);
    }
    asked.push_back(r);
    for (size_t i = 0; i < own.size(); ++i) {
      own[i] = of_rank[i].defined() ? at::Tensor() : own[i];
    }
  }
  AdamWApply(numbers, own, params, state);
  const Timer timer(parts_.seconds);
  for (const int r : asked) {
    RETURN_IF_ERROR(ReceiveUpdate(r, params));
  }
  whole_ = true;
  return absl::OkStatus();
}

absl::StatusOr<MomentOwners::NextMoment> DividedOptimizer::Moments() {
  if (!whole_) {
    return absl::CancelledError("the last update has failed");
  }
  const Timer timer(parts_.seconds);
  const auto reader = std::make_shared<MomentsReader>(parts_.infos, owners_, parts_.link);
  for (const int r : reader->Ranks()) {
    if (const absl::Status sent = parts_.link->SendMessage(r, Lane::kRequests, MomentsMessage(true)); !sent.ok()) {
      return parts_.lost(r, sent);
    }
  }
  return NextMoment([this, reader]() -> absl::StatusOr<at::Tensor> {
    const Timer timer(parts_.seconds);
    const int rank = reader->Rank();
    absl::StatusOr<at::Tensor> moment = reader->Next();
    return moment.ok() ? std::move(moment) : parts_.lost(rank, moment.status());
  });
}

}  // namespace metaprompt
