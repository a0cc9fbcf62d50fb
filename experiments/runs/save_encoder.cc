#include "experiments/runs/save_encoder.h"

#include <ATen/ATen.h>

#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"

namespace metaprompt {
namespace {

constexpr char kConfigFile[] = "config.json";

}  // namespace

absl::Status SaveTokenizer(const EncoderParts& parts, const RunDirectory& directory) {
  for (const auto& [name, bytes] : InputFiles(parts)) {
    if (name != kConfigFile && !directory.Has(name)) {
      RETURN_IF_ERROR(directory.Write(name, bytes));
    }
  }
  return absl::OkStatus();
}

absl::Status SaveEncoder(const EncoderParts& parts, const ParamList& params, at::ScalarType type,
                         const RunDirectory& directory) {
  TensorFile file = CheckpointTensors(*parts.encoder, params);
  for (auto& [name, tensor] : file.tensors) {
    tensor = tensor.to(type);
  }
  RETURN_IF_ERROR(directory.WriteTensors("model.safetensors", file));
  RETURN_IF_ERROR(SaveTokenizer(parts, directory));
  return directory.Write(kConfigFile, CheckpointConfig(*parts.encoder, parts.config_json, type));
}

}  // namespace metaprompt
