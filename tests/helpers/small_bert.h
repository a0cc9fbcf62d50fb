// A BERT with a soft prompt that is small enough for finite differences, and batches of random texts for it, all in
// double precision.
#ifndef TESTS_HELPERS_SMALL_BERT_H_
#define TESTS_HELPERS_SMALL_BERT_H_

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "metaprompt/base/random.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/pack_texts.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/param_lists.h"

namespace metaprompt {

constexpr int64_t kVocab = 30;
constexpr int64_t kSoft = 2;
constexpr int64_t kWays = 3;
constexpr int64_t kCls = 0;
constexpr int64_t kMask = 1;
constexpr int64_t kFirstWord = 2;

inline at::Tensor Ids(const std::vector<int64_t>& ids) { return at::tensor(at::ArrayRef<int64_t>(ids), at::kLong); }

inline ModelSpec Spec(int layers, int heads, BertSpec::Activation activation) {
  ModelSpec spec;
  BertSpec& bert = *spec.mutable_encoder()->mutable_bert();
  bert.set_layers(layers);
  bert.set_width(12);
  bert.set_heads(heads);
  bert.set_intermediate(20);
  bert.set_max_positions(16);
  bert.set_activation(activation);
  bert.set_layer_norm_eps(1e-3);  // so large that a test fails if it is added in the wrong place
  return spec;
}

// Adds an LSTM and an MLP through which the soft vectors pass, and three keys and values before those of each layer.
inline ModelSpec WithDeepPrompt(ModelSpec spec) {
  spec.mutable_prompt()->set_reparametrisation(PromptSpec::LSTM_MLP);
  spec.mutable_prompt()->set_prefix_length(3);
  return spec;
}

// No parameter has its initial value, so that biases and layer norms matter, too.
inline ParamList RandomParams(const PromptModel& model, uint64_t seed) {
  Random random(seed);
  ParamList params;
  for (const ParamInfo& info : model.params()) {
    const at::Tensor param = RandomTensor(info.shape, &random) * 0.4;
    params.push_back(info.name.find("LayerNorm.weight") == std::string::npos ? param : param + 1);
  }
  return params;
}

// Texts of vocabulary ids, -1 - s for soft vector s, of lengths 5 to 12 with the mask before the text or after it.
struct Texts {
  std::vector<PromptedText> texts;
  std::vector<int64_t> labels;
  std::vector<std::vector<int64_t>> answers;  // per way
};

inline Texts RandomTexts(int64_t texts_a_way, uint64_t seed) {
  Texts result;
  Random random(seed);
  for (int64_t i = 0; i < kWays * texts_a_way; ++i) {
    std::vector<int64_t> words(1 + random.Below(7));
    for (int64_t& word : words) {
      word = kFirstWord + static_cast<int64_t>(random.Below(kVocab - kFirstWord));
    }
    PromptedText text;
    text.ids = {kCls, -1};
    if (i % 2 == 0) {  // [CLS] soft0 [MASK] words soft1
      text.read_at = 2;
      text.ids.push_back(kMask);
      text.ids.insert(text.ids.end(), words.begin(), words.end());
      text.ids.push_back(-2);
    } else {  // [CLS] soft0 words soft1 [MASK] word
      text.ids.insert(text.ids.end(), words.begin(), words.end());
      text.ids.push_back(-2);
      text.read_at = static_cast<int64_t>(text.ids.size());
      text.ids.push_back(kMask);
      text.ids.push_back(kFirstWord);
    }
    result.texts.push_back(std::move(text));
    result.labels.push_back(static_cast<int64_t>(random.Below(kWays)));
  }
  result.answers = {{7, 8}, {9}, {4, 11, 12}};
  return result;
}

// The texts as a batch whose ids are indices into `rows` (ascending).
inline Batch MakeBatch(const Texts& texts, const std::vector<int64_t>& rows) {
  const auto row_of = [&](int64_t id) { return std::find(rows.begin(), rows.end(), id) - rows.begin(); };
  std::vector<PromptedText> packed = texts.texts;
  for (PromptedText& text : packed) {
    for (int64_t& id : text.ids) {
      id = id >= 0 ? row_of(id) : id;
    }
  }
  Answers answers{at::zeros({kWays, 3}, at::kLong), at::zeros({kWays, 3}, at::kDouble)};
  for (int64_t w = 0; w < kWays; ++w) {
    const std::vector<int64_t>& ids = texts.answers[static_cast<size_t>(w)];
    for (int64_t k = 0; k < 3; ++k) {
      const bool used = k < static_cast<int64_t>(ids.size());
      answers.ids[w][k] = row_of(used ? ids[static_cast<size_t>(k)] : ids.back());
      answers.weights[w][k] = used ? 1.0 / static_cast<double>(ids.size()) : 0.0;
    }
  }
  return PackBatch(packed, texts.labels, answers);
}

inline std::vector<int64_t> AllRows() {
  std::vector<int64_t> rows(kVocab);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

inline ParamList LossGradient(const PromptModel& model, const ParamList& params, const Batch& batch) {
  const ParamList leaves = WithGraph(params);
  return torch::autograd::grad({model.Loss(model.Forward(SplitHead(model, leaves), batch), batch)}, leaves);
}

inline double LossAt(const PromptModel& model, const ParamList& params, const Batch& batch) {
  const at::NoGradGuard no_grad;
  return model.Loss(model.Forward(SplitHead(model, params), batch), batch).item<double>();
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_SMALL_BERT_H_
