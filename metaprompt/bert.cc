#include "metaprompt/bert.h"

#include <ATen/ATen.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "metaprompt/gather_rows.h"

namespace metaprompt {
namespace {

// Places in the parameter list.
enum Embedding { kWords, kPositions, kTokenTypes, kEmbeddingNormWeight, kEmbeddingNormBias, kFirstLayer };
enum Layer {
  kQueryWeight,
  kQueryBias,
  kKeyWeight,
  kKeyBias,
  kValueWeight,
  kValueBias,
  kAttentionOutWeight,
  kAttentionOutBias,
  kAttentionNormWeight,
  kAttentionNormBias,
  kUpWeight,
  kUpBias,
  kDownWeight,
  kDownBias,
  kOutNormWeight,
  kOutNormBias,
  kLayerParams
};
enum Head { kTransformWeight, kTransformBias, kTransformNormWeight, kTransformNormBias, kDecoderBias };

}  // namespace

absl::Status BertEncoder::Check(const BertSpec& spec) {
  if (spec.width() % spec.heads() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.encoder.bert.width is ", spec.width(), "; it must be a multiple of heads, ", spec.heads()));
  }
  return absl::OkStatus();
}

BertEncoder::BertEncoder(const BertSpec& spec, int64_t vocab) : spec_(spec) {
  const int64_t width = spec.width();
  const int64_t inner = spec.intermediate();
  const auto add = [&](std::string name, std::vector<int64_t> shape, int layer, bool vocab_rows = false) {
    // Decay is for weight matrices (Loshchilov and Hutter 2019, as BERT is fine-tuned): no bias, no layer norm.
    const bool decay = shape.size() == 2;
    params_.push_back(ParamInfo{std::move(name), std::move(shape), ParamGroup::kEncoder, layer, decay, vocab_rows});
  };
  const auto norm = [&](const std::string& name, int layer) {
    add(name + ".weight", {width}, layer);
    add(name + ".bias", {width}, layer);
  };
  const auto dense = [&](const std::string& name, int64_t out, int64_t in, int layer) {
    add(name + ".weight", {out, in}, layer);
    add(name + ".bias", {out}, layer);
  };
  add("bert.embeddings.word_embeddings.weight", {vocab, width}, 0, true);
  add("bert.embeddings.position_embeddings.weight", {spec.max_positions(), width}, 0);
  add("bert.embeddings.token_type_embeddings.weight", {2, width}, 0);
  norm("bert.embeddings.LayerNorm", 0);
  for (int i = 0; i < spec.layers(); ++i) {
    const std::string layer = absl::StrCat("bert.encoder.layer.", i, ".");
    for (const char* which : {"query", "key", "value"}) {
      dense(layer + "attention.self." + which, width, width, i + 1);
    }
    dense(layer + "attention.output.dense", width, width, i + 1);
    norm(layer + "attention.output.LayerNorm", i + 1);
    dense(layer + "intermediate.dense", inner, width, i + 1);
    dense(layer + "output.dense", width, inner, i + 1);
    norm(layer + "output.LayerNorm", i + 1);
  }
  dense("cls.predictions.transform.dense", width, width, spec.layers() + 1);
  norm("cls.predictions.transform.LayerNorm", spec.layers() + 1);
  add("cls.predictions.bias", {vocab}, spec.layers() + 1, true);
}

at::Tensor BertEncoder::Activate(const at::Tensor& x) const {
  return spec_.activation() == BertSpec::RELU ? at::relu(x) : at::gelu(x);
}

// Scaled dot-product attention (Vaswani et al. 2017, eq. 1) of `query` [N, D], or [B, D] with masks_alone, over `key`
// and `value` [N, D]. Returns as many rows as `query`. Written out with two products and a softmax, which can be
// differentiated twice, as fused kernels can't.
at::Tensor BertEncoder::Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                               const Batch& batch, bool masks_alone) const {
  const int64_t width = spec_.width();
  const int64_t heads = spec_.heads();
  const int64_t depth = width / heads;
  const int64_t queries = masks_alone ? 1 : batch.longest;  // a text
  const auto padded = [&](const at::Tensor& x) { return GatherRows(x, batch.padded_from, batch.packed_from); };
  const auto by_head = [&](const at::Tensor& x, int64_t length) {  // [B, H, length, d]
    return x.view({batch.size, length, heads, depth}).transpose(1, 2);
  };
  const at::Tensor scaled = query * (1.0 / std::sqrt(static_cast<double>(depth)));
  const at::Tensor q = by_head(masks_alone ? scaled : padded(scaled), queries);
  const at::Tensor k = by_head(padded(key), batch.longest);
  const at::Tensor scores = at::matmul(q, k.transpose(2, 3)) + batch.attention_bias;                   // [B, H, Q, T]
  const at::Tensor mixed = at::matmul(at::softmax(scores, -1), by_head(padded(value), batch.longest))  // [B, H, Q, d]
                               .transpose(1, 2)
                               .reshape({batch.size * queries, width});
  return masks_alone ? mixed : GatherRows(mixed, batch.packed_from, batch.padded_from);
}

at::Tensor BertEncoder::AtMask(const ParamList& p, const at::Tensor& soft, const Batch& batch) const {
  const double eps = spec_.layer_norm_eps();
  const int64_t width = spec_.width();
  const auto norm = [&](const at::Tensor& x, size_t weight) {
    return at::layer_norm(x, {width}, p[weight], p[weight + 1], eps);
  };
  // Soft vectors enter where word vectors do, before positions and layer norm.
  const at::Tensor table = soft.size(0) == 0 ? p[kWords] : at::cat({p[kWords], soft});
  at::Tensor x = at::embedding(table, batch.token_ids) + at::embedding(p[kPositions], batch.positions) +
                 p[kTokenTypes].select(0, 0);
  x = norm(x, kEmbeddingNormWeight);
  for (int i = 0; i < spec_.layers(); ++i) {
    const size_t at = kFirstLayer + static_cast<size_t>(i) * kLayerParams;
    const bool last = i + 1 == spec_.layers();
    const at::Tensor key = at::linear(x, p[at + kKeyWeight], p[at + kKeyBias]);
    const at::Tensor value = at::linear(x, p[at + kValueWeight], p[at + kValueBias]);
    if (last) {
      x = GatherRows(x, batch.mask_from, batch.mask_to);  // [B, D]: all that the head will read
    }
    const at::Tensor query = at::linear(x, p[at + kQueryWeight], p[at + kQueryBias]);
    const at::Tensor mixed = Attend(query, key, value, batch, last);
    x = norm(x + at::linear(mixed, p[at + kAttentionOutWeight], p[at + kAttentionOutBias]), at + kAttentionNormWeight);
    const at::Tensor up = Activate(at::linear(x, p[at + kUpWeight], p[at + kUpBias]));
    x = norm(x + at::linear(up, p[at + kDownWeight], p[at + kDownBias]), at + kOutNormWeight);
  }
  return x;
}

at::Tensor BertEncoder::Transformed(const ParamList& p, const at::Tensor& at_mask) const {
  const size_t head = kFirstLayer + static_cast<size_t>(spec_.layers()) * kLayerParams;
  return at::layer_norm(Activate(at::linear(at_mask, p[head + kTransformWeight], p[head + kTransformBias])),
                        {spec_.width()}, p[head + kTransformNormWeight], p[head + kTransformNormBias],
                        spec_.layer_norm_eps());
}

size_t BertEncoder::transform_bias() const {
  return kFirstLayer + static_cast<size_t>(spec_.layers()) * kLayerParams + kTransformNormBias;
}

ParamList BertEncoder::ClassHead(const ParamList& p, const Answers& answers) const {
  const size_t decoder_bias = kFirstLayer + static_cast<size_t>(spec_.layers()) * kLayerParams + kDecoderBias;
  const int64_t ways = answers.ids.size(0);
  const int64_t words = answers.ids.size(1);
  const at::Tensor ids = answers.ids.view({-1});
  const at::Tensor rows = at::embedding(p[kWords], ids).view({ways, words, spec_.width()});
  const at::Tensor biases = p[decoder_bias].index_select(0, ids).view({ways, words});
  return {at::matmul(answers.weights.unsqueeze(1), rows).squeeze(1), (biases * answers.weights).sum(1)};
}

}  // namespace metaprompt
