#include "metaprompt/operations/bfloat16_kernels.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "metaprompt/operations/text_products.h"

// Only functions that are always inlined have vectors as arguments, so their calling convention does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"

// The code below is compiled twice: for every processor, and for those with AVX-512.
#define METAPROMPT_INLINE inline __attribute__((always_inline))
#if defined(__x86_64__)
#define METAPROMPT_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,avx2")))
#define METAPROMPT_HAS_AVX512                                                           \
  (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 && \
   __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0)
#else
#define METAPROMPT_AVX512
#define METAPROMPT_HAS_AVX512 false
#endif

namespace metaprompt {
namespace {

constexpr int64_t kLanes = kBfloat16Lanes;
constexpr int64_t kQueries = 4;  // number of queries that are computed together, so that their sums are independent

using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));
using Bits = uint32_t __attribute__((vector_size(kLanes * sizeof(uint32_t))));
using Halves = uint16_t __attribute__((vector_size(kLanes * sizeof(uint16_t))));

METAPROMPT_INLINE Floats Load(const float* from) {
  Floats values;
  std::memcpy(&values, from, sizeof(values));
  return values;
}

METAPROMPT_INLINE void Store(const Floats& values, float* to) { std::memcpy(to, &values, sizeof(values)); }

// A bfloat16 is the upper half of a float32.
METAPROMPT_INLINE Floats Load(const uint16_t* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof(halves));
  return reinterpret_cast<Floats>(__builtin_convertvector(halves, Bits) << 16);
}

METAPROMPT_INLINE float ToFloat(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// Rounds to nearest, ties to even.
METAPROMPT_INLINE void Store(const Floats& values, uint16_t* to) {
  Bits bits = reinterpret_cast<Bits>(values);
  bits = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const Halves halves = __builtin_convertvector(bits, Halves);
  std::memcpy(to, &halves, sizeof(halves));
}

// Combines all lanes, by combining the vector with itself shuffled at distances of 8, 4, 2 and 1.
template <typename Combine>
METAPROMPT_INLINE float Reduced(const Floats& from, const Combine& combine) {
  Floats values = from;
  values =
      combine(values, __builtin_shufflevector(values, values, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  values =
      combine(values, __builtin_shufflevector(values, values, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  values =
      combine(values, __builtin_shufflevector(values, values, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
  values =
      combine(values, __builtin_shufflevector(values, values, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
  return values[0];
}

METAPROMPT_INLINE float SumOf(const Floats& values) {
  return Reduced(values,
                 [](const Floats& a, const Floats& b) __attribute__((always_inline)) -> Floats { return a + b; });
}

METAPROMPT_INLINE float MostOf(const Floats& values) {
  return Reduced(
      values, [](const Floats& a, const Floats& b) __attribute__((always_inline)) -> Floats { return a > b ? a : b; });
}

// 2^x for x <= 0, with a relative error of 2e-7: 2^n times the Taylor series of 2^(x - n), |x - n| <= 1/2.
METAPROMPT_INLINE Floats PowerOfTwo(const Floats& exponent) {
  constexpr float kRound = 12582912.0F;  // 1.5 2^23: a number near it is rounded to an integer
  constexpr float kLeast = -126;         // below this, 2^x is not a normal number
  const Floats x = exponent < kLeast ? Floats{} + kLeast : exponent;
  const Floats n = (x + kRound) - kRound;
  const Floats f = x - n;
  Floats power = f * 1.5403530e-4F + 1.3333558e-3F;
  power = power * f + 9.6181291e-3F;
  power = power * f + 5.5504109e-2F;
  power = power * f + 2.4022651e-1F;
  power = power * f + 6.9314718e-1F;
  power = power * f + 1.0F;
  return power * reinterpret_cast<Floats>((__builtin_convertvector(n, Ints) + 127) << 23);
}

// Buffers for one text and head.
struct Scratch {
  std::vector<float> keys;     // [depth, padded number of keys]
  std::vector<float> values;   // [number of keys, depth]
  std::vector<float> queries;  // [kQueries, depth]
  std::vector<float> weights;  // [kQueries, padded number of keys]
};

// One head of one text. The pointers are at the head's first column. Rows are `width` numbers apart.
struct Head {
  const uint16_t* query;
  const uint16_t* key;
  const uint16_t* value;
  const uint16_t* prefix_key;
  const uint16_t* prefix_value;
  uint16_t* mixed;
  int64_t queries;
  int64_t prefix;  // number of the prefix's keys
  int64_t keys;    // number of keys, including the prefix's
  int64_t width;
  int64_t depth;
  float scale;  // of the scores, times log2(e)
};

// Replaces the scores of a query, which are multiplied by log2(e), by exp(score - largest score). Returns their sum.
METAPROMPT_INLINE float ExpInPlace(float* scores, int64_t keys, int64_t padded) {
  Ints lane;
  for (int64_t i = 0; i < kLanes; ++i) {
    lane[i] = static_cast<int32_t>(i);
  }
  const Floats lowest = Floats{} - std::numeric_limits<float>::infinity();
  Floats most = lowest;
  for (int64_t j = 0; j < padded; j += kLanes) {
    const Floats score = lane < static_cast<int32_t>(keys - j) ? Load(scores + j) : lowest;
    most = score > most ? score : most;
  }
  const float largest = MostOf(most);
  Floats sum = {};
  for (int64_t j = 0; j < padded; j += kLanes) {
    const Floats power = PowerOfTwo(Load(scores + j) - largest);
    const Floats weight = lane < static_cast<int32_t>(keys - j) ? power : Floats{};
    Store(weight, scores + j);
    sum += weight;
  }
  return SumOf(sum);
}

// Computes queries i, ..., i + kCount - 1.
template <int64_t kCount>
METAPROMPT_INLINE void AttendQueries(const Head& head, int64_t i, int64_t padded, Scratch* scratch) {
  const int64_t depth = head.depth;
  float* const queries = scratch->queries.data();
  float* const weights = scratch->weights.data();
  for (int64_t r = 0; r < kCount; ++r) {
    for (int64_t c = 0; c < depth; c += kLanes) {
      Store(Load(head.query + (i + r) * head.width + c) * head.scale, queries + r * depth + c);
    }
  }
  for (int64_t j = 0; j < padded; j += kLanes) {
    Floats sums[kCount] = {};
    const float* key = scratch->keys.data() + j;
    for (int64_t c = 0; c < depth; ++c, key += padded) {
      const Floats of_keys = Load(key);
#pragma GCC unroll 4
      for (int64_t r = 0; r < kCount; ++r) {
        sums[r] += of_keys * queries[r * depth + c];
      }
    }
#pragma GCC unroll 4
    for (int64_t r = 0; r < kCount; ++r) {
      Store(sums[r], weights + r * padded + j);
    }
  }
  float shares[kCount];
  for (int64_t r = 0; r < kCount; ++r) {
    shares[r] = 1 / ExpInPlace(weights + r * padded, head.keys, padded);
  }
  for (int64_t c = 0; c < depth; c += kLanes) {
    Floats sums[kCount] = {};
    const float* value = scratch->values.data() + c;
    for (int64_t j = 0; j < head.keys; ++j, value += depth) {
      const Floats of_key = Load(value);
#pragma GCC unroll 4
      for (int64_t r = 0; r < kCount; ++r) {
        sums[r] += of_key * weights[r * padded + j];
      }
    }
#pragma GCC unroll 4
    for (int64_t r = 0; r < kCount; ++r) {
      Store(sums[r] * shares[r], head.mixed + (i + r) * head.width + c);
    }
  }
}

METAPROMPT_INLINE void AttendHeadBody(const Head& head, Scratch* scratch) {
  const int64_t padded = (head.keys + kLanes - 1) / kLanes * kLanes;
  for (int64_t j = 0; j < head.keys; ++j) {
    const bool in_prefix = j < head.prefix;
    const int64_t row = (in_prefix ? j : j - head.prefix) * head.width;
    const uint16_t* const key = (in_prefix ? head.prefix_key : head.key) + row;
    const uint16_t* const value = (in_prefix ? head.prefix_value : head.value) + row;
    for (int64_t c = 0; c < head.depth; ++c) {
      scratch->keys[static_cast<size_t>(c * padded + j)] = ToFloat(key[c]);
    }
    for (int64_t c = 0; c < head.depth; c += kLanes) {
      Store(Load(value + c), scratch->values.data() + j * head.depth + c);
    }
  }
  int64_t i = 0;
  for (; i + kQueries <= head.queries; i += kQueries) {
    AttendQueries<kQueries>(head, i, padded, scratch);
  }
  for (; i < head.queries; ++i) {
    AttendQueries<1>(head, i, padded, scratch);
  }
}

METAPROMPT_AVX512 void AttendHeadAvx512(const Head& head, Scratch* scratch) { AttendHeadBody(head, scratch); }
void AttendHeadAnywhere(const Head& head, Scratch* scratch) { AttendHeadBody(head, scratch); }

// The arguments of AddAndNorm.
struct NormRows {
  const float* states;
  const uint16_t* added;
  const float* weight;
  const float* bias;
  float* normed;
  uint16_t* rounded;
  int64_t rows;
  int64_t width;
  float epsilon;
};

METAPROMPT_INLINE void AddAndNormBody(const NormRows& all) {
  const auto width = static_cast<float>(all.width);
  for (int64_t n = 0; n < all.rows; ++n) {
    const int64_t row = n * all.width;
    float* const out = all.normed + row;
    Floats sums = {};
    for (int64_t c = 0; c < all.width; c += kLanes) {
      const Floats sum = Load(all.states + row + c) + Load(all.added + row + c);
      Store(sum, out + c);
      sums += sum;
    }
    const float mean = SumOf(sums) / width;
    Floats squares = {};
    for (int64_t c = 0; c < all.width; c += kLanes) {
      const Floats away = Load(out + c) - mean;
      squares += away * away;
    }
    const float scale = 1 / std::sqrt(SumOf(squares) / width + all.epsilon);
    for (int64_t c = 0; c < all.width; c += kLanes) {
      const Floats normed = (Load(out + c) - mean) * scale * Load(all.weight + c) + Load(all.bias + c);
      Store(normed, out + c);
      Store(normed, all.rounded + row + c);
    }
  }
}

METAPROMPT_AVX512 void AddAndNormAvx512(const NormRows& all) { AddAndNormBody(all); }
void AddAndNormAnywhere(const NormRows& all) { AddAndNormBody(all); }

bool HasAvx512() {
  static const bool has = METAPROMPT_HAS_AVX512;
  return has;
}

uint16_t* BitsOf(const at::Tensor& tensor) { return reinterpret_cast<uint16_t*>(tensor.data_ptr<at::BFloat16>()); }

}  // namespace

at::Tensor AttendInBfloat16(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const at::Tensor& places, int64_t heads, double scale, const at::Tensor& prefix_key,
                            const at::Tensor& prefix_value) {
  const int64_t width = key.size(1);
  TORCH_CHECK(query.is_cpu() && query.is_contiguous() && key.is_contiguous() && value.is_contiguous() &&
                  key.sizes() == value.sizes() && query.size(1) == width && width % (heads * kLanes) == 0,
              "AttendInBfloat16: query ", query.sizes(), ", key ", key.sizes(), ", value ", value.sizes(), ", ", heads,
              " heads");
  at::Tensor mixed = at::empty_like(query);
  const int64_t depth = width / heads;
  const int64_t* const place = places.data_ptr<int64_t>();
  const int64_t prefix = prefix_key.defined() ? prefix_key.size(0) : 0;
  int64_t most_keys = prefix;
  for (int64_t b = 0; b < places.size(0); ++b) {
    most_keys = std::max(most_keys, prefix + place[5 * b + 3]);
  }
  const int64_t most_padded = (most_keys + kLanes - 1) / kLanes * kLanes;
  const auto numbers = [](int64_t rows, int64_t columns) {
    return std::vector<float>(static_cast<size_t>(rows * columns));
  };
  Scratch scratch{numbers(depth, most_padded), numbers(most_keys, depth), numbers(kQueries, depth),
                  numbers(kQueries, most_padded)};
  const auto attend = HasAvx512() ? AttendHeadAvx512 : AttendHeadAnywhere;
  for (int64_t b = 0; b < places.size(0); ++b) {
    const int64_t* const text = place + 5 * b;
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t at_query = text[0] * width + h * depth;
      const int64_t at_key = text[2] * width + h * depth;
      Head head{};
      head.query = BitsOf(query) + at_query;
      head.key = BitsOf(key) + at_key;
      head.value = BitsOf(value) + at_key;
      head.prefix_key = prefix == 0 ? nullptr : BitsOf(prefix_key) + h * depth;
      head.prefix_value = prefix == 0 ? nullptr : BitsOf(prefix_value) + h * depth;
      head.mixed = BitsOf(mixed) + at_query;
      head.queries = text[1];
      head.prefix = prefix;
      head.keys = prefix + text[3];
      head.width = width;
      head.depth = depth;
      head.scale = static_cast<float>(scale / std::log(2.0));
      attend(head, &scratch);
    }
  }
  return mixed;
}

NormedStates AddAndNorm(const at::Tensor& states, const at::Tensor& added, const at::Tensor& weight,
                        const at::Tensor& bias, double epsilon) {
  const int64_t width = states.size(1);
  TORCH_CHECK(states.is_contiguous() && added.is_contiguous() && states.sizes() == added.sizes() &&
                  weight.numel() == width && bias.numel() == width && width % kLanes == 0,
              "AddAndNorm: states ", states.sizes(), ", added ", added.sizes(), ", weight ", weight.sizes());
  NormedStates normed{at::empty_like(states), at::empty_like(added)};
  const auto add_and_norm = HasAvx512() ? AddAndNormAvx512 : AddAndNormAnywhere;
  add_and_norm({states.data_ptr<float>(), BitsOf(added), weight.data_ptr<float>(), bias.data_ptr<float>(),
                normed.states.data_ptr<float>(), BitsOf(normed.bfloat16), states.size(0), width,
                static_cast<float>(epsilon)});
  return normed;
}

Bfloat16Table::Bfloat16Table(const std::function<at::Tensor(const at::Tensor&)>& function) : results_(1 << 16) {
  at::Tensor numbers = at::empty({1 << 16}, at::kBFloat16);
  for (int64_t i = 0; i < numbers.numel(); ++i) {
    BitsOf(numbers)[i] = static_cast<uint16_t>(i);
  }
  const at::Tensor results = function(numbers.to(at::kFloat)).to(at::kBFloat16).contiguous();
  std::copy_n(BitsOf(results), results.numel(), results_.begin());
}

void Bfloat16Table::Apply(at::Tensor* numbers) const {
  TORCH_CHECK(numbers->is_cpu() && numbers->is_contiguous(), "Bfloat16Table: not contiguous");
  uint16_t* const values = BitsOf(*numbers);
  const uint16_t* const results = results_.data();
  const int64_t count = numbers->numel();
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {  // four at a time, read and written as one
    uint64_t four = 0;
    std::memcpy(&four, values + i, sizeof(four));
    four = static_cast<uint64_t>(results[four & 0xffff]) | static_cast<uint64_t>(results[four >> 16 & 0xffff]) << 16 |
           static_cast<uint64_t>(results[four >> 32 & 0xffff]) << 32 | static_cast<uint64_t>(results[four >> 48]) << 48;
    std::memcpy(values + i, &four, sizeof(four));
  }
  for (; i < count; ++i) {
    values[i] = results[values[i]];
  }
}

}  // namespace metaprompt
