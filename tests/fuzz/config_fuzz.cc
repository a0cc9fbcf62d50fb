// Fuzzes config.json: any bytes must give an error of one line, or sizes that are consistent.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "metaprompt/architectures/config_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::StatusOr<metaprompt::EncoderConfig> config =
      metaprompt::ParseEncoderConfig({reinterpret_cast<const char*>(data), size}, "f");
  if (!config.ok()) {
    if (config.status().message().find('\n') != absl::string_view::npos) {
      std::abort();
    }
    return 0;
  }
  if ((config->reads_images() ? config->patches() < 1 : config->vocab_size < 1) || config->heads < 1 ||
      config->width < 1 || (config->head_width == 0 && config->width % config->heads != 0) || config->head_width < 0 ||
      config->decoder_layers < 0 || config->decoder_start < 0 ||
      (config->has_decoder() && config->farthest_distance <= config->distance_buckets / 2) ||
      (config->key_heads != 0 && (config->key_heads < 0 || config->heads % config->key_heads != 0)) ||
      config->embedding_width < 1 || config->layers < 0 || config->layer_groups < 0 ||
      config->layer_groups > config->layers || config->position_offset < 0 ||
      config->position_offset >= config->max_positions || config->token_types < 0 || config->relative_buckets < 0 ||
      (!config->local_layers.empty() && static_cast<int64_t>(config->local_layers.size()) != config->layers) ||
      (config->positions == metaprompt::Positions::kRotary && config->width / config->heads % 2 != 0) ||
      (config->disentangled && (config->disentangled->span() < 1 || config->disentangled->farthest < 1)) ||
      !(config->rotary_theta >= 1) || !(config->local_rotary_theta >= 1) || config->window < 0 ||
      !(config->layer_norm_eps > 0) || !(config->initializer_range >= 0)) {
    std::abort();
  }
  return 0;
}
