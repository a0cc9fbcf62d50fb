#include "metaprompt/encoders/layout.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "metaprompt/architectures/architectures.h"

namespace metaprompt {
namespace {

class Builder {
 public:
  Builder(const EncoderConfig& config, bool with_head) : config_(config), names_(TensorNamesOf(config)) {
    layout_.inputs_first = names_.inputs_first;
    Embeddings();
    Layers();
    DecoderLayers();
    Head(with_head);
  }

  EncoderLayout Take() { return std::move(layout_); }

 private:
  // Returns the parameter's place.
  size_t Add(std::string name, std::vector<int64_t> shape, int layer, bool vocab_rows = false) {
    // Weight decay applies to matrices, but not to biases and layer norms, as in the fine-tuning of BERT.
    const bool decay = shape.size() == 2;
    layout_.params.push_back(
        ParamInfo{std::move(name), std::move(shape), ParamGroup::kEncoder, layer, decay, vocab_rows});
    layout_.has_bias.push_back(false);
    return layout_.params.size() - 1;
  }

  size_t AddWithBias(absl::string_view name, std::vector<int64_t> shape, int layer, bool bias) {
    const int64_t rows = shape.front();
    const size_t place = Add(absl::StrCat(name, ".weight"), std::move(shape), layer);
    if (bias) {
      Add(absl::StrCat(name, ".bias"), {rows}, layer);
      layout_.has_bias[place] = true;
    }
    return place;
  }

  size_t Dense(absl::string_view name, int64_t out, int64_t in, int layer, bool bias) {
    return AddWithBias(name, {out, in}, layer, bias);
  }

  size_t Norm(absl::string_view name, int64_t width, int layer) {
    return AddWithBias(name, {width}, layer, config_.norm_bias && !config_.rms_norm);
  }

  // Adds the dense layer `part` of a transformer layer. The names of all its tensors begin with `base`.
  size_t Part(absl::string_view base, absl::string_view part, int64_t out, int64_t in, int layer, bool bias) {
    const size_t place = Dense(absl::StrCat(base, part), out, in, layer, bias);
    for (const absl::string_view fused : names_.fused) {
      if (absl::StartsWith(part, absl::StrCat(fused, "."))) {
        Fuse(absl::StrCat(base, fused, ".weight"), place);
        if (bias) {
          Fuse(absl::StrCat(base, fused, ".bias"), place + 1);
        }
      }
    }
    return place;
  }

  void Fuse(std::string name, size_t place) {
    const auto found = std::find_if(layout_.fused.begin(), layout_.fused.end(),
                                    [&](const FusedTensor& fused) { return fused.name == name; });
    if (found != layout_.fused.end()) {
      found->parts.push_back(place);
    } else {
      layout_.fused.push_back({std::move(name), {place}});
    }
  }

  // Weight decay does not apply to class token and positions, which are not matrices (Touvron et al. 2021).
  void ImageEmbeddings() {
    const int64_t width = config_.embedding_width;
    layout_.words = kNoParam;
    layout_.class_token = Add(absl::StrCat(names_.base, names_.class_token), {1, 1, width}, 0);
    layout_.positions = Add(absl::StrCat(names_.base, names_.positions), {1, config_.max_positions, width}, 0);
    layout_.patches = AddWithBias(absl::StrCat(names_.base, names_.patches),
                                  {width, config_.channels, config_.patch_size, config_.patch_size}, 0, true);
    layout_.params[layout_.patches].decay = true;
  }

  void Embeddings() {
    if (config_.reads_images()) {
      return ImageEmbeddings();
    }
    const auto table = [&](absl::string_view name) { return absl::StrCat(names_.base, name, ".weight"); };
    const int64_t width = config_.embedding_width;
    layout_.words = Add(table(names_.words), {config_.vocab_size, width}, 0, true);
    if (config_.positions == Positions::kAdded) {
      layout_.positions = Add(table(names_.positions), {config_.max_positions, width}, 0);
    }
    if (config_.token_types > 0) {
      layout_.token_types = Add(table(names_.token_types), {config_.token_types, width}, 0);
    }
    if (config_.embedding_norm) {
      layout_.embedding_norm = Norm(absl::StrCat(names_.base, names_.embedding_norm), width, 0);
    }
    if (config_.embedding_map) {
      layout_.embedding_map = Dense(absl::StrCat(names_.base, names_.embedding_map), config_.width, width, 0, true);
    }
  }

  // Adds layer `inner` of a group of layers.
  LayerPlaces Layer(int64_t group, int64_t inner) {
    std::string name = absl::StrCat(names_.base, names_.layer, group, ".");
    if (!names_.inner_layer.empty()) {
      absl::StrAppend(&name, names_.inner_layer, inner, ".");
    }
    const auto layer = static_cast<int>(group * config_.inner_group_num + inner + 1);
    LayerPlaces places;
    places.number = layer;
    Attention(names_, name, layer, &places);
    FeedForward(names_, name, layer, &places);
    return places;
  }

  // Adds the half of a layer that attends to other tokens of its text.
  void Attention(const TensorNames& names, const std::string& name, int layer, LayerPlaces* all) {
    LayerPlaces& places = *all;
    const int64_t width = config_.width;
    const int64_t attended = config_.attended();
    places.query = Part(name, names.query, attended, width, layer, config_.attention_bias);
    const int64_t key_width = config_.key_heads > 0 ? config_.depth() * config_.key_heads : attended;
    places.key = Part(name, names.key, key_width, width, layer, config_.attention_bias);
    places.value = Part(name, names.value, key_width, width, layer, config_.attention_bias);
    if (config_.disentangled) {
      const DisentangledConfig& disentangled = *config_.disentangled;
      const auto matrix = [&](absl::string_view part, size_t shared) {
        return disentangled.shared ? shared : Part(name, part, width, width, layer, /*bias=*/true);
      };
      if (disentangled.content_to_position) {
        places.position_key = matrix(names.position_key, places.key);
      }
      if (disentangled.position_to_content) {
        places.position_query = matrix(names.position_query, places.query);
      }
    }
    places.attention_out = Part(name, names.attention_out, width, attended, layer, config_.attention_out_bias);
    places.attention_norm = config_.pre_norm && layer == 1 && !config_.norm_before_first
                                ? kNoParam
                                : Norm(absl::StrCat(name, names.attention_norm), width, layer);
  }

  void FeedForward(const TensorNames& names, const std::string& name, int layer, LayerPlaces* places) {
    const int64_t width = config_.width;
    const int64_t inside = config_.intermediate;
    const bool other_up = config_.gated && !names.gated_up.empty();
    places->up = Part(name, other_up ? names.gated_up : names.up, inside, width, layer, config_.feed_forward_bias);
    if (config_.gated) {
      places->gate = Part(name, names.gate, inside, width, layer, config_.feed_forward_bias);
    }
    places->down = Part(name, names.down, width, inside, layer, config_.feed_forward_bias);
    places->out_norm = Norm(absl::StrCat(name, names.out_norm), width, layer);
  }

  // The half of a decoder's layer that attends to the encoder's states has the names of another attention.
  static TensorNames CrossNames(const TensorNames& names) {
    TensorNames cross = names;
    cross.query = names.cross_query;
    cross.key = names.cross_key;
    cross.value = names.cross_value;
    cross.attention_out = names.cross_out;
    cross.attention_norm = names.cross_norm;
    return cross;
  }

  void DecoderLayers() {
    if (!config_.has_decoder()) {
      return;
    }
    const TensorNames& names = *ArchitectureOf(config_).decoder_tensors;
    const TensorNames cross = CrossNames(names);
    for (int64_t i = 0; i < config_.decoder_layers; ++i) {
      const std::string name = absl::StrCat(names.base, names.layer, i, ".");
      const int layer = layout_.head_layer();
      DecoderPlaces& places = layout_.decoder_layers.emplace_back();
      places.own.number = places.cross.number = layer;
      Attention(names, name, layer, &places.own);
      Attention(cross, name, layer, &places.cross);
      FeedForward(names, name, layer, &places.own);
    }
    layout_.decoder_final_norm =
        Norm(absl::StrCat(names.base, names.final_norm), config_.width, layout_.decoder_layers.back().own.number);
    layout_.decoder_relative_bias = RelativeBias(names);
  }

  size_t RelativeBias(const TensorNames& names) {
    return Add(absl::StrCat(names.base, names.relative_bias), {config_.relative_buckets, config_.heads}, 0);
  }

  // The group of a layer, rounded as in transformers if the number of layers is not a multiple of the number of groups.
  size_t GroupOf(int64_t layer) const {
    const double layers_per_group = static_cast<double>(config_.layers) / static_cast<double>(config_.layer_groups);
    return static_cast<size_t>(static_cast<double>(layer) / layers_per_group);
  }

  // The layers of a group (GroupOf) share its parameters (Lan et al. 2020, section 3.1). In other architectures than
  // ALBERT, each layer is a group.
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
    if (config_.pre_norm) {
      layout_.final_norm =
          Norm(absl::StrCat(names_.base, names_.final_norm), config_.width, layout_.layers.back().number);
    }
    if (config_.disentangled) {
      layout_.distances = Add(absl::StrCat(names_.base, names_.distances, ".weight"),
                              {2 * config_.disentangled->span(), config_.width}, 0);
      if (config_.disentangled->norm) {
        layout_.distance_norm = Norm(absl::StrCat(names_.base, names_.distance_norm), config_.width, 0);
      }
    }
    if (config_.relative_buckets > 0) {
      layout_.relative_bias = RelativeBias(names_);
    }
  }

  void Head(bool with_head) {
    layout_.decoder = layout_.words;
    layout_.head = with_head;
    if (!with_head) {
      return;
    }
    const int layer = layout_.head_layer();
    const int64_t width = config_.embedding_width;
    if (ArchitectureOf(config_).head == HeadKind::kTransform) {
      layout_.transform = Dense(names_.transform, width, config_.width, layer, config_.head_bias);
      layout_.transform_norm = Norm(names_.transform_norm, width, layer);
    }
    if (!config_.tied) {
      layout_.decoder = Add(std::string(names_.decoder), {config_.vocab_size, width}, layer, true);
    }
    if (config_.decoder_bias) {
      layout_.decoder_bias = Add(std::string(names_.decoder_bias), {config_.vocab_size}, layer, true);
    }
  }

  const EncoderConfig& config_;
  const TensorNames names_;
  EncoderLayout layout_;
};

}  // namespace

int EncoderLayout::head_layer() const {
  int last = 0;
  for (const LayerPlaces& one : layers) {
    last = std::max(last, one.number);
  }
  for (const DecoderPlaces& one : decoder_layers) {
    last = std::max(last, one.own.number);
  }
  return last + 1;
}

const Architecture& ArchitectureOf(const EncoderConfig& config) {
  const Architecture* found = FindArchitecture(config.model_type);
  TORCH_CHECK(found != nullptr, "architectures.inc has no '", config.model_type, "'");
  return *found;
}

TensorNames TensorNamesOf(const EncoderConfig& config) {
  const Architecture& architecture = ArchitectureOf(config);
  TensorNames names = architecture.tensors;
  if (config.other_head) {
    names.transform = architecture.other_head->transform;
    names.transform_norm = architecture.other_head->transform_norm;
    names.decoder = architecture.other_head->decoder;
    names.decoder_bias = architecture.other_head->decoder_bias;
  }
  return names;
}

EncoderLayout LayoutOf(const EncoderConfig& config, bool with_head) { return Builder(config, with_head).Take(); }

namespace {

// The places of all attentions, and the part of a prefix's name that is different for each.
std::vector<std::pair<LayerPlaces*, std::string>> Attentions(EncoderLayout* layout) {
  std::vector<std::pair<LayerPlaces*, std::string>> all;
  for (size_t i = 0; i < layout->layers.size(); ++i) {
    all.emplace_back(&layout->layers[i], absl::StrCat(i));
  }
  for (size_t i = 0; i < layout->decoder_layers.size(); ++i) {
    all.emplace_back(&layout->decoder_layers[i].own, absl::StrCat("decoder.", i));
    all.emplace_back(&layout->decoder_layers[i].cross, absl::StrCat("cross.", i));
  }
  return all;
}

}  // namespace

std::vector<ParamInfo> AddLora(int64_t rank, size_t first, EncoderLayout* layout) {
  std::vector<ParamInfo> added;
  std::map<size_t, size_t> place_of;  // from a matrix to its update
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
  for (const auto& [places, name] : Attentions(layout)) {
    places->query_lora = update(places->query);
    places->value_lora = update(places->value);
  }
  return added;
}

std::vector<ParamInfo> AddPrefixes(int64_t length, size_t first, EncoderLayout* layout) {
  std::vector<ParamInfo> added;
  for (const auto& [places, name] : Attentions(layout)) {
    places->prefix_key = first + added.size();
    const int64_t width = layout->params[places->key].shape[0];
    for (const char* what : {"key", "value"}) {
      added.push_back(ParamInfo{absl::StrCat("prompt.prefix.", name, ".", what),
                                {length, width},
                                ParamGroup::kPrompt,
                                places->number,
                                false,
                                false});
    }
  }
  return added;
}

}  // namespace metaprompt
