#include "metaprompt/checkpoints/fused_tensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace metaprompt {

std::vector<CheckpointTensor> CheckpointTensorsOf(const EncoderLayout& layout) {
  std::map<size_t, const FusedTensor*> fused_at;  // by the place of a part
  for (const FusedTensor& fused : layout.fused) {
    for (const size_t part : fused.parts) {
      fused_at[part] = &fused;
    }
  }
  std::set<size_t> matrices;  // those that are stored as [in, out]
  for (const LayerPlaces& at : layout.inputs_first ? layout.layers : std::vector<LayerPlaces>()) {
    matrices.insert({at.query, at.key, at.value, at.attention_out, at.up, at.gate, at.down});
  }
  std::vector<CheckpointTensor> tensors;
  for (size_t place = 0; place < layout.params.size(); ++place) {
    const ParamInfo& info = layout.params[place];
    const auto found = fused_at.find(place);
    CheckpointTensor tensor = {info.name, info.shape, {place}, matrices.count(place) > 0};
    if (found != fused_at.end()) {
      const FusedTensor& fused = *found->second;
      if (fused.parts.front() != place) {
        continue;  // already added
      }
      tensor.name = fused.name;
      tensor.parts = fused.parts;
      tensor.shape[0] = 0;
      for (const size_t part : fused.parts) {
        tensor.shape[0] += layout.params[part].shape[0];
      }
    }
    if (tensor.transposed) {
      std::reverse(tensor.shape.begin(), tensor.shape.end());
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

at::Tensor Joined(const CheckpointTensor& tensor, const ParamList& params) {
  if (tensor.parts.size() == 1 && !tensor.transposed) {
    return params[tensor.parts.front()];
  }
  std::vector<at::Tensor> parts;
  for (const size_t part : tensor.parts) {
    parts.push_back(params[part]);
  }
  const at::Tensor joined = at::cat(parts);
  return tensor.transposed ? joined.t().contiguous() : joined;
}

std::vector<at::Tensor> Split(const CheckpointTensor& tensor, const EncoderLayout& layout, const at::Tensor& whole) {
  if (tensor.parts.size() == 1 && !tensor.transposed) {
    return {whole};
  }
  const at::Tensor outputs_first = tensor.transposed ? whole.t() : whole;
  std::vector<at::Tensor> parts;
  int64_t row = 0;
  for (const size_t part : tensor.parts) {
    const int64_t rows = layout.params[part].shape[0];
    parts.push_back(outputs_first.narrow(0, row, rows).clone(at::MemoryFormat::Contiguous));
    row += rows;
  }
  return parts;
}

}  // namespace metaprompt
