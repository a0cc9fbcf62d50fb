#include "metaprompt/encoders/layout.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "metaprompt/architectures/architectures.h"

namespace metaprompt {
namespace {

class Builder {
 public:
  Builder(const EncoderConfig& config, bool with_head) : config_(config), names_(ArchitectureOf(config).tensors) {
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

  size_t Dense(absl::string_view name, int64_t out, int64_t in, int layer) {
    const size_t place = Add(absl::StrCat(name, ".weight"), {out, in}, layer);
    Add(absl::StrCat(name, ".bias"), {out}, layer);
    return place;
  }

  size_t Norm(absl::string_view name, int64_t width, int layer) {
    const size_t place = Add(absl::StrCat(name, ".weight"), {width}, layer);
    Add(absl::StrCat(name, ".bias"), {width}, layer);
    return place;
  }

  void Embeddings() {
    const std::string base = absl::StrCat(names_.base, "embeddings.");
    const int64_t width = config_.embedding_width;
    layout_.words = Add(base + "word_embeddings.weight", {config_.vocab_size, width}, 0, true);
    layout_.positions = Add(base + "position_embeddings.weight", {config_.max_positions, width}, 0);
    if (config_.token_types > 0) {
      layout_.token_types = Add(base + "token_type_embeddings.weight", {config_.token_types, width}, 0);
    }
    layout_.embedding_norm = Norm(base + "LayerNorm", width, 0);
    if (config_.embedding_map) {
      layout_.embedding_map = Dense(absl::StrCat(names_.base, names_.embedding_map), config_.width, width, 0);
    }
  }

  // Layer `inner` of a group's.
  LayerPlaces Layer(int64_t group, int64_t inner) {
    std::string name = absl::StrCat(names_.base, names_.layer, group, ".");
    if (!names_.inner_layer.empty()) {
      absl::StrAppend(&name, names_.inner_layer, inner, ".");
    }
    const auto layer = static_cast<int>(group * config_.inner_group_num + inner + 1);
    const auto part = [&](absl::string_view part_name) { return absl::StrCat(name, part_name); };
    const int64_t width = config_.width;
    LayerPlaces places;
    places.number = layer;
    places.query = Dense(part(names_.query), width, width, layer);
    places.key = Dense(part(names_.key), width, width, layer);
    places.value = Dense(part(names_.value), width, width, layer);
    places.attention_out = Dense(part(names_.attention_out), width, width, layer);
    places.attention_norm = Norm(part(names_.attention_norm), width, layer);
    places.up = Dense(part(names_.up), config_.intermediate, width, layer);
    places.down = Dense(part(names_.down), width, config_.intermediate, layer);
    places.out_norm = Norm(part(names_.out_norm), width, layer);
    return places;
  }

  // As transformers rounds it, where the groups do not divide the layers.
  size_t GroupOf(int64_t layer) const {
    const double layers_per_group = static_cast<double>(config_.layers) / static_cast<double>(config_.layer_groups);
    return static_cast<size_t>(static_cast<double>(layer) / layers_per_group);
  }

  // The layers l of one group, GroupOf(l), share its parameters (Lan et al. 2020, section 3.1). Without groups each
  // layer is one.
  void Layers() {
    std::vector<std::vector<LayerPlaces>> groups;
    for (int64_t g = 0; g < config_.layer_groups; ++g) {
      groups.emplace_back();
      for (int64_t i = 0; i < config_.inner_group_num; ++i) {
        groups.back().push_back(Layer(g, i));
      }
    }
    for (int64_t l = 0; l < config_.layers; ++l) {
      const std::vector<LayerPlaces>& group = groups[GroupOf(l)];
      layout_.layers.insert(layout_.layers.end(), group.begin(), group.end());
    }
    if (config_.relative_buckets > 0) {
      layout_.relative_bias =
          Add(absl::StrCat(names_.base, names_.relative_bias), {config_.relative_buckets, config_.heads}, 0);
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
      layout_.decoder = Add(std::string(names_.decoder), {config_.vocab_size, width}, layer, true);
    }
    layout_.decoder_bias = Add(std::string(names_.decoder_bias), {config_.vocab_size}, layer, true);
  }

  const EncoderConfig& config_;
  const TensorNames& names_;
  EncoderLayout layout_;
};

}  // namespace

const Architecture& ArchitectureOf(const EncoderConfig& config) {
  const Architecture* found = FindArchitecture(config.model_type);
  TORCH_CHECK(found != nullptr, "architectures.inc has no '", config.model_type, "'");
  return *found;
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
