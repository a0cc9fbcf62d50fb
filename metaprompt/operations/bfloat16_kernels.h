// The operations between the matrix products of an encoder's layers in bfloat16, for inference on the CPU. Each of them
// computes in float32 and rounds its result to bfloat16 once. They use one thread and have no gradient.
#ifndef METAPROMPT_OPERATIONS_BFLOAT16_KERNELS_H_
#define METAPROMPT_OPERATIONS_BFLOAT16_KERNELS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace metaprompt {

// The width of a head must be a multiple of this, and so must the width of the hidden states.
constexpr int64_t kBfloat16Lanes = 16;

// softmax(scale q kᵀ) v for each text and head, like AttendWithinTexts (text_attention.h) in float32. `query` is [Q,
// D], `key` and `value` are [N, D], contiguous bfloat16. `places` is from AttentionPlaces (text_products.h).
// `prefix_key` and `prefix_value` [P, D], contiguous bfloat16, are keys and values before those of every text;
// undefined: none. Returns [Q, D] in bfloat16. The bits of a text's rows do not depend on the other texts.
at::Tensor AttendInBfloat16(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const at::Tensor& places, int64_t heads, double scale, const at::Tensor& prefix_key = {},
                            const at::Tensor& prefix_value = {});

struct NormedStates {
  at::Tensor states;    // [N, D] float32
  at::Tensor bfloat16;  // the same, rounded to bfloat16
};

// The layer norm (Ba et al. 2016) of states + added. `states` is [N, D] float32, `added` [N, D] bfloat16, `weight` and
// `bias` are [D] float32; all are contiguous.
NormedStates AddAndNorm(const at::Tensor& states, const at::Tensor& added, const at::Tensor& weight,
                        const at::Tensor& bias, double epsilon);

// A function of one bfloat16 number, as a table of its values for all 65,536 bfloat16 numbers.
class Bfloat16Table {
 public:
  // `function` maps a float32 tensor to a tensor of the same shape, number by number. It is called once.
  explicit Bfloat16Table(const std::function<at::Tensor(const at::Tensor&)>& function);

  // Replaces each number x of a contiguous bfloat16 tensor by function(x), rounded to bfloat16.
  void Apply(at::Tensor* numbers) const;

 private:
  std::vector<uint16_t> results_;  // the bits of function(x), by the bits of x
};

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_BFLOAT16_KERNELS_H_
