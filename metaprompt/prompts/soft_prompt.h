// SoftPrompt: the soft vectors of a template, and the network that is applied to them before they enter the encoder:
// none, an MLP, or an LSTM and an MLP (P-tuning, Liu et al. 2021, "GPT understands, too", section 3.2, as in its
// released code).
#ifndef METAPROMPT_PROMPTS_SOFT_PROMPT_H_
#define METAPROMPT_PROMPTS_SOFT_PROMPT_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// S soft vectors of width E. All parameters are in the group kPrompt and layer 0:
//   prompt.soft [S, E];
//   LSTM_MLP, for layers l = 0 and 1 and both directions, with h = PromptSpec.lstm_units or E / 2, and the gates in the
//     order i, f, g, o: prompt.lstm.weight_ih_l<l> [4 h, E] for l = 0, [4 h, 2 h] for l = 1,
//     prompt.lstm.weight_hh_l<l> [4 h, h], prompt.lstm.bias_ih_l<l> [4 h], prompt.lstm.bias_hh_l<l> [4 h], and the
//     same names with the suffix `_reverse`;
//   LSTM_MLP and MLP: prompt.mlp.0.weight [E, E], or [E, 2 h] after an LSTM, prompt.mlp.0.bias [E],
//     prompt.mlp.2.weight [E, E], prompt.mlp.2.bias [E].
class SoftPrompt {
 public:
  SoftPrompt(const PromptSpec& spec, int64_t num_soft, int64_t width);

  const std::vector<ParamInfo>& params() const { return params_; }

  // The vectors that enter the encoder: [S, E], or [M, S, E] if the parameters have a leading dimension of M tasks.
  // `own` are the values of params(). The result can be differentiated twice. The LSTM consists of basic operations,
  // because fused LSTMs can be differentiated only once.
  at::Tensor Vectors(absl::Span<const at::Tensor> own) const;

  // Initial values, float32. Vectors are normal with mean 0 and standard deviation init_std. Weights and biases are
  // initialised as in PyTorch's layers: uniform in ±1/√h for the LSTM, and in ±1/√inputs for a layer of the MLP. Each
  // parameter is drawn from a separate random stream.
  ParamList Init(uint64_t seed) const;

 private:
  bool has_lstm() const { return spec_.reparametrisation() == PromptSpec::LSTM_MLP; }

  PromptSpec spec_;
  int64_t width_;
  int64_t units_ = 0;  // h, the LSTM's units in each direction
  std::vector<ParamInfo> params_;
};

// Checks that `width`, the width of word vectors, is even if the spec has an LSTM with half of this width in each
// direction. The error names the field.
absl::Status CheckPromptWidth(const PromptSpec& spec, int64_t width);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_SOFT_PROMPT_H_
