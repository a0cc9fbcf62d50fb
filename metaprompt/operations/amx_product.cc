#include "metaprompt/operations/amx_product.h"

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && (__GNUC__ >= 12 || defined(__clang__))
#define METAPROMPT_AMX 1
#endif

#if METAPROMPT_AMX

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

// GCC 12 warns about variables in its own header wherever the header's functions are used.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#define METAPROMPT_AMX_CODE __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16")))

namespace metaprompt {
namespace {

// A tile has 16 rows of 64 bytes, with 16 pairs of bfloat16 numbers each. In a tile of the left factor, a row has 32
// numbers along k. In a tile of the right factor, a row has, for each of 16 columns, a pair of numbers that are
// neighbours along k.
constexpr int64_t kRows = 16;
constexpr int64_t kDepth = 32;
constexpr int64_t kTileBytes = kRows * 64;
constexpr int64_t kBlock = 2 * kRows;  // rows and columns of the result that are computed at a time: 2 x 2 tiles
// The maximum size of the right factor's tiles in bytes, so that they stay in a core's cache.
constexpr int64_t kStripBytes = 1280 * int64_t{1024};

int64_t Blocks(int64_t n, int64_t size) { return (n + size - 1) / size; }

struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64, "as the processor reads it");

// Configures all tile registers as whole tiles.
METAPROMPT_AMX_CODE void Configure() {
  TileConfig config;
  for (int i = 0; i < 8; ++i) {
    config.row_bytes[i] = 64;
    config.rows[i] = kRows;
  }
  _tile_loadconfig(&config);
}

METAPROMPT_AMX_CODE inline __mmask16 First(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : (1U << std::max<int64_t>(0, count)) - 1);
}

METAPROMPT_AMX_CODE inline __mmask32 First32(int64_t count) {
  return count >= 32 ? 0xFFFFFFFFU : (1U << std::max<int64_t>(0, count)) - 1;
}

// low and high, rounded to bfloat16.
METAPROMPT_AMX_CODE inline __m512i Rounded(__m512 low, __m512 high) { return (__m512i)_mm512_cvtne2ps_pbh(high, low); }

// The indices that interleave the first 16 numbers with the last 16: 0, 16, 1, 17, ...
METAPROMPT_AMX_CODE inline __m512i Interleaving() {
  return _mm512_add_epi32(_mm512_set1_epi32(16 << 16),
                          _mm512_mullo_epi32(_mm512_set1_epi32((1 << 16) + 1),
                                             _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)));
}

// 32 numbers from index `at` on as bfloat16 numbers; 0 where the mask's bit is 0.
template <bool kBfloat16>
METAPROMPT_AMX_CODE inline __m512i Load(const void* data, int64_t at, __mmask16 low, __mmask16 high) {
  if (kBfloat16) {
    return _mm512_maskz_loadu_epi16((static_cast<__mmask32>(high) << 16) | low,
                                    static_cast<const uint16_t*>(data) + at);
  }
  const float* const from = static_cast<const float*>(data) + at;
  return Rounded(_mm512_maskz_loadu_ps(low, from), _mm512_maskz_loadu_ps(high, from + 16));
}

// 16 numbers from index `first` on and 16 from `second` on, as 16 pairs; 0 where the mask's bit is 0.
template <bool kBfloat16>
METAPROMPT_AMX_CODE inline __m512i LoadPairs(const void* data, int64_t first, int64_t second, __mmask16 first_mask,
                                             __mmask16 second_mask) {
  __m512i both;
  if (kBfloat16) {
    const auto* const from = static_cast<const uint16_t*>(data);
    both = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_maskz_loadu_epi16(first_mask, from + first)),
                              _mm256_maskz_loadu_epi16(second_mask, from + second), 1);
  } else {
    const auto* const from = static_cast<const float*>(data);
    both = Rounded(_mm512_maskz_loadu_ps(first_mask, from + first), _mm512_maskz_loadu_ps(second_mask, from + second));
  }
  return _mm512_permutexvar_epi16(Interleaving(), both);
}

// Transposes a tile as 16 x 16 pairs.
METAPROMPT_AMX_CODE inline __attribute__((always_inline)) void Transpose(__m512i* r) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xDD);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xDD);
  }
}

// Writes a tile: 16 lines (rows of the left factor, or columns of the right one) from `line` on, and 32 numbers along k
// from `depth` on. The factor has `lines` lines of k numbers. `kAlongK`: whether neighbours along k are neighbours in
// memory.
template <bool kBfloat16, bool kAlongK>
METAPROMPT_AMX_CODE void PackTile(const AmxFactor& from, bool left, int64_t line, int64_t lines, int64_t depth,
                                  int64_t k, char* to) {
  __m512i rows[16];
  if (kAlongK) {  // row i: line i, 16 pairs along k
    const __mmask16 low = First(k - depth);
    const __mmask16 high = First(k - depth - 16);
#pragma GCC unroll 16
    for (int64_t i = 0; i < 16; ++i) {
      const bool is_there = line + i < lines;
      rows[i] = Load<kBfloat16>(from.data, is_there ? (line + i) * from.stride + depth : 0, is_there ? low : 0,
                                is_there ? high : 0);
    }
  } else {  // row i: pair i along k, 16 lines
    const __mmask16 mask = First(lines - line);
#pragma GCC unroll 16
    for (int64_t i = 0; i < 16; ++i) {
      const int64_t at = depth + 2 * i;
      rows[i] = LoadPairs<kBfloat16>(from.data, at < k ? at * from.stride + line : 0,
                                     at + 1 < k ? (at + 1) * from.stride + line : 0, at < k ? mask : 0,
                                     at + 1 < k ? mask : 0);
    }
  }
  if (kAlongK != left) {
    Transpose(rows);
  }
#pragma GCC unroll 16
  for (int64_t i = 0; i < 16; ++i) {
    _mm512_store_si512(to + 64 * i, rows[i]);
  }
}

// Writes `count` rows (or columns) of tiles from `line` on, and reads memory in order. The tiles of a row of tiles are
// written one after the other along k.
METAPROMPT_AMX_CODE void Pack(const AmxFactor& from, bool along_k, bool left, int64_t line, int64_t count,
                              int64_t lines, int64_t k, char* to) {
  const int64_t depths = Blocks(k, kDepth);
  const auto pack = along_k ? (from.bfloat16 ? PackTile<true, true> : PackTile<false, true>)
                            : (from.bfloat16 ? PackTile<true, false> : PackTile<false, false>);
  for (int64_t i = 0; i < count * depths; ++i) {
    const int64_t tile = along_k ? i / depths : i % count;
    const int64_t depth = along_k ? i % depths : i / count;
    pack(from, left, line + tile * kRows, lines, depth * kDepth, k, to + (tile * depths + depth) * kTileBytes);
  }
}

// Computes the sums of 2 x 2 tiles of the result. The tiles of a row (or column) of tiles follow one another in memory.
METAPROMPT_AMX_CODE inline void Multiply(const char* a, const char* b, int64_t depths, float* sums) {
  const char* const a1 = a + depths * kTileBytes;
  const char* const b1 = b + depths * kTileBytes;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t d = 0; d < depths; ++d) {
    const int64_t at = d * kTileBytes;
    _tile_loadd(4, a + at, 64);
    _tile_loadd(6, b + at, 64);
    _tile_loadd(7, b1 + at, 64);
    _tile_loadd(5, a1 + at, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums, 128);
  _tile_stored(1, sums + 16, 128);
  _tile_stored(2, sums + 16 * 32, 128);
  _tile_stored(3, sums + 16 * 32 + 16, 128);
}

// 16 bfloat16 numbers as float32.
METAPROMPT_AMX_CODE inline __m512i Widened(__m256i numbers) {
  return _mm512_slli_epi32(_mm512_cvtepu16_epi32(numbers), 16);
}

// Adds the bias to a block of sums, rounds them, and writes those inside the result, which has n columns.
METAPROMPT_AMX_CODE inline void Write(const float* sums, int64_t row, int64_t column, int64_t m, int64_t n,
                                      const float* bias, const AmxResult& result) {
  const int64_t width = std::min(kBlock, n - column);
  const __mmask16 mask0 = First(width);
  const __mmask16 mask1 = First(width - 16);
  __m512 bias0 = _mm512_setzero_ps();
  __m512 bias1 = _mm512_setzero_ps();
  if (bias != nullptr) {
    const __m512i both =
        Rounded(_mm512_maskz_loadu_ps(mask0, bias + column), _mm512_maskz_loadu_ps(mask1, bias + column + 16));
    bias0 = _mm512_castsi512_ps(Widened(_mm512_castsi512_si256(both)));
    bias1 = _mm512_castsi512_ps(Widened(_mm512_extracti64x4_epi64(both, 1)));
  }
  const int64_t height = std::min(kBlock, m - row);
  // A large result would leave the caches before it is read. Non-temporal stores also avoid reading its cache lines
  // first.
  constexpr int64_t kLarge = 1 << 19;  // numbers
  const bool past_caches =
      m * n >= kLarge && width == kBlock && n % 16 == 0 && reinterpret_cast<uintptr_t>(result.data) % 64 == 0;
  for (int64_t i = 0; i < height; ++i, sums += kBlock) {
    __m512 low = _mm512_loadu_ps(sums);
    __m512 high = _mm512_loadu_ps(sums + 16);
    if (bias != nullptr) {
      low = _mm512_add_ps(low, bias0);
      high = _mm512_add_ps(high, bias1);
    }
    const __m512i both = Rounded(low, high);
    const int64_t at = (row + i) * n + column;
    if (result.bfloat16) {
      _mm512_mask_storeu_epi16(static_cast<uint16_t*>(result.data) + at, First32(width), both);
      continue;
    }
    float* const to = static_cast<float*>(result.data) + at;
    const __m512i left = Widened(_mm512_castsi512_si256(both));
    const __m512i right = Widened(_mm512_extracti64x4_epi64(both, 1));
    if (past_caches) {
      _mm512_stream_si512(reinterpret_cast<__m512i*>(to), left);
      _mm512_stream_si512(reinterpret_cast<__m512i*>(to + 16), right);
    } else {
      _mm512_mask_storeu_epi32(to, mask0, left);
      _mm512_mask_storeu_epi32(to + 16, mask1, right);
    }
  }
}

struct Product {
  int64_t m, n, k;
  const AmxFactor& a;
  const AmxFactor& b;
  const float* bias;
  const AmxResult& result;
  int64_t depths;  // tiles along k
  char* a_tiles;
};

// Computes columns `first` to `end` - 1 of the result. `b_tiles` has space for the tiles of these columns.
METAPROMPT_AMX_CODE void Columns(const Product& p, int64_t first, int64_t end, char* b_tiles) {
  const int64_t tile_row = p.depths * kTileBytes;
  Pack(p.b, p.b.transposed, /*left=*/false, first, Blocks(end - first, kBlock) * 2, p.n, p.k, b_tiles);
  Configure();
  alignas(64) float sums[kBlock * kBlock];
  for (int64_t row = 0; row < p.m; row += kBlock) {
    for (int64_t column = first; column < end; column += kBlock) {
      Multiply(p.a_tiles + row / kRows * tile_row, b_tiles + (column - first) / kRows * tile_row, p.depths, sums);
      Write(sums, row, column, p.m, p.n, p.bias, p.result);
    }
  }
  _tile_release();
  _mm_sfence();  // completes non-temporal stores before other threads read the result
}

bool AskForAmx() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__builtin_cpu_supports("avx512f") == 0 || __builtin_cpu_supports("avx512bw") == 0 ||
      __builtin_cpu_supports("avx512vl") == 0 || __builtin_cpu_supports("avx512dq") == 0 ||
      __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) {
    return false;
  }
  constexpr unsigned kTilesAndBfloat16 = (1U << 24) | (1U << 22);
  if ((d & kTilesAndBfloat16) != kTilesAndBfloat16 || __get_cpuid_count(7, 1, &a, &b, &c, &d) == 0 ||
      (a & (1U << 5)) == 0) {  // AVX-512 for bfloat16
    return false;
  }
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool HasAmx() {
  static const bool has = AskForAmx();
  return has;
}

void AmxProduct(int64_t m, int64_t n, int64_t k, const AmxFactor& a, const AmxFactor& b, const float* bias,
                const AmxResult& result) {
  const int64_t depths = Blocks(k, kDepth);
  const int64_t tile_row = depths * kTileBytes;
  const int64_t row_tiles = Blocks(m, kBlock) * 2;
  const at::Tensor a_space = at::empty({row_tiles * tile_row}, at::kByte);
  const Product product = {m, n, k, a, b, bias, result, depths, static_cast<char*>(a_space.data_ptr())};
  at::parallel_for(0, row_tiles, std::max<int64_t>(1, (1 << 18) / (tile_row + 1)), [&](int64_t from, int64_t to) {
    Pack(a, !a.transposed, /*left=*/true, from * kRows, to - from, m, k, product.a_tiles + from * tile_row);
  });
  const int64_t blocks = Blocks(n, kBlock);
  const int64_t fit = std::max<int64_t>(1, kStripBytes / (2 * tile_row));
  const int64_t strip = std::min(fit, Blocks(blocks, at::get_num_threads()));  // in blocks
  at::parallel_for(0, Blocks(blocks, strip), 1, [&](int64_t from, int64_t to) {
    const at::Tensor b_space = at::empty({2 * strip * tile_row}, at::kByte);
    for (int64_t s = from; s < to; ++s) {
      Columns(product, s * strip * kBlock, std::min(n, (s + 1) * strip * kBlock),
              static_cast<char*>(b_space.data_ptr()));
    }
  });
}

}  // namespace metaprompt

#else

#include <c10/util/Exception.h>

namespace metaprompt {

bool HasAmx() { return false; }

void AmxProduct(int64_t /*m*/, int64_t /*n*/, int64_t /*k*/, const AmxFactor& /*a*/, const AmxFactor& /*b*/,
                const float* /*bias*/, const AmxResult& /*result*/) {
  TORCH_CHECK(false, "AmxProduct: built for a processor without AMX");
}

}  // namespace metaprompt

#endif
