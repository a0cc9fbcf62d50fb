#include "metaprompt/encoders/layout.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace metaprompt {
namespace {

// What an architecture calls the parts of a layer and of the head. The names are those of transformers' state dicts.
struct Names {
  const char* layer;  // before a layer's number
  const char* query;
  const char* key;
  const char* value;
  const char* attention_out;
  const char* attention_norm;
  const char* up;
  const char* down;
  const char* out_norm;
  const char* transform;
  const char* transform_norm;
  const char* decoder;
  const char* decoder_bias;
};

const Names& NamesOf(Architecture architecture) {
  static const Names bert = {"encoder.layer.",
                             "attention.self.query",
                             "attention.self.key",
                             "attention.self.value",
                             "attention.output.dense",
                             "attention.output.LayerNorm",
                             "intermediate.dense",
                             "output.dense",
                             "output.LayerNorm",
                             "cls.predictions.transform.dense",
                             "cls.predictions.transform.LayerNorm",
                             "cls.predictions.decoder.weight",
                             "cls.predictions.bias"};
  static const Names roberta = [] {
    Names names = bert;
    names.transform = "lm_head.dense";
    names.transform_norm = "lm_head.layer_norm";
    names.decoder = "lm_head.decoder.weight";
    names.decoder_bias = "lm_head.bias";
    return names;
  }();
  static const Names mpnet = [] {
    Names names = roberta;
    names.query = "attention.attn.q";
    names.key = "attention.attn.k";
    names.value = "attention.attn.v";
    names.attention_out = "attention.attn.o";
    names.attention_norm = "attention.LayerNorm";
    return names;
  }();
  static const Names distilbert = {
      "transformer.layer.",  "attention.q_lin", "attention.k_lin",  "attention.v_lin",
      "attention.out_lin",   "sa_layer_norm",   "ffn.lin1",         "ffn.lin2",
      "output_layer_norm",   "vocab_transform", "vocab_layer_norm", "vocab_projector.weight",
      "vocab_projector.bias"};
  static const Names albert = {"encoder.albert_layer_groups.",
                               "attention.query",
                               "attention.key",
                               "attention.value",
                               "attention.dense",
                               "attention.LayerNorm",
                               "ffn",
                               "ffn_output",
                               "full_layer_layer_norm",
                               "predictions.dense",
                               "predictions.LayerNorm",
                               "predictions.decoder.weight",
                               "predictions.bias"};
  switch (architecture) {
    case Architecture::kDistilBert:
      return distilbert;
    case Architecture::kRoberta:
      return roberta;
    case Architecture::kAlbert:
      return albert;
    case Architecture::kMpnet:
      return mpnet;
    case Architecture::kBert:
      break;
  }
  return bert;
}

class Builder {
 public:
  Builder(const EncoderConfig& config, bool with_head) : config_(config), names_(NamesOf(config.architecture)) {
    Embeddings();
    Layers();
    Head(with_head);
  }

  EncoderLayout Take() { return std::move(layout_); }

 private:
  // Returns the parameter's place.
  size_t Add(std::string name, std::vector<int64_t> shape, int layer, bool vocab_rows = false) {
    // Decay is for weight matrices (Loshchilov and Hutter 2019, as BERT is fine-tuned): no bias, no layer norm.
    const bool decay = shape.size() == 2;
    layout_.params.push_back(
        ParamInfo{std::move(name), std::move(shape), ParamGroup::kEncoder, layer, decay, vocab_rows});
    return layout_.params.size() - 1;
  }

  size_t Dense(const std::string& name, int64_t out, int64_t in, int layer) {
    const size_t place = Add(name + ".weight", {out, in}, layer);
    Add(name + ".bias", {out}, layer);
    return place;
  }

  size_t Norm(const std::string& name, int64_t width, int layer) {
    const size_t place = Add(name + ".weight", {width}, layer);
    Add(name + ".bias", {width}, layer);
    return place;
  }

  void Embeddings() {
    const std::string base = absl::StrCat(BasePrefix(config_.architecture), "embeddings.");
    const int64_t width = config_.embedding_width;
    layout_.words = Add(base + "word_embeddings.weight", {config_.vocab_size, width}, 0, true);
    layout_.positions = Add(base + "position_embeddings.weight", {config_.max_positions, width}, 0);
    if (config_.token_types > 0) {
      layout_.token_types = Add(base + "token_type_embeddings.weight", {config_.token_types, width}, 0);
    }
    layout_.embedding_norm = Norm(base + "LayerNorm", width, 0);
  }

  LayerPlaces Layer(const std::string& name, int layer) {
    const int64_t width = config_.width;
    LayerPlaces places;
    places.number = layer;
    places.query = Dense(name + names_.query, width, width, layer);
    places.key = Dense(name + names_.key, width, width, layer);
    places.value = Dense(name + names_.value, width, width, layer);
    places.attention_out = Dense(name + names_.attention_out, width, width, layer);
    places.attention_norm = Norm(name + names_.attention_norm, width, layer);
    places.up = Dense(name + names_.up, config_.intermediate, width, layer);
    places.down = Dense(name + names_.down, width, config_.intermediate, layer);
    places.out_norm = Norm(name + names_.out_norm, width, layer);
    return places;
  }

  // As transformers rounds it, where the groups do not divide the layers.
  size_t GroupOf(int64_t layer) const {
    const double layers_a_group = static_cast<double>(config_.layers) / static_cast<double>(config_.layer_groups);
    return static_cast<size_t>(static_cast<double>(layer) / layers_a_group);
  }

  void Layers() {
    const std::string base = BasePrefix(config_.architecture);
    if (config_.architecture == Architecture::kAlbert) {
      layout_.embedding_map =
          Dense(base + "encoder.embedding_hidden_mapping_in", config_.width, config_.embedding_width, 0);
      // Layers l / (layers / groups) to the next multiple share one group (Lan et al. 2020, section 3.1).
      std::vector<std::vector<LayerPlaces>> groups;
      for (int64_t g = 0; g < config_.layer_groups; ++g) {
        groups.emplace_back();
        for (int64_t i = 0; i < config_.inner_group_num; ++i) {
          groups.back().push_back(Layer(absl::StrCat(base, names_.layer, g, ".albert_layers.", i, "."),
                                        static_cast<int>(g * config_.inner_group_num + i + 1)));
        }
      }
      for (int64_t l = 0; l < config_.layers; ++l) {
        const std::vector<LayerPlaces>& group = groups[GroupOf(l)];
        layout_.layers.insert(layout_.layers.end(), group.begin(), group.end());
      }
      return;
    }
    for (int64_t l = 0; l < config_.layers; ++l) {
      layout_.layers.push_back(Layer(absl::StrCat(base, names_.layer, l, "."), static_cast<int>(l + 1)));
    }
    if (config_.relative_buckets > 0) {
      layout_.relative_bias =
          Add(base + "encoder.relative_attention_bias.weight", {config_.relative_buckets, config_.heads}, 0);
    }
  }

  void Head(bool with_head) {
    layout_.decoder = layout_.words;
    if (!with_head) {
      return;
    }
    int layer = 0;
    for (const ParamInfo& info : layout_.params) {
      layer = std::max(layer, info.layer + 1);
    }
    const int64_t width = config_.embedding_width;
    layout_.transform = Dense(names_.transform, width, config_.width, layer);
    layout_.transform_norm = Norm(names_.transform_norm, width, layer);
    if (!config_.tied) {
      layout_.decoder = Add(names_.decoder, {config_.vocab_size, width}, layer, true);
    }
    layout_.decoder_bias = Add(names_.decoder_bias, {config_.vocab_size}, layer, true);
  }

  const EncoderConfig& config_;
  const Names& names_;
  EncoderLayout layout_;
};

}  // namespace

const char* BasePrefix(Architecture architecture) {
  switch (architecture) {
    case Architecture::kDistilBert:
      return "distilbert.";
    case Architecture::kRoberta:
      return "roberta.";
    case Architecture::kAlbert:
      return "albert.";
    case Architecture::kMpnet:
      return "mpnet.";
    case Architecture::kBert:
      break;
  }
  return "bert.";
}

std::string TransformName(Architecture architecture) {
  return absl::StrCat(NamesOf(architecture).transform, ".weight");
}

EncoderLayout LayoutOf(const EncoderConfig& config, bool with_head) { return Builder(config, with_head).Take(); }

std::vector<ParamInfo> AddLora(int64_t rank, size_t first, EncoderLayout* layout) {
  std::vector<ParamInfo> added;
  std::map<size_t, size_t> place_of;  // of the update beside a matrix
  const auto update = [&](size_t matrix) {
    const auto [found, is_new] = place_of.emplace(matrix, first + added.size());
    if (is_new) {
      const ParamInfo& info = layout->params[matrix];
      const std::string name = absl::StrCat("lora.", info.name);
      added.push_back(ParamInfo{name + ".A", {rank, info.shape[1]}, ParamGroup::kLora, info.layer, false, false});
      added.push_back(ParamInfo{name + ".B", {info.shape[0], rank}, ParamGroup::kLora, info.layer, false, false});
    }
    return found->second;
  };
  for (LayerPlaces& places : layout->layers) {
    places.query_lora = update(places.query);
    places.value_lora = update(places.value);
  }
  return added;
}

std::vector<ParamInfo> AddPrefixes(int64_t length, size_t first, EncoderLayout* layout) {
  std::vector<ParamInfo> added;
  for (size_t i = 0; i < layout->layers.size(); ++i) {
    LayerPlaces& places = layout->layers[i];
    places.prefix_key = first + added.size();
    const int64_t width = layout->params[places.key].shape[0];
    for (const char* what : {"key", "value"}) {
      added.push_back(ParamInfo{absl::StrCat("prompt.prefix.", i, ".", what),
                                {length, width},
                                ParamGroup::kPrompt,
                                places.number,
                                false,
                                false});
    }
  }
  return added;
}

}  // namespace metaprompt
