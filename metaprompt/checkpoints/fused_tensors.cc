#include "metaprompt/checkpoints/fused_tensors.h"

#include <ATen/ATen.h>

#include <map>
#include <utility>

namespace metaprompt {

std::vector<CheckpointTensor> CheckpointTensorsOf(const EncoderLayout& layout) {
  std::map<size_t, const FusedTensor*> fused_at;  // by place of a part
  for (const FusedTensor& fused : layout.fused) {
    for (const size_t part : fused.parts) {
      fused_at[part] = &fused;
    }
  }
  std::vector<CheckpointTensor> tensors;
  for (size_t place = 0; place < layout.params.size(); ++place) {
    const ParamInfo& info = layout.params[place];
    const auto found = fused_at.find(place);
    if (found == fused_at.end()) {
      tensors.push_back({info.name, info.shape, {place}});
    } else if (const FusedTensor& fused = *found->second; fused.parts.front() == place) {
      CheckpointTensor tensor = {fused.name, info.shape, fused.parts};
      tensor.shape[0] = 0;
      for (const size_t part : fused.parts) {
        tensor.shape[0] += layout.params[part].shape[0];
      }
      tensors.push_back(std::move(tensor));
    }
  }
  return tensors;
}

at::Tensor Joined(const CheckpointTensor& tensor, const ParamList& params) {
  if (tensor.parts.size() == 1) {
    return params[tensor.parts.front()];
  }
  std::vector<at::Tensor> parts;
  for (const size_t part : tensor.parts) {
    parts.push_back(params[part]);
  }
  return at::cat(parts);
}

std::vector<at::Tensor> Split(const CheckpointTensor& tensor, const EncoderLayout& layout, const at::Tensor& whole) {
  if (tensor.parts.size() == 1) {
    return {whole};
  }
  std::vector<at::Tensor> parts;
  int64_t row = 0;
  for (const size_t part : tensor.parts) {
    const int64_t rows = layout.params[part].shape[0];
    parts.push_back(whole.narrow(0, row, rows).clone());
    row += rows;
  }
  return parts;
}

}  // namespace metaprompt
