#include "metaprompt/operations/text_products.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <cblas.h>

#include <algorithm>
#include <vector>

namespace metaprompt {
namespace {

// A row of AttentionPlaces: the rows of a text.
struct Text {
  int64_t query;
  int64_t queries;
  int64_t key;
  int64_t keys;
  int64_t pairs;  // the sum of queries times keys over all texts before it
};
static_assert(sizeof(Text) == 5 * sizeof(int64_t), "a row of AttentionPlaces");

struct Texts {
  const Text* first;
  int64_t size;
  int64_t heads;

  Texts(const at::Tensor& places, int64_t heads_in)
      : first(reinterpret_cast<const Text*>(places.data_ptr<int64_t>())), size(places.size(0)), heads(heads_in) {}

  int64_t Pairs() const {
    return size == 0 ? 0 : first[size - 1].pairs + first[size - 1].queries * first[size - 1].keys;
  }

  // Calls work(text, head, index in [pairs] at which the head's matrix begins) for every head of every text.
  template <typename Work>
  void ForEach(const Work& work) const {
    for (int64_t b = 0; b < size; ++b) {
      const Text& text = first[b];
      for (int64_t h = 0; h < heads; ++h) {
        work(text, h, text.pairs * heads + h * text.queries * text.keys);
      }
    }
  }
};

// C = scale op(A) op(B), with column-major matrices as in BLAS. The columns of C are computed in strips that are so
// narrow that OpenBLAS uses a single thread for each. So the result is the same for any number of threads.
template <typename T>
void SmallProduct(CBLAS_TRANSPOSE a_how, CBLAS_TRANSPOSE b_how, int64_t m, int64_t n, int64_t k, double scale,
                  const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc) {
  constexpr int64_t kOneThread = 1 << 18;  // multiplications; OpenBLAS starts threads above this number
  const int64_t strip = std::max<int64_t>(1, kOneThread / std::max<int64_t>(1, m * k));
  const int64_t b_step = b_how == CblasNoTrans ? ldb : 1;
  const auto as_int = [](int64_t n) { return static_cast<blasint>(n); };
  for (int64_t from = 0; from < n; from += strip) {
    const int64_t width = std::min(strip, n - from);
    if constexpr (sizeof(T) == sizeof(float)) {
      cblas_sgemm(CblasColMajor, a_how, b_how, as_int(m), as_int(width), as_int(k), static_cast<float>(scale), a,
                  as_int(lda), b + from * b_step, as_int(ldb), 0, c + from * ldc, as_int(ldc));
    } else {
      cblas_dgemm(CblasColMajor, a_how, b_how, as_int(m), as_int(width), as_int(k), scale, a, as_int(lda),
                  b + from * b_step, as_int(ldb), 0, c + from * ldc, as_int(ldc));
    }
  }
}

void Tell(const at::Tensor& pairs, int64_t depth) {
  RECORD_FUNCTION(kTextProducts, std::vector<c10::IValue>({pairs, depth}));
}

// A sum in eight independent parts, which a processor can compute in parallel.
template <typename T, typename Term>
T Sum(int64_t n, const Term& term) {
  constexpr int64_t kParts = 8;
  T parts[kParts] = {};
  int64_t i = 0;
  for (; i + kParts <= n; i += kParts) {
    for (int64_t j = 0; j < kParts; ++j) {
      parts[j] += term(i + j);
    }
  }
  T sum = 0;
  for (; i < n; ++i) {
    sum += term(i);
  }
  for (const T part : parts) {
    sum += part;
  }
  return sum;
}

// Calls work(index at which the row begins, number of keys) for every query's row.
template <typename Work>
void ForEachRow(const Texts& texts, const Work& work) {
  texts.ForEach([&](const Text& text, int64_t /*h*/, int64_t place) {
    for (int64_t i = 0; i < text.queries; ++i) {
      work(place + i * text.keys, text.keys);
    }
  });
}

}  // namespace

at::Tensor AttentionPlaces(const at::Tensor& spans, bool one_query) {
  const int64_t size = spans.size(0);
  at::Tensor places = at::empty({size, 5}, spans.options());
  const int64_t* const from = spans.data_ptr<int64_t>();
  auto* const to = reinterpret_cast<Text*>(places.data_ptr<int64_t>());
  int64_t pairs = 0;
  for (int64_t b = 0; b < size; ++b) {
    const int64_t first = from[2 * b];
    const int64_t count = from[2 * b + 1];
    to[b] = one_query ? Text{b, 1, first, count, pairs} : Text{first, count, first, count, pairs};
    pairs += to[b].queries * count;
  }
  return places;
}

at::Tensor ScoresOf(const at::Tensor& query, const at::Tensor& key, const at::Tensor& places, int64_t heads,
                    double scale) {
  const Texts texts(places, heads);
  const int64_t width = key.size(1);
  const int64_t depth = width / heads;
  const at::Tensor q = query.contiguous();
  const at::Tensor k = key.contiguous();
  at::Tensor scores = at::empty({texts.Pairs() * heads}, key.options());
  Tell(scores, depth);
  AT_DISPATCH_FLOATING_TYPES(key.scalar_type(), "ScoresOf", [&] {
    const auto* const from_q = q.data_ptr<scalar_t>();
    const auto* const from_k = k.data_ptr<scalar_t>();
    auto* const to = scores.data_ptr<scalar_t>();
    texts.ForEach([&](const Text& text, int64_t h, int64_t place) {
      SmallProduct(CblasTrans, CblasNoTrans, text.keys, text.queries, depth, scale,
                   from_k + text.key * width + h * depth, width, from_q + text.query * width + h * depth, width,
                   to + place, text.keys);
    });
  });
  return scores;
}

at::Tensor MixedOf(const at::Tensor& pairs, const at::Tensor& at_keys, const at::Tensor& places, int64_t heads,
                   double scale, int64_t rows) {
  const Texts texts(places, heads);
  const int64_t width = at_keys.size(1);
  const int64_t depth = width / heads;
  const at::Tensor s = pairs.contiguous();
  const at::Tensor x = at_keys.contiguous();
  at::Tensor mixed = at::empty({rows, width}, x.options());
  Tell(s, depth);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "MixedOf", [&] {
    const auto* const from_s = s.data_ptr<scalar_t>();
    const auto* const from_x = x.data_ptr<scalar_t>();
    auto* const to = mixed.data_ptr<scalar_t>();
    texts.ForEach([&](const Text& text, int64_t h, int64_t place) {
      SmallProduct(CblasNoTrans, CblasNoTrans, depth, text.queries, text.keys, scale,
                   from_x + text.key * width + h * depth, width, from_s + place, text.keys,
                   to + text.query * width + h * depth, width);
    });
  });
  return mixed;
}

at::Tensor SpreadOf(const at::Tensor& pairs, const at::Tensor& at_queries, const at::Tensor& places, int64_t heads,
                    double scale, int64_t rows) {
  const Texts texts(places, heads);
  const int64_t width = at_queries.size(1);
  const int64_t depth = width / heads;
  const at::Tensor s = pairs.contiguous();
  const at::Tensor x = at_queries.contiguous();
  at::Tensor spread = at::empty({rows, width}, x.options());
  Tell(s, depth);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "SpreadOf", [&] {
    const auto* const from_s = s.data_ptr<scalar_t>();
    const auto* const from_x = x.data_ptr<scalar_t>();
    auto* const to = spread.data_ptr<scalar_t>();
    texts.ForEach([&](const Text& text, int64_t h, int64_t place) {
      SmallProduct(CblasNoTrans, CblasTrans, depth, text.keys, text.queries, scale,
                   from_x + text.query * width + h * depth, width, from_s + place, text.keys,
                   to + text.key * width + h * depth, width);
    });
  });
  return spread;
}

void SoftmaxInPlace(at::Tensor* scores, const at::Tensor& places, int64_t heads) {
  const Texts texts(places, heads);
  AT_DISPATCH_FLOATING_TYPES(scores->scalar_type(), "SoftmaxInPlace", [&] {
    auto* const all = scores->data_ptr<scalar_t>();
    ForEachRow(texts, [&](int64_t place, int64_t keys) {
      scalar_t* const row = all + place;
      const scalar_t most = *std::max_element(row, row + keys);
      for (int64_t j = 0; j < keys; ++j) {
        row[j] -= most;
      }
    });
    scores->exp_();
    ForEachRow(texts, [&](int64_t place, int64_t keys) {
      scalar_t* const row = all + place;
      const scalar_t share = 1 / Sum<scalar_t>(keys, [&](int64_t j) { return row[j]; });
      for (int64_t j = 0; j < keys; ++j) {
        row[j] *= share;
      }
    });
  });
}

at::Tensor SoftmaxGradientOf(const at::Tensor& weights, const at::Tensor& grad, const at::Tensor& places,
                             int64_t heads) {
  const at::Tensor p = weights.contiguous();
  const at::Tensor g = grad.contiguous();
  at::Tensor result = at::empty_like(p);
  AT_DISPATCH_FLOATING_TYPES(p.scalar_type(), "SoftmaxGradient", [&] {
    const auto* const from_p = p.data_ptr<scalar_t>();
    const auto* const from_g = g.data_ptr<scalar_t>();
    auto* const to = result.data_ptr<scalar_t>();
    ForEachRow(Texts(places, heads), [&](int64_t place, int64_t keys) {
      const scalar_t* const row_p = from_p + place;
      const scalar_t* const row_g = from_g + place;
      const scalar_t mean = Sum<scalar_t>(keys, [&](int64_t j) { return row_p[j] * row_g[j]; });
      for (int64_t j = 0; j < keys; ++j) {
        to[place + j] = row_p[j] * (row_g[j] - mean);
      }
    });
  });
  return result;
}

at::Tensor SoftmaxGradientByWeights(const at::Tensor& weights, const at::Tensor& grad, const at::Tensor& back,
                                    const at::Tensor& places, int64_t heads) {
  const at::Tensor p = weights.contiguous();
  const at::Tensor g = grad.contiguous();
  const at::Tensor h = back.contiguous();
  at::Tensor result = at::empty_like(p);
  AT_DISPATCH_FLOATING_TYPES(p.scalar_type(), "SoftmaxGradientByWeights", [&] {
    const auto* const from_p = p.data_ptr<scalar_t>();
    const auto* const from_g = g.data_ptr<scalar_t>();
    const auto* const from_h = h.data_ptr<scalar_t>();
    auto* const to = result.data_ptr<scalar_t>();
    ForEachRow(Texts(places, heads), [&](int64_t place, int64_t keys) {
      const scalar_t* const row_p = from_p + place;
      const scalar_t* const row_g = from_g + place;
      const scalar_t* const row_h = from_h + place;
      const scalar_t of_g = Sum<scalar_t>(keys, [&](int64_t j) { return row_p[j] * row_g[j]; });
      const scalar_t of_h = Sum<scalar_t>(keys, [&](int64_t j) { return row_p[j] * row_h[j]; });
      for (int64_t j = 0; j < keys; ++j) {
        to[place + j] = row_h[j] * (row_g[j] - of_g) - row_g[j] * of_h;
      }
    });
  });
  return result;
}

}  // namespace metaprompt
