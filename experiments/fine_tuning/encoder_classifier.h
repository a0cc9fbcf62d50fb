// An encoder with a linear classifier on one vector per text or image, as a pure function of a parameter list.
#ifndef EXPERIMENTS_FINE_TUNING_ENCODER_CLASSIFIER_H_
#define EXPERIMENTS_FINE_TUNING_ENCODER_CLASSIFIER_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "experiments/fine_tuning/fine_tuning.pb.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/inputs.h"
#include "metaprompt/model/params.h"
#include "metaprompt/operations/dropout.h"

namespace metaprompt {

// The parameters are those of the encoder without its masked-language-model head, followed by `classifier.weight`
// [classes, D] and `classifier.bias` [classes], whose layer number is one above the encoder's last.
class EncoderClassifier {
 public:
  // `encoder` must outlive this object. The dropout rates are those of the spec.
  EncoderClassifier(const FineTuningSpec& spec, const Encoder* encoder, int64_t classes);

  const std::vector<ParamInfo>& infos() const { return infos_; }

  // What training starts from: the encoder's parameters, and a classifier with weights from a normal distribution with
  // standard deviation 0.02 and biases of 0, as in transformers. `encoder_params` are all parameters of the encoder.
  ParamList Start(const ParamList& encoder_params, uint64_t seed) const;

  // The logits [B, classes] of texts, whose ids are vocabulary ids, or of images. The vector of a text is the hidden
  // state at its read_at, that of an image the hidden state at its class token; or it is the mean of all hidden states.
  // `dropout_seed` seeds all dropout; null: no dropout.
  at::Tensor Logits(const ParamList& params, const Inputs& inputs, const uint64_t* dropout_seed) const;

  // All parameters of the encoder: those of its head from `encoder_params`, all others from `params`.
  ParamList WithHead(const ParamList& params, const ParamList& encoder_params) const;
  // The classifier's own two parameters.
  ParamList ClassifierOf(const ParamList& params) const;

 private:
  // The encoder's parameters in its order; those of its head are undefined tensors.
  ParamList EncoderParams(const ParamList& params) const;

  const Encoder& encoder_;
  const FineTuningSpec::Read read_;
  const bool bfloat16_;
  Dropout dropout_;             // the rates
  std::vector<size_t> places_;  // in the encoder's list, of each parameter but the last two
  std::vector<ParamInfo> infos_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_ENCODER_CLASSIFIER_H_
