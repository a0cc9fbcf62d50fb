#include "metaprompt/checkpoints/checkpoint.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/architectures/config_json.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/fused_tensors.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/checkpoints/weights.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/finite.h"

namespace metaprompt {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kConfigFile[] = "config.json";
constexpr char kWeightsFile[] = "model.safetensors";
constexpr size_t kMostNamed = 5;  // maximum number of tensors in an error

std::string ShapeText(const std::vector<int64_t>& shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

// The names of the decoder's parameters without "weight" and "bias".
absl::string_view DecoderName(const TensorNames& tensors) { return absl::StripSuffix(tensors.decoder, "weight"); }

// The decoder's bias as a part of the decoder. Many checkpoints have it under Architecture's name alone, or twice.
std::string BiasInDecoder(const TensorNames& tensors) { return absl::StrCat(DecoderName(tensors), "bias"); }

// The names that a parameter may have in checkpoints, the preferred one first. `tied`: whether the decoder's matrix is
// the word embedding. If not, transformers 5 takes the decoder's bias from BiasInDecoder.
std::vector<std::string> NamesOf(const std::string& name, const TensorNames& tensors, bool tied) {
  std::vector<std::string> names = {name};
  // The first checkpoints were converted from TensorFlow.
  if (absl::EndsWith(name, "LayerNorm.weight")) {
    names.push_back(absl::StrCat(absl::StripSuffix(name, "weight"), "gamma"));
  } else if (absl::EndsWith(name, "LayerNorm.bias")) {
    names.push_back(absl::StrCat(absl::StripSuffix(name, "bias"), "beta"));
  } else if (name == tensors.decoder_bias) {
    names.insert(tied ? names.end() : names.begin(), BiasInDecoder(tensors));
  }
  // An encoder saved without a head has no prefix.
  for (size_t i = 0, count = names.size(); i < count; ++i) {
    if (absl::StartsWith(names[i], tensors.base)) {
      names.emplace_back(absl::StripPrefix(names[i], tensors.base));
    }
  }
  return names;
}

// Whether a tensor belongs to the head of another task, or is a buffer or a copy of a tied parameter.
bool KnownToBeUnused(absl::string_view name, const EncoderConfig& config) {
  std::vector<absl::string_view> parts = ArchitectureOf(config).unused;
  parts.insert(parts.end(), {"pooler.", "position_ids", "token_type_ids"});
  if (std::any_of(parts.begin(), parts.end(), [&](absl::string_view part) { return absl::StrContains(name, part); })) {
    return true;
  }
  const bool bias = absl::EndsWith(name, ".bias");
  return absl::StartsWith(name, DecoderName(TensorNamesOf(config))) && (config.tied || bias) &&
         (config.decoder_bias || !bias);
}

std::string Some(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kMostNamed);
  std::string text = absl::StrJoin(names.begin(), names.begin() + static_cast<int64_t>(shown), ", ");
  return names.size() == shown ? text : absl::StrCat(text, " and ", names.size() - shown, " more");
}

// Checks the tensors of the decoder that are not read, because another tensor is used for the same parameter: the word
// embedding, if config.json ties the decoder to it, or another name of the decoder's bias. OK if they are copies of
// those. `sources` are the names of the tensors that are read.
absl::Status CheckTiedCopies(const Weights& weights, const std::string& where, const Checkpoint& checkpoint,
                             const std::vector<std::string>& sources) {
  const EncoderLayout& layout = checkpoint.encoder->layout();
  const TensorNames tensors = TensorNamesOf(checkpoint.encoder->config());
  if (!layout.has_head()) {
    return absl::OkStatus();
  }
  for (const std::string& name : checkpoint.unused) {
    const bool matrix = name == tensors.decoder;
    if (!matrix && name != BiasInDecoder(tensors)) {
      continue;
    }
    const size_t used = matrix ? layout.words : layout.decoder_bias;
    if (used == kNoParam) {
      continue;
    }
    const at::Tensor& original = checkpoint.params[used];
    ASSIGN_OR_RETURN(const at::Tensor copy, weights.Read(name));
    if (copy.scalar_type() != original.scalar_type() || !copy.equal(original)) {
      return absl::InvalidArgumentError(absl::StrCat(
          where, ": tensor ", name, " differs from ", sources[used], ", which takes its place",
          matrix ? " unless config.json has \"tie_word_embeddings\": false; set that to use it, or" : ";",
          " leave it unused with model.encoder.checkpoint.allow_unknown_tensors=true, or encode --allow-unknown"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadParams(const Weights& weights, const std::string& where, bool allow_unknown, Checkpoint* checkpoint) {
  const EncoderConfig& config = checkpoint->encoder->config();
  const TensorNames tensor_names = TensorNamesOf(config);
  std::set<std::string> left;
  for (const StoredTensor& tensor : weights.tensors()) {
    left.insert(tensor.name);
  }
  std::vector<std::string> missing;
  const EncoderLayout& layout = checkpoint->encoder->layout();
  std::vector<std::string> sources(layout.params.size());  // for each parameter, the tensor from which it is read
  const std::vector<CheckpointTensor> needed = CheckpointTensorsOf(layout);
  for (const CheckpointTensor& info : needed) {
    const std::vector<std::string> names = NamesOf(info.name, tensor_names, config.tied);
    const auto found =
        std::find_if(names.begin(), names.end(), [&](const std::string& n) { return left.count(n) > 0; });
    if (found == names.end()) {
      missing.push_back(absl::StrCat(info.name, " ", ShapeText(info.shape)));
      continue;
    }
    const auto stored = std::find_if(weights.tensors().begin(), weights.tensors().end(),
                                     [&](const StoredTensor& tensor) { return tensor.name == *found; });
    if (stored->shape != info.shape) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": tensor ", *found, " has shape ",
                                                     ShapeText(stored->shape), "; config.json makes it ",
                                                     ShapeText(info.shape)));
    }
    left.erase(*found);
    if (*found == BiasInDecoder(tensor_names)) {
      left.erase(std::string(tensor_names.decoder_bias));  // transformers does not use it, either
    }
    for (const size_t part : info.parts) {
      sources[part] = *found;
    }
  }
  if (!missing.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": missing for config.json's encoder: ", Some(missing)));
  }
  std::vector<std::string> unknown;
  for (const std::string& name : left) {
    if (!allow_unknown && !KnownToBeUnused(name, config)) {
      unknown.push_back(name);
    }
    checkpoint->unused.push_back(name);
  }
  if (!unknown.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": config.json's encoder has no place for: ", Some(unknown),
                     " (to leave such tensors unused: model.encoder.checkpoint.allow_unknown_tensors=true, or encode "
                     "--allow-unknown)"));
  }
  checkpoint->params.resize(layout.params.size());
  for (const CheckpointTensor& one : needed) {
    const std::string& source = sources[one.parts.front()];
    ASSIGN_OR_RETURN(const at::Tensor tensor, weights.Read(source));
    if (tensor.scalar_type() != at::kFloat) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": tensor ", source, " holds integers"));
    }
    RETURN_IF_ERROR(CheckFinite(absl::StrCat(where, ": tensor ", source), tensor));
    const std::vector<at::Tensor> parts = Split(one, layout, tensor);
    for (size_t i = 0; i < parts.size(); ++i) {
      checkpoint->params[one.parts[i]] = parts[i];
    }
  }
  return allow_unknown ? absl::OkStatus() : CheckTiedCopies(weights, where, *checkpoint, sources);
}

bool HasTensor(const Weights& weights, absl::string_view name) {
  return std::any_of(weights.tensors().begin(), weights.tensors().end(),
                     [&](const StoredTensor& tensor) { return tensor.name == name; });
}

bool HasHead(const Weights& weights, const EncoderConfig& config) {
  const TensorNames& names = TensorNamesOf(config);
  const bool has_transform = ArchitectureOf(config).head == HeadKind::kTransform;
  const std::string of_head = has_transform ? absl::StrCat(names.transform, ".weight") : std::string(names.decoder);
  return (!has_transform && config.tied) || HasTensor(weights, of_head);
}

// The config with the kind of head that the weights have. Published DeBERTa-v3 checkpoints do not have the head that
// their config.json specifies. A T5 whose head is not scaled (version 1.1) has a head of its own if there is one in the
// weights, whatever config.json specifies (so does transformers 5); otherwise its head is tied.
EncoderConfig ConfigWithHeadOf(const Weights& weights, const EncoderConfig& config) {
  if (config.has_decoder() && !config.scaled_head) {
    EncoderConfig with_head = config;
    with_head.tied = !HasTensor(weights, TensorNamesOf(config).decoder);
    return with_head;
  }
  if (!ArchitectureOf(config).other_head || HasHead(weights, config)) {
    return config;
  }
  EncoderConfig other = config;
  other.other_head = !config.other_head;
  other.tied = config.tied || other.other_head;
  return HasHead(weights, other) ? other : config;
}

}  // namespace

absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& folder, bool allow_unknown) {
  RETURN_IF_ERROR(CheckFolder(folder));
  const std::string config_path = absl::StrCat(folder, "/", kConfigFile);
  Checkpoint checkpoint;
  ASSIGN_OR_RETURN(checkpoint.config_json, ReadFile(config_path));
  const absl::StatusOr<EncoderConfig> config = ParseEncoderConfig(checkpoint.config_json, config_path);
  RETURN_IF_ERROR(WithLikelyCause(config.status(), config_path));
  ASSIGN_OR_RETURN(const std::unique_ptr<Weights> weights, Weights::Open(folder));
  const EncoderConfig with_names = ConfigWithHeadOf(*weights, *config);
  if (with_names.tied != config->tied &&
      with_names.has_decoder()) {  // so that the layout follows from config.json alone
    Json json = Json::parse(checkpoint.config_json);
    json["tie_word_embeddings"] = with_names.tied;
    json["scale_decoder_outputs"] = with_names.scaled_head;
    checkpoint.config_json = json.dump(2) + "\n";
  }
  checkpoint.encoder = std::make_unique<Encoder>(with_names, HasHead(*weights, with_names));
  RETURN_IF_ERROR(ReadParams(*weights, absl::StrJoin(weights->files(), ", "), allow_unknown, &checkpoint));
  return checkpoint;
}

absl::Status SaveCheckpoint(const std::string& folder, const Encoder& encoder, const ParamList& params,
                            const std::string& config_json, const TokenizerFiles& tokenizer) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot make ", folder, ": ", error.message()));
  }
  RETURN_IF_ERROR(WriteSafetensors(absl::StrCat(folder, "/", kWeightsFile), CheckpointTensors(encoder, params)));
  for (const auto& [name, bytes] : tokenizer) {
    if (name != kConfigFile) {
      RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(folder, "/", name), bytes));
    }
  }
  return WriteFileAtomically(absl::StrCat(folder, "/", kConfigFile),
                             CheckpointConfig(encoder, config_json, at::kFloat));
}

TensorFile CheckpointTensors(const Encoder& encoder, const ParamList& params) {
  TensorFile file;
  file.metadata["format"] = "pt";  // without it transformers does not open the file
  for (const CheckpointTensor& tensor : CheckpointTensorsOf(encoder.layout())) {
    file.tensors.emplace_back(tensor.name, Joined(tensor, params));
  }
  // transformers 5 reads the bias of an untied decoder from here, transformers 4 from the other tensor.
  const EncoderLayout& layout = encoder.layout();
  const TensorNames names = TensorNamesOf(encoder.config());
  if (const std::string bias = BiasInDecoder(names);
      layout.has_head() && !encoder.config().tied && layout.decoder_bias != kNoParam && bias != names.decoder_bias) {
    file.tensors.emplace_back(bias, params[layout.decoder_bias].clone());
  }
  return file;
}

std::string CheckpointConfig(const Encoder& encoder, const std::string& config_json, at::ScalarType type) {
  Json config = Json::parse(config_json, nullptr, /*allow_exceptions=*/false);
  TORCH_CHECK(config.is_object(), "CheckpointConfig: config_json is not an object");
  const Architecture& architecture = ArchitectureOf(encoder.config());
  const bool has_head = encoder.layout().has_head();
  config["architectures"] = {absl::StrCat(architecture.class_prefix, has_head ? architecture.head_class : "Model")};
  if (const auto& other = architecture.other_head; other && has_head) {
    config[std::string(other->unless)] = !encoder.config().other_head;
  }
  const char* const name = type == at::kHalf ? "float16" : "float32";
  config["torch_dtype"] = name;
  if (config.contains("dtype")) {  // which transformers 5 writes and prefers
    config["dtype"] = name;
  }
  return config.dump(2) + "\n";
}

std::string ParamsSha256(const std::vector<ParamInfo>& infos, const ParamList& params) {
  TORCH_CHECK(infos.size() <= params.size(), "ParamsSha256: ", infos.size(), " infos, ", params.size(), " parameters");
  std::string digests;
  for (size_t i = 0; i < infos.size(); ++i) {
    const at::Tensor whole = params[i].detach().contiguous().cpu();
    absl::StrAppend(&digests, infos[i].name, " ",
                    Sha256(absl::string_view(static_cast<const char*>(whole.data_ptr()), whole.nbytes())), "\n");
  }
  return Sha256(digests);
}

}  // namespace metaprompt
