#include "experiments/host/blas.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>

namespace metaprompt {
namespace {

constexpr char kCoreType[] = "OPENBLAS_CORETYPE";
constexpr char kWaitPolicy[] = "OMP_WAIT_POLICY";
constexpr char kChosenByUs[] = "METAPROMPT_CHOSE_BLAS_KERNEL";

// OpenBLAS tells of itself through functions that only it has.
std::string AskOpenBlas(const char* function) {
  const auto ask = reinterpret_cast<const char* (*)()>(dlsym(RTLD_DEFAULT, function));
  return ask == nullptr ? "" : ask();
}

}  // namespace

std::string BetterKernel(const std::string& current, bool avx2_fma, bool avx512) {
  // Kernels from before AVX2, by OpenBLAS' names.
  static const auto* const old = new std::set<std::string>{
      "Katmai",     "Coppermine",  "Northwood", "Prescott", "Banias",       "Core2",       "Penryn",
      "Dunnington", "Nehalem",     "Athlon",    "Opteron",  "Barcelona",    "Bobcat",      "Bulldozer",
      "Piledriver", "Steamroller", "Atom",      "Nano",     "Opteron_SSE3", "Sandybridge", "Excavator"};
  if (old->count(current) == 0) {
    return "";  // a kernel as new as the processor, or no OpenBLAS of the x86 family
  }
  if (avx512) {
    return "SKYLAKEX";
  }
  return avx2_fma ? "HASWELL" : "";
}

namespace {

// The kernel to ask for; empty: the one in use is right, or the user's choice.
std::string KernelToSet() {
#if defined(__x86_64__)
  if (std::getenv(kCoreType) != nullptr) {
    return "";
  }
  const bool avx2_fma = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  const bool avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                      __builtin_cpu_supports("avx512cd") != 0;
  return BetterKernel(AskOpenBlas("openblas_get_corename"), avx2_fma, avx512);
#else
  return "";
#endif
}

}  // namespace

void UseBestBlasKernel(char** argv) {
  const std::string kernel = KernelToSet();
  const bool waits = std::getenv(kWaitPolicy) == nullptr;
  if (kernel.empty() && !waits) {
    return;
  }
  if (!kernel.empty()) {
    setenv(kCoreType, kernel.c_str(), 1);
    setenv(kChosenByUs, "1", 1);
  }
  if (waits) {
    setenv(kWaitPolicy, "passive", 1);
  }
  execv("/proc/self/exe", argv);
  // Without /proc the program continues as it is, slower.
  if (!kernel.empty()) {
    unsetenv(kCoreType);
    unsetenv(kChosenByUs);
  }
}

BlasInfo GetBlasInfo() {
  BlasInfo info;
  info.library = AskOpenBlas("openblas_get_config");
  if (info.library.empty()) {
    info.library = "unknown";
  }
  info.kernel = AskOpenBlas("openblas_get_corename");
  info.chosen_by = std::getenv(kChosenByUs) != nullptr ? "metaprompt"
                   : std::getenv(kCoreType) != nullptr ? kCoreType
                                                       : "library";
  return info;
}

double MeasureSgemmGflops() {
  constexpr int64_t kSize = 1024;
  const at::NoGradGuard no_grad;
  const at::Tensor a = at::ones({kSize, kSize}).mul_(0.5);
  const at::Tensor b = at::ones({kSize, kSize}).mul_(0.25);
  at::Tensor c = at::empty({kSize, kSize});
  double best = 0;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    at::mm_out(c, a, b);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2.0 * kSize * kSize * kSize / seconds.count() * 1e-9);
  }
  return best;
}

}  // namespace metaprompt
