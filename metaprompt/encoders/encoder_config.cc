#include "metaprompt/encoders/encoder_config.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/json.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 32;

// Larger than any published encoder's, and small enough that products of three sizes fit into 64 bits.
constexpr int64_t kMaxVocab = 10000000;
constexpr int64_t kMaxWidth = 1 << 16;
constexpr int64_t kMaxIntermediate = 1 << 20;
constexpr int64_t kMaxLayers = 1024;
constexpr int64_t kMaxPositions = 1 << 20;
constexpr int64_t kMaxSmall = 4096;

struct Known {
  Architecture architecture;
  absl::string_view type;
  absl::string_view class_prefix;  // of the names of its Python classes, as `architectures` lists them
};
constexpr std::array<Known, 5> kKnown = {{{Architecture::kBert, "bert", "Bert"},
                                          {Architecture::kDistilBert, "distilbert", "DistilBert"},
                                          {Architecture::kRoberta, "roberta", "Roberta"},
                                          {Architecture::kAlbert, "albert", "Albert"},
                                          {Architecture::kMpnet, "mpnet", "MPNet"}}};

constexpr std::array<std::pair<absl::string_view, Activation>, 9> kActivations = {{
    {"gelu", Activation::kGelu},
    {"gelu_python", Activation::kGelu},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_fast", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"relu", Activation::kRelu},
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"quick_gelu", Activation::kQuickGelu},
}};

std::string KnownTypes() {
  return absl::StrJoin(kKnown, ", ", [](std::string* out, const Known& known) { absl::StrAppend(out, known.type); });
}

// The fields of one config, read one by one; the first error is kept and ends them.
class Fields {
 public:
  Fields(const Json& config, absl::string_view file) : config_(config), file_(file) {}

  const absl::Status& status() const { return status_; }

  void Fail(absl::string_view what) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(absl::StrCat(file_, ": ", what));
    }
  }

  // The fields' values, the default as it is where they are missing.
  void Size(const std::string& field, int64_t low, int64_t high, int64_t* size) {
    const Json* value = Find(field);
    if (value == nullptr) {
      return;
    }
    // Negative numbers are integers that are not unsigned.
    const bool good = value->is_number_unsigned() && value->get<uint64_t>() >= static_cast<uint64_t>(low) &&
                      value->get<uint64_t>() <= static_cast<uint64_t>(high);
    if (!good) {
      return Wrong(field, absl::StrCat("a whole number from ", low, " to ", high), *value);
    }
    *size = value->get<int64_t>();
  }
  void Number(const std::string& field, double low, double high, double* number) {
    const Json* value = Find(field);
    if (value == nullptr) {
      return;
    }
    if (!value->is_number() || !(value->get<double>() >= low && value->get<double>() <= high)) {
      return Wrong(field, absl::StrCat("a number from ", low, " to ", high), *value);
    }
    *number = value->get<double>();
  }
  void Flag(const std::string& field, bool* flag) {
    const Json* value = Find(field);
    if (value == nullptr) {
      return;
    }
    if (!value->is_boolean()) {
      return Wrong(field, "true or false", *value);
    }
    *flag = value->get<bool>();
  }
  void Text(const std::string& field, std::string* text) {
    const Json* value = Find(field);
    if (value == nullptr) {
      return;
    }
    if (!value->is_string()) {
      return Wrong(field, "text", *value);
    }
    *text = value->get<std::string>();
  }
  void Act(const std::string& field, Activation* activation) {
    const Json* value = Find(field);
    if (value == nullptr) {
      return;
    }
    for (const auto& [known, is] : kActivations) {
      if (value->is_string() && known == value->get_ref<const std::string&>()) {
        *activation = is;
        return;
      }
    }
    Wrong(field,
          absl::StrCat("one of ",
                       absl::StrJoin(kActivations, ", ",
                                     [](std::string* out, const auto& pair) { absl::StrAppend(out, pair.first); })),
          *value);
  }

  const Json* Find(const std::string& field) const {
    const auto found = config_.find(field);
    return status_.ok() && found != config_.end() ? &*found : nullptr;
  }
  void Wrong(absl::string_view field, absl::string_view expected, const Json& value) {
    Fail(absl::StrCat(field, " must be ", expected, ", not ", Shown(value)));
  }

 private:
  const Json& config_;
  absl::string_view file_;
  absl::Status status_;
};

const Known* FindArchitecture(Fields* fields) {
  std::string type;
  if (fields->Find("model_type") != nullptr) {
    fields->Text("model_type", &type);
    for (const Known& known : kKnown) {
      if (known.type == type) {
        return &known;
      }
    }
    fields->Wrong("model_type", absl::StrCat("one of ", KnownTypes()), type);
    return nullptr;
  }
  const Json* classes = fields->Find("architectures");
  if (classes == nullptr) {
    fields->Fail(
        absl::StrCat("model_type is missing (and architectures, which would tell it); it is one of ", KnownTypes()));
    return nullptr;
  }
  // BertModel or BertForMaskedLM, but not BertGenerationEncoder.
  const Json first = classes->is_array() && !classes->empty() ? classes->front() : *classes;
  for (const Known& known : kKnown) {
    if (!first.is_string()) {
      break;
    }
    absl::string_view rest = first.get_ref<const std::string&>();
    if (absl::ConsumePrefix(&rest, known.class_prefix) && (rest == "Model" || absl::StartsWith(rest, "For"))) {
      return &known;
    }
  }
  fields->Fail(absl::StrCat("model_type is missing, and architectures, ", Shown(first),
                            ", does not tell it; it is one of ", KnownTypes()));
  return nullptr;
}

// Options that change what is computed, and that there is no code for.
void RefuseUnsupported(Fields* fields) {
  std::string positions = "absolute";
  fields->Text("position_embedding_type", &positions);
  if (positions != "absolute") {
    fields->Wrong("position_embedding_type", "'absolute'", positions);
  }
  for (const char* option : {"is_decoder", "is_encoder_decoder", "add_cross_attention"}) {
    bool on = false;
    fields->Flag(option, &on);
    if (on) {
      fields->Fail(absl::StrCat(option, " is true; only encoders are supported"));
    }
  }
  const Json* pruned = fields->Find("pruned_heads");
  if (pruned != nullptr && !pruned->empty()) {
    fields->Fail("pruned_heads is not empty; only models with all their heads are supported");
  }
}

// transformers' names of the sizes, DistilBERT's own or everyone else's.
struct Names {
  std::string width, layers, heads, intermediate, activation;
};

Names NamesOf(Architecture architecture) {
  if (architecture == Architecture::kDistilBert) {
    return {"dim", "n_layers", "n_heads", "hidden_dim", "activation"};
  }
  return {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act"};
}

// What transformers takes for fields that are missing.
EncoderConfig Defaults(Architecture architecture) {
  EncoderConfig config;
  config.architecture = architecture;
  switch (architecture) {
    case Architecture::kBert:
      break;
    case Architecture::kDistilBert:
      config.layers = 6;
      config.token_types = 0;
      break;
    case Architecture::kRoberta:
      config.vocab_size = 50265;
      break;
    case Architecture::kAlbert:
      config.vocab_size = 30000;
      config.embedding_width = 128;
      config.width = 4096;
      config.heads = 64;
      config.intermediate = 16384;
      config.layer_groups = 1;
      config.activation = Activation::kGeluTanh;
      break;
    case Architecture::kMpnet:
      config.vocab_size = 30527;
      config.token_types = 0;
      config.relative_buckets = 32;
      break;
  }
  return config;
}

}  // namespace

absl::string_view ModelType(Architecture architecture) {
  for (const Known& known : kKnown) {
    if (known.architecture == architecture) {
      return known.type;
    }
  }
  return "";
}

absl::StatusOr<EncoderConfig> ParseEncoderConfig(absl::string_view json, absl::string_view name) {
  const absl::StatusOr<Json> parsed = ParseJson(json, kMaxDepth);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", parsed.status().message()));
  }
  if (!parsed->is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": it must be a JSON object, not ", Shown(*parsed)));
  }
  Fields fields(*parsed, name);
  const Known* known = FindArchitecture(&fields);
  if (known == nullptr) {
    return fields.status();
  }
  RefuseUnsupported(&fields);

  const Architecture architecture = known->architecture;
  const bool albert = architecture == Architecture::kAlbert;
  const Names names = NamesOf(architecture);
  EncoderConfig config = Defaults(architecture);
  fields.Size("vocab_size", 1, kMaxVocab, &config.vocab_size);
  fields.Size(names.width, 1, kMaxWidth, &config.width);
  fields.Size(names.layers, 1, kMaxLayers, &config.layers);
  fields.Size(names.heads, 1, kMaxSmall, &config.heads);
  fields.Size(names.intermediate, 1, kMaxIntermediate, &config.intermediate);
  fields.Size("max_position_embeddings", 1, kMaxPositions, &config.max_positions);
  fields.Act(names.activation, &config.activation);
  if (config.token_types > 0) {
    fields.Size("type_vocab_size", 1, kMaxSmall, &config.token_types);
  }
  if (albert) {
    fields.Size("embedding_size", 1, kMaxWidth, &config.embedding_width);
    fields.Size("num_hidden_groups", 1, kMaxLayers, &config.layer_groups);
    fields.Size("inner_group_num", 1, kMaxLayers, &config.inner_group_num);
    // Each of the layers, and each of the groups, runs or has as many as that.
    if (std::max(config.layers, config.layer_groups) * config.inner_group_num > kMaxLayers) {
      fields.Fail(absl::StrCat("num_hidden_layers ", config.layers, " times inner_group_num ", config.inner_group_num,
                               " must be at most ", kMaxLayers));
    }
  } else {
    config.embedding_width = config.width;
    config.layer_groups = config.layers;
  }
  if (architecture != Architecture::kDistilBert) {  // whose 1e-12 is fixed
    fields.Number("layer_norm_eps", 1e-15, 0.1, &config.layer_norm_eps);
  }
  fields.Number("initializer_range", 0, 10, &config.initializer_range);
  fields.Flag("tie_word_embeddings", &config.tied);
  if (architecture == Architecture::kRoberta) {
    int64_t padding = 1;
    fields.Size("pad_token_id", 0, kMaxVocab, &padding);
    config.position_offset = padding + 1;
  } else if (architecture == Architecture::kMpnet) {
    config.position_offset = 2;  // whatever its pad_token_id says: its code knows 1
    // Buckets come in two halves, one a direction, and half of each half is exact (Raffel et al. 2020, section 2.1).
    fields.Size("relative_attention_num_buckets", 32, kMaxSmall, &config.relative_buckets);
  }

  if (config.width % config.heads != 0) {
    fields.Fail(
        absl::StrCat(names.width, " ", config.width, " must be a multiple of ", names.heads, " ", config.heads));
  }
  if (config.position_offset >= config.max_positions) {
    fields.Fail(absl::StrCat("max_position_embeddings ", config.max_positions, " leaves no position: the first is ",
                             config.position_offset));
  }
  if (config.layer_groups > config.layers) {
    fields.Fail(
        absl::StrCat("num_hidden_groups ", config.layer_groups, " must be at most num_hidden_layers ", config.layers));
  }
  if (!fields.status().ok()) {
    return fields.status();
  }
  return config;
}

}  // namespace metaprompt
