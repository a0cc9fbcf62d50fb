// The soft vectors of a template, and what they pass through before they enter the encoder: nothing, an MLP, or an LSTM
// and an MLP (P-tuning, Liu et al. 2021, "GPT understands, too", section 3.2, as its released code has them).
#ifndef METAPROMPT_PROMPTS_SOFT_PROMPT_H_
#define METAPROMPT_PROMPTS_SOFT_PROMPT_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Of S vectors of width E. The parameters, all of the group kPrompt and layer 0:
//   prompt.soft [S, E];
//   LSTM_MLP, layer l = 0 and 1, forwards and backwards, h = E / 2 and the gates in the order i, f, g, o:
//     prompt.lstm.weight_ih_l<l> [4 h, E], prompt.lstm.weight_hh_l<l> [4 h, h], prompt.lstm.bias_ih_l<l> [4 h],
//     prompt.lstm.bias_hh_l<l> [4 h], and the same with `_reverse` behind;
//   LSTM_MLP and MLP: prompt.mlp.0.weight [E, E], prompt.mlp.0.bias [E], prompt.mlp.2.weight [E, E],
//     prompt.mlp.2.bias [E].
class SoftPrompt {
 public:
  SoftPrompt(const PromptSpec& spec, int64_t num_soft, int64_t width);

  const std::vector<ParamInfo>& params() const { return params_; }

  // What takes the places of the soft slots: [S, E]; [M, S, E] where parameters have a dimension of M tasks before
  // their own. `own` are values of params(). Twice differentiable: the LSTM is written out, as a fused one can't be.
  at::Tensor Vectors(absl::Span<const at::Tensor> own) const;

  // Normal vectors of deviation init_std; weights and biases as PyTorch's layers begin, uniform in ±1/√h for the LSTM
  // and ±1/√E for the MLP. float32. Every parameter has a stream of its own.
  ParamList Init(uint64_t seed) const;

 private:
  bool has_lstm() const { return spec_.reparametrisation() == PromptSpec::LSTM_MLP; }

  PromptSpec spec_;
  int64_t width_;
  std::vector<ParamInfo> params_;
};

// Whether the spec's LSTM can have half of the width in each direction. The error names the field.
absl::Status CheckPromptWidth(const PromptSpec& spec, int64_t width);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_SOFT_PROMPT_H_
