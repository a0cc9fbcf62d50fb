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
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/checkpoints/weights.h"

namespace metaprompt {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kConfigFile[] = "config.json";
constexpr char kWeightsFile[] = "model.safetensors";
constexpr size_t kMostNamed = 5;  // tensors in an error

std::string ShapeText(const std::vector<int64_t>& shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

// Other names that checkpoints have for a parameter, the usual one first.
std::vector<std::string> NamesOf(const std::string& name, absl::string_view base) {
  std::vector<std::string> names = {name};
  // The first checkpoints were TensorFlow's.
  if (absl::EndsWith(name, "LayerNorm.weight")) {
    names.push_back(absl::StrCat(absl::StripSuffix(name, "weight"), "gamma"));
  } else if (absl::EndsWith(name, "LayerNorm.bias")) {
    names.push_back(absl::StrCat(absl::StripSuffix(name, "bias"), "beta"));
  } else if (name == "cls.predictions.bias" || name == "lm_head.bias" || name == "predictions.bias") {
    names.push_back(absl::StrCat(absl::StripSuffix(name, "bias"), "decoder.bias"));
  }
  // An encoder saved without a head has no prefix.
  for (size_t i = 0, count = names.size(); i < count; ++i) {
    if (absl::StartsWith(names[i], base)) {
      names.emplace_back(absl::StripPrefix(names[i], base));
    }
  }
  return names;
}

// What heads of other tasks, and copies of tied parameters, are called.
bool KnownToBeUnused(absl::string_view name, bool tied) {
  for (const char* part : {"pooler.", "cls.seq_relationship.", "sop_classifier.", "position_ids", "token_type_ids"}) {
    if (absl::StrContains(name, part)) {
      return true;
    }
  }
  for (const char* decoder : {"cls.predictions.decoder.", "lm_head.decoder.", "predictions.decoder."}) {
    if (absl::StartsWith(name, decoder)) {
      return tied || absl::EndsWith(name, ".bias");
    }
  }
  return tied && name == "vocab_projector.weight";
}

std::string Some(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kMostNamed);
  std::string text = absl::StrJoin(names.begin(), names.begin() + static_cast<int64_t>(shown), ", ");
  return names.size() == shown ? text : absl::StrCat(text, " and ", names.size() - shown, " more");
}

absl::Status ReadParams(const Weights& weights, const std::string& where, bool allow_unknown, Checkpoint* checkpoint) {
  const EncoderConfig& config = checkpoint->encoder->config();
  std::set<std::string> left;
  for (const StoredTensor& tensor : weights.tensors()) {
    left.insert(tensor.name);
  }
  std::vector<std::string> missing;
  std::vector<std::string> sources;
  for (const ParamInfo& info : checkpoint->encoder->params()) {
    const std::vector<std::string> names = NamesOf(info.name, BasePrefix(config.architecture));
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
    sources.push_back(*found);
  }
  if (!missing.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": missing for config.json's encoder: ", Some(missing)));
  }
  std::vector<std::string> unknown;
  for (const std::string& name : left) {
    if (!allow_unknown && !KnownToBeUnused(name, config.tied)) {
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
  for (const std::string& source : sources) {
    absl::StatusOr<at::Tensor> tensor = weights.Read(source);
    if (!tensor.ok()) {
      return tensor.status();
    }
    if (tensor->scalar_type() != at::kFloat) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": tensor ", source, " holds integers"));
    }
    checkpoint->params.push_back(*std::move(tensor));
  }
  return absl::OkStatus();
}

// The class of transformers that has these parameters.
std::string ClassName(Architecture architecture, bool with_head) {
  const char* name = "Bert";
  switch (architecture) {
    case Architecture::kDistilBert:
      name = "DistilBert";
      break;
    case Architecture::kRoberta:
      name = "Roberta";
      break;
    case Architecture::kAlbert:
      name = "Albert";
      break;
    case Architecture::kMpnet:
      name = "MPNet";
      break;
    case Architecture::kBert:
      break;
  }
  return absl::StrCat(name, with_head ? "ForMaskedLM" : "Model");
}

}  // namespace

absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& folder, bool allow_unknown) {
  if (const absl::Status status = CheckFolder(folder); !status.ok()) {
    return status;
  }
  const std::string config_path = absl::StrCat(folder, "/", kConfigFile);
  absl::StatusOr<std::string> json = ReadFile(config_path);
  if (!json.ok()) {
    return json.status();
  }
  const absl::StatusOr<EncoderConfig> config = ParseEncoderConfig(*json, config_path);
  if (!config.ok()) {
    return config.status();
  }
  const absl::StatusOr<std::unique_ptr<Weights>> weights = Weights::Open(folder);
  if (!weights.ok()) {
    return weights.status();
  }
  std::set<std::string> names;
  for (const StoredTensor& tensor : (*weights)->tensors()) {
    names.insert(tensor.name);
  }
  Checkpoint checkpoint;
  checkpoint.config_json = *std::move(json);
  checkpoint.encoder = std::make_unique<Encoder>(*config, names.count(TransformName(config->architecture)) > 0);
  const std::string where = absl::StrJoin((*weights)->files(), ", ");
  if (const absl::Status status = ReadParams(**weights, where, allow_unknown, &checkpoint); !status.ok()) {
    return status;
  }
  return checkpoint;
}

std::string ConfigJson(const EncoderConfig& config) {
  TORCH_CHECK(config.architecture == Architecture::kBert, "ConfigJson: only a BERT is ever made without a folder");
  Json json = Json::object();
  json["model_type"] = "bert";
  json["vocab_size"] = config.vocab_size;
  json["hidden_size"] = config.width;
  json["num_hidden_layers"] = config.layers;
  json["num_attention_heads"] = config.heads;
  json["intermediate_size"] = config.intermediate;
  json["max_position_embeddings"] = config.max_positions;
  json["type_vocab_size"] = config.token_types;
  json["hidden_act"] = config.activation == Activation::kRelu ? "relu" : "gelu";
  json["layer_norm_eps"] = config.layer_norm_eps;
  json["initializer_range"] = config.initializer_range;
  json["tie_word_embeddings"] = config.tied;
  return json.dump(2);
}

absl::Status SaveCheckpoint(const std::string& folder, const Encoder& encoder, const ParamList& params,
                            const std::string& config_json, const TokenizerFiles& tokenizer) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot make ", folder, ": ", error.message()));
  }
  Json config = Json::parse(config_json, nullptr, /*allow_exceptions=*/false);
  TORCH_CHECK(config.is_object(), "SaveCheckpoint: config_json is not an object");
  config["architectures"] = {ClassName(encoder.config().architecture, encoder.layout().has_head())};
  config["torch_dtype"] = "float32";
  TensorFile file;
  file.metadata["format"] = "pt";  // transformers opens only files that say whose tensors they hold
  for (size_t i = 0; i < encoder.params().size(); ++i) {
    file.tensors.emplace_back(encoder.params()[i].name, params[i]);
  }
  const absl::Status written = WriteSafetensors(absl::StrCat(folder, "/", kWeightsFile), file);
  if (!written.ok()) {
    return written;
  }
  for (const auto& [name, bytes] : tokenizer) {
    if (name == kConfigFile) {
      continue;
    }
    if (const absl::Status status = WriteFileAtomically(absl::StrCat(folder, "/", name), bytes); !status.ok()) {
      return status;
    }
  }
  return WriteFileAtomically(absl::StrCat(folder, "/", kConfigFile), config.dump(2) + "\n");
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
