// ViT (Dosovitskiy et al. 2021): an image encoder. Its tokens are a class token and patches of the image, which a dense
// layer maps to vectors.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "metaprompt/architectures/architectures.h"

namespace metaprompt::architectures {
namespace {

constexpr int64_t kMaxImage = 4096;  // pixels
constexpr int64_t kMaxChannels = 64;

void Read(ConfigFields* fields, EncoderConfig* config) {
  fields->Size("image_size", 1, kMaxImage, &config->image_size);
  fields->Size("patch_size", 1, kMaxImage, &config->patch_size);
  fields->Size("num_channels", 1, kMaxChannels, &config->channels);
  fields->Flag("qkv_bias", &config->attention_bias);
  if (config->image_size % config->patch_size != 0) {
    fields->Fail(
        absl::StrCat("image_size ", config->image_size, " must be a multiple of patch_size ", config->patch_size));
  }
  config->max_positions = 1 + config->patches();
}

void Write(const EncoderConfig& config, nlohmann::ordered_json* json) {
  for (const char* const of_texts : {"vocab_size", "max_position_embeddings", "tie_word_embeddings"}) {
    json->erase(of_texts);
  }
  (*json)["image_size"] = config.image_size;
  (*json)["patch_size"] = config.patch_size;
  (*json)["num_channels"] = config.channels;
  (*json)["qkv_bias"] = config.attention_bias;
}

}  // namespace

Architecture Vit() {
  Architecture vit;
  vit.model_type = "vit";
  vit.class_prefix = "ViT";
  vit.tokenizer_class = "";
  vit.tokenizer = TokenizerKind::kNone;

  vit.defaults.image_size = 224;
  vit.defaults.patch_size = 16;
  vit.defaults.channels = 3;
  vit.defaults.vocab_size = 0;
  vit.defaults.token_types = 0;
  vit.defaults.embedding_norm = false;
  vit.defaults.pre_norm = true;
  vit.defaults.hidden_dropout = 0;
  vit.defaults.attention_dropout = 0;
  vit.read_more = Read;
  vit.write_more = Write;
  vit.fields.token_types = "";

  TensorNames& tensors = vit.tensors;
  tensors.base = "vit.";
  tensors.class_token = "embeddings.cls_token";
  tensors.patches = "embeddings.patch_embeddings.projection";
  tensors.query = "attention.attention.query";
  tensors.key = "attention.attention.key";
  tensors.value = "attention.attention.value";
  tensors.attention_norm = "layernorm_before";
  tensors.out_norm = "layernorm_after";
  tensors.final_norm = "layernorm";

  vit.unused = {"classifier.", "embeddings.mask_token", "decoder."};
  return vit;
}

}  // namespace metaprompt::architectures
