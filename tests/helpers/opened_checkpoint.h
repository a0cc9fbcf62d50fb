// The checkpoints of tests/goldens/encoders as models with everything that a prompt may have, in double precision.
#ifndef TESTS_HELPERS_OPENED_CHECKPOINT_H_
#define TESTS_HELPERS_OPENED_CHECKPOINT_H_

#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/pack_texts.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"

namespace metaprompt {

inline constexpr int64_t kSoft = 2;

// Texts of these lengths with two soft vectors, and the mask at different positions.
inline std::vector<PromptedText> RandomTexts(const std::vector<int64_t>& lengths, int64_t vocab, Random* random) {
  std::vector<PromptedText> texts;
  for (const int64_t length : lengths) {
    PromptedText text;
    for (int64_t t = 0; t < length; ++t) {
      text.ids.push_back(static_cast<int64_t>(random->Below(static_cast<uint64_t>(vocab))));
    }
    text.ids[1] = -1;
    text.ids[3] = -2;
    text.read_at = texts.size() % 2 == 0 ? 2 : length - 1;
    texts.push_back(std::move(text));
  }
  return texts;
}

inline Answers TwoAnswers(at::ScalarType type) {
  return WithStart(
      {at::tensor({7, 8, 9, 9}, at::kLong).view({2, 2}), at::tensor({0.5, 0.5, 1.0, 0.0}, type).view({2, 2})},
      {0, 3});  // only a decoder uses the start
}

inline ParamList Double(ParamList params) {
  for (at::Tensor& param : params) {
    param = param.to(at::kDouble);
  }
  return params;
}

inline ModelSpec SpecWith(ModelSpec::Features features, int rank) {
  ModelSpec spec;
  spec.set_features(features);
  spec.mutable_lora()->set_rank(rank);
  spec.mutable_lora()->set_alpha(3);
  return spec;
}

// With soft vectors that pass through an LSTM and an MLP, and a prefix in each layer.
inline ModelSpec DeepSpecWith(ModelSpec::Features features, int rank) {
  ModelSpec spec = SpecWith(features, rank);
  spec.mutable_prompt()->set_reparametrisation(PromptSpec::LSTM_MLP);
  spec.mutable_prompt()->set_prefix_length(2);
  spec.mutable_prompt()->set_init_std(0.5);
  return spec;
}

// A checkpoint as a model with updates of rank 2 that are not 0; float64.
struct Opened {
  explicit Opened(const std::string& name, ModelSpec::Features features)
      : checkpoint(*OpenCheckpoint(absl::StrCat(kEncoderGoldens, name), false)),
        model(DeepSpecWith(features, 2), *checkpoint.encoder, kSoft),
        params(Double(model.WithSoftPrompt(checkpoint.params, 5))) {
    Random random(6);
    for (size_t i = 0; i < params.size(); ++i) {
      if (absl::EndsWith(model.params()[i].name, ".B")) {
        params[i] = RandomTensor(params[i].sizes(), &random) * 0.1;
      }
    }
  }

  Batch RandomBatch(const std::vector<int64_t>& lengths) const {
    Random random(7);
    const std::vector<int64_t> labels(lengths.size(), 1);
    return PackBatch(RandomTexts(lengths, checkpoint.encoder->config().vocab_size, &random), labels,
                     TwoAnswers(at::kDouble));
  }

  Checkpoint checkpoint;
  PromptModel model;
  ParamList params;
};

}  // namespace metaprompt

#endif  // TESTS_HELPERS_OPENED_CHECKPOINT_H_
