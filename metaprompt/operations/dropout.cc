#include "metaprompt/operations/dropout.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The key with number `index` of a seed: the output of SplitMix64 after `index` steps from the seed.
uint64_t KeyOf(uint64_t seed, uint64_t index) { return Mix(seed + index * 0x9e3779b97f4a7c15U); }

// A row of MaskRows.
struct Row {
  int64_t first;
  int64_t columns;
  int64_t key;
};
static_assert(sizeof(Row) == 3 * sizeof(int64_t), "a row of MaskRows");

Row* RowsIn(const at::Tensor& rows) { return reinterpret_cast<Row*>(rows.data_ptr<int64_t>()); }

// The finaliser of MurmurHash3 for 32 bits (Appleby 2011), with the key's upper half mixed in between.
inline uint32_t Hash(uint32_t low, uint32_t high, uint32_t column) {
  uint32_t h = low + column * 0x9e3779b9U;
  h ^= h >> 16U;
  h *= 0x85ebca6bU;
  h ^= high;
  h ^= h >> 13U;
  h *= 0xc2b2ae35U;
  return h ^ (h >> 16U);
}

template <typename T>
void DropRow(const Row& row, uint32_t bound, float scale, const T* from, T* to) {
  const auto key = static_cast<uint64_t>(row.key);
  const auto low = static_cast<uint32_t>(key);
  const auto high = static_cast<uint32_t>(key >> 32U);
  const auto columns = static_cast<uint32_t>(row.columns);
  const T* const x = from + row.first;
  T* const y = to + row.first;
#pragma omp simd
  for (uint32_t c = 0; c < columns; ++c) {
    y[c] = Hash(low, high, c) < bound ? static_cast<T>(0) : static_cast<T>(x[c] * static_cast<T>(scale));
  }
}

at::Tensor DroppedOnCpu(const at::Tensor& x, double rate, const at::Tensor& rows) {
  const at::Tensor from = x.contiguous();
  at::Tensor to = at::empty_like(from);
  const auto bound = static_cast<uint32_t>(rate * 0x1p32);
  const Row* const each = RowsIn(rows);
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, from.scalar_type(), "Dropped", [&] {
    const auto* const from_data = from.data_ptr<scalar_t>();
    auto* const to_data = to.data_ptr<scalar_t>();
    at::parallel_for(0, rows.size(0), 64, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        DropRow(each[r], bound, static_cast<float>(1 / (1 - rate)), from_data, to_data);
      }
    });
  });
  return to;
}

class DropFunction : public torch::autograd::Function<DropFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, double rate, const at::Tensor& rows) {
    context->save_for_backward({rows});
    context->saved_data["rate"] = rate;
    return DroppedOnCpu(x, rate, rows);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    return {Dropped(grads[0], context->saved_data["rate"].toDouble(), context->get_saved_variables()[0]), {}, {}};
  }
};

// Logical shifts, which bring in zeros. The operations on tensors below are those of Hash, KeyOf and Mix: integers wrap
// around, and only the right shift differs for negative numbers.
at::Tensor Shifted(const at::Tensor& x, int64_t bits, int64_t width) {
  return at::bitwise_right_shift(x, at::Scalar(bits)).bitwise_and_(at::Scalar((int64_t{1} << (width - bits)) - 1));
}

at::Tensor Mixed(const at::Tensor& keys) {
  at::Tensor x = keys + static_cast<int64_t>(0x9e3779b97f4a7c15U);
  x = x.bitwise_xor_(Shifted(x, 30, 64)).mul_(static_cast<int64_t>(0xbf58476d1ce4e5b9U));
  x = x.bitwise_xor_(Shifted(x, 27, 64)).mul_(static_cast<int64_t>(0x94d049bb133111ebU));
  return x.bitwise_xor_(Shifted(x, 31, 64));
}

// The 32-bit number of each bit pattern, as int32, which LibTorch has on all devices.
int64_t AsInt32(uint32_t bits) { return static_cast<int32_t>(bits); }

}  // namespace

uint64_t PlaceSeed(uint64_t seed, int64_t place) { return KeyOf(seed, static_cast<uint64_t>(place)); }

at::Tensor MaskRows(uint64_t seed, int64_t rows, int64_t columns, const at::Tensor& numbers) {
  at::Tensor result = at::empty({rows, 3}, at::kLong);
  const at::Tensor of_rows = numbers.defined() ? numbers.cpu().contiguous() : at::Tensor();
  const int64_t* const number = of_rows.defined() ? of_rows.data_ptr<int64_t>() : nullptr;
  Row* const row = RowsIn(result);
  for (int64_t r = 0; r < rows; ++r) {
    const auto index = static_cast<uint64_t>(number == nullptr ? r : number[r]);
    row[r] = {r * columns, columns, static_cast<int64_t>(KeyOf(seed, index))};
  }
  return result;
}

at::Tensor MaskRowsOfPairs(uint64_t seed, const at::Tensor& places, int64_t heads, const at::Tensor& numbers) {
  const at::Tensor of_queries = numbers.defined() ? numbers.cpu().contiguous() : at::Tensor();
  const int64_t* const number = of_queries.defined() ? of_queries.data_ptr<int64_t>() : nullptr;
  const int64_t queries = places.select(1, 1).sum().item<int64_t>();
  at::Tensor result = at::empty({queries * heads, 3}, at::kLong);
  const auto text = places.accessor<int64_t, 2>();  // first query, queries, first key, keys, pairs before
  Row* row = RowsIn(result);
  for (int64_t b = 0; b < places.size(0); ++b) {
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t i = 0; i < text[b][1]; ++i) {
        const int64_t query = text[b][0] + i;
        const int64_t of_query = number == nullptr ? query : number[query];
        const int64_t first = text[b][4] * heads + (h * text[b][1] + i) * text[b][3];
        *row++ = {first, text[b][3], static_cast<int64_t>(KeyOf(seed, static_cast<uint64_t>(of_query * heads + h)))};
      }
    }
  }
  return result;
}

at::Tensor MaskFactors(const std::vector<uint64_t>& seeds, double rate, const at::Tensor& numbers, int64_t columns,
                       at::ScalarType type) {
  const at::NoGradGuard no_grad;
  at::Tensor of_places = at::empty({static_cast<int64_t>(seeds.size()), 1, 1}, at::kLong);
  std::copy(seeds.begin(), seeds.end(), reinterpret_cast<uint64_t*>(of_places.data_ptr<int64_t>()));
  const at::Tensor steps = numbers.view({1, -1, 1}) * static_cast<int64_t>(0x9e3779b97f4a7c15U);
  const at::Tensor keys = Mixed(of_places.to(numbers.device(), /*non_blocking=*/!numbers.is_cpu()) + steps);
  const at::Tensor low = keys.to(at::kInt);  // the lower 32 bits
  const at::Tensor high = at::bitwise_right_shift(keys, at::Scalar(32)).to(at::kInt);
  const at::Tensor column = at::arange(columns, numbers.options().dtype(at::kInt)) * AsInt32(0x9e3779b9U);
  at::Tensor hash = low + column;
  hash.bitwise_xor_(Shifted(hash, 16, 32)).mul_(AsInt32(0x85ebca6bU)).bitwise_xor_(high);
  hash.bitwise_xor_(Shifted(hash, 13, 32)).mul_(AsInt32(0xc2b2ae35U));
  hash.bitwise_xor_(Shifted(hash, 16, 32));
  // An unsigned comparison: the order of unsigned numbers is that of signed numbers whose first bit is inverted.
  constexpr uint32_t kFirstBit = 1U << 31U;
  const auto bound = static_cast<uint32_t>(rate * 0x1p32);
  const at::Tensor kept = hash.bitwise_xor_(at::Scalar(AsInt32(kFirstBit))).ge(AsInt32(bound ^ kFirstBit));
  return kept.to(type).mul_(1 / (1 - rate));
}

at::Tensor Dropped(const at::Tensor& x, double rate, const at::Tensor& rows) {
  TORCH_CHECK(rate > 0 && rate < 1, "Dropped: the rate is ", rate);
  TORCH_CHECK(x.is_cpu(), "Dropped: the tensor is on ", x.device(), "; use MaskFactors");
  return at::GradMode::is_enabled() && x.requires_grad() ? DropFunction::apply(x, rate, rows)
                                                         : DroppedOnCpu(x, rate, rows);
}

at::Tensor DroppedRows(const at::Tensor& x, double rate, uint64_t seed, const at::Tensor& numbers) {
  if (x.is_cpu()) {
    return Dropped(x, rate, MaskRows(seed, x.size(0), x.size(1), numbers));
  }
  const at::Tensor rows =
      numbers.defined() ? numbers.to(x.device()) : at::arange(x.size(0), x.options().dtype(at::kLong));
  return x * MaskFactors({seed}, rate, rows, x.size(1), x.scalar_type())[0];
}

}  // namespace metaprompt
