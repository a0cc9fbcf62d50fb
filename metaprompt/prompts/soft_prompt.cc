#include "metaprompt/prompts/soft_prompt.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

constexpr int kLayers = 2;

// x Wᵀ + b. W is [out, in] and b is [out], or [M, out, in] and [M, out] with values for each of M tasks.
at::Tensor Affine(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::matmul(x, weight.transpose(-2, -1)) + bias.unsqueeze(-2);
}

// One direction of one LSTM layer (Hochreiter and Schmidhuber 1997, with forget gates) over the sequence x [.., S, in].
// Returns [.., S, h]. `w` points to weight_ih, weight_hh, bias_ih, bias_hh.
//   i, f, o = σ(W x + U h), g = tanh(W x + U h), c' = f c + i g, h' = o tanh(c')
at::Tensor Direction(const at::Tensor& x, const at::Tensor* w, bool backwards) {
  const at::Tensor inputs = Affine(x, w[0], w[2]);  // [.., S, 4 h]
  const at::Tensor recurrent = w[1].transpose(-2, -1);
  const at::Tensor bias = w[3].unsqueeze(-2);
  const int64_t steps = x.size(-2);
  std::vector<at::Tensor> outputs(static_cast<size_t>(steps));
  at::Tensor h;
  at::Tensor c;
  for (int64_t k = 0; k < steps; ++k) {
    const int64_t s = backwards ? steps - 1 - k : k;
    at::Tensor gates = inputs.narrow(-2, s, 1) + bias;
    if (k > 0) {  // h and c start at 0
      gates = gates + at::matmul(h, recurrent);
    }
    const std::vector<at::Tensor> part = gates.chunk(4, -1);
    const at::Tensor added = at::sigmoid(part[0]) * at::tanh(part[2]);
    c = k > 0 ? at::sigmoid(part[1]) * c + added : added;
    h = at::sigmoid(part[3]) * at::tanh(c);
    outputs[static_cast<size_t>(s)] = h;
  }
  return at::cat(outputs, -2);
}

}  // namespace

absl::Status CheckPromptWidth(const PromptSpec& spec, int64_t width) {
  if (spec.reparametrisation() == PromptSpec::LSTM_MLP && spec.lstm_units() == 0 && width % 2 != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "model.prompt.reparametrisation is LSTM_MLP, which needs word vectors of even width, and theirs is ", width,
        "; set model.prompt.lstm_units"));
  }
  return absl::OkStatus();
}

SoftPrompt::SoftPrompt(const PromptSpec& spec, int64_t num_soft, int64_t width) : spec_(spec), width_(width) {
  const auto add = [&](const std::string& name, const std::vector<int64_t>& shape, bool map = true) {
    params_.push_back(ParamInfo{absl::StrCat("prompt.", name), shape, ParamGroup::kPrompt, 0, false, false, map});
  };
  add("soft", {num_soft, width}, false);
  if (num_soft == 0) {
    return;
  }
  if (has_lstm()) {
    const int64_t h = units_ = spec.lstm_units() > 0 ? spec.lstm_units() : width / 2;
    for (int l = 0; l < kLayers; ++l) {
      for (const char* direction : {"", "_reverse"}) {
        const std::string which = absl::StrCat("_l", l, direction);
        add("lstm.weight_ih" + which, {4 * h, l == 0 ? width : 2 * h});
        add("lstm.weight_hh" + which, {4 * h, h});
        add("lstm.bias_ih" + which, {4 * h});
        add("lstm.bias_hh" + which, {4 * h});
      }
    }
  }
  if (spec.reparametrisation() != PromptSpec::PLAIN) {
    add("mlp.0.weight", {width, has_lstm() ? 2 * units_ : width});
    add("mlp.0.bias", {width});
    add("mlp.2.weight", {width, width});  // 1 is the ReLU
    add("mlp.2.bias", {width});
  }
}

at::Tensor SoftPrompt::Vectors(absl::Span<const at::Tensor> own) const {
  at::Tensor x = own[0];
  if (params_.size() == 1) {
    return x;
  }
  const at::Tensor* w = &own[1];
  for (int l = 0; has_lstm() && l < kLayers; ++l, w += 8) {
    x = at::cat({Direction(x, w, false), Direction(x, w + 4, true)}, -1);
  }
  return Affine(at::relu(Affine(x, w[0], w[1])), w[2], w[3]);
}

ParamList SoftPrompt::Init(uint64_t seed) const {
  ParamList initial;
  for (const ParamInfo& info : params_) {
    const at::Tensor values = at::zeros(info.shape, at::kFloat);
    const uint64_t stream = SubSeed(seed, "init/" + info.name);
    if (!info.prompt_map) {
      FillNormal(stream, spec_.init_std(), values.data_ptr<float>(), values.numel());
    } else {
      const bool lstm = info.name.find(".lstm.") != std::string::npos;
      const bool after_lstm = has_lstm() && info.name.find(".mlp.0.") != std::string::npos;
      const double bound = 1 / std::sqrt(static_cast<double>(lstm ? units_ : after_lstm ? 2 * units_ : width_));
      FillUniform(stream, bound, values.data_ptr<float>(), values.numel());
    }
    initial.push_back(values);
  }
  return initial;
}

}  // namespace metaprompt
