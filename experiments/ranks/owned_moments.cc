#include "experiments/ranks/owned_moments.h"

#include <ATen/ATen.h>

#include <utility>

#include "experiments/ranks/outcome.h"
#include "experiments/ranks/tensor_stream.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

AdamWNumbers NumbersOf(const UpdateRequest& request) {
  AdamWNumbers numbers;
  numbers.scale = request.scale();
  numbers.beta1 = request.beta1();
  numbers.beta2 = request.beta2();
  numbers.epsilon = request.epsilon();
  numbers.correction1 = request.correction1();
  numbers.correction2 = request.correction2();
  numbers.rates.assign(request.rates().begin(), request.rates().end());
  numbers.keep.assign(request.keep().begin(), request.keep().end());
  return numbers;
}

}  // namespace

OwnedMoments::OwnedMoments(std::vector<ParamInfo> infos, at::Device device, Link* link)
    : infos_(std::move(infos)), device_(device), link_(link), state_(NoMoments(ParamList(infos_.size()))) {}

absl::Status OwnedMoments::Update(const UpdateRequest& request, ParamList* params) {
  RETURN_IF_ERROR(ReceiveTensors(infos_, device_, 0, Lane::kRequests, link_, params));
  ParamList grads(infos_.size());
  RETURN_IF_ERROR(ReceiveTensors(infos_, device_, 0, Lane::kRequests, link_, &grads));
  const absl::Status updated = WithoutExceptions([&] {
    AdamWApply(NumbersOf(request), grads, params, &state_);
    return absl::OkStatus();
  });
  Outcome outcome;
  SetOutcome(updated, &outcome);
  RETURN_IF_ERROR(link_->SendMessage(0, Lane::kRequests, outcome));
  if (!updated.ok()) {
    return absl::OkStatus();  // rank 0 ends the run
  }
  return SendTensors(SentParts::Defined(grads), *params, 0, Lane::kRequests, link_);
}

absl::Status OwnedMoments::Exchange(const MomentsRequest& request) {
  if (!request.send()) {
    state_ = NoMoments(ParamList(infos_.size()));
    RETURN_IF_ERROR(ReceiveTensors(infos_, device_, 0, Lane::kRequests, link_, &state_.first));
    return ReceiveTensors(infos_, device_, 0, Lane::kRequests, link_, &state_.second);
  }
  TensorWriter writer(0, Lane::kRequests, link_);
  for (const ParamList* const moments : {&state_.first, &state_.second}) {
    for (const at::Tensor& moment : *moments) {
      if (moment.defined()) {
        RETURN_IF_ERROR(writer.Write(moment));
      }
    }
  }
  return writer.End();
}

}  // namespace metaprompt
