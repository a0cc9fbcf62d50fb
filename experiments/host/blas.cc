#include "experiments/host/blas.h"

#include <ATen/ATen.h>
#include <ATen/Version.h>
#include <ATen/core/grad_mode.h>
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/files.h"

namespace metaprompt {
namespace {

constexpr char kCoreType[] = "OPENBLAS_CORETYPE";
constexpr char kCapability[] = "ATEN_CPU_CAPABILITY";
constexpr char kWaitPolicy[] = "OMP_WAIT_POLICY";
constexpr char kChosenByUs[] = "METAPROMPT_CHOSE_BLAS_KERNEL";
constexpr char kAskedFor[] = "METAPROMPT_ASKED_FOR_BLAS_KERNEL";  // set by UseKernels, so that it acts once

// The result of a function that only OpenBLAS has, by which it describes itself.
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
    return "";  // the kernel is recent enough, or this is not OpenBLAS on x86
  }
  if (avx512) {
    return "SKYLAKEX";
  }
  return avx2_fma ? "HASWELL" : "";
}

namespace {

// The kernel to set; empty if the one in use is the best or the user's choice.
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
  // Without /proc the program cannot be restarted, and continues with the slower settings.
  if (!kernel.empty()) {
    unsetenv(kCoreType);
    unsetenv(kChosenByUs);
  }
}

bool ProcessorHasKernel(const std::string& kernel, const std::string& flags) {
  // The flags that each kernel of OpenBLAS needs besides SSE3, which every x86-64 processor of the last twenty years
  // has.
  static const auto* const needs = new std::map<std::string, std::vector<std::string>>{
      {"Prescott", {}},
      {"Core2", {}},
      {"Nehalem", {"sse4_2"}},
      {"Sandybridge", {"avx"}},
      {"Haswell", {"avx2", "fma"}},
      {"Zen", {"avx2", "fma"}},
      {"SkylakeX", {"avx512f", "avx512bw", "avx512vl"}},
      {"Cooperlake", {"avx512f", "avx512bw", "avx512vl", "avx512_bf16"}},
      {"Sapphirerapids", {"avx512f", "avx512bw", "avx512vl", "avx512_bf16", "amx_bf16"}}};
  const auto found = std::find_if(needs->begin(), needs->end(),
                                  [&](const auto& one) { return absl::EqualsIgnoreCase(one.first, kernel); });
  const std::set<std::string> have = absl::StrSplit(flags, ' ');
  return found != needs->end() && std::all_of(found->second.begin(), found->second.end(),
                                              [&](const std::string& flag) { return have.count(flag) > 0; });
}

std::string VectorKernels() {
  const std::string all = at::show_config();
  constexpr absl::string_view kKey = "CPU capability usage: ";
  const size_t at = all.find(std::string(kKey));
  if (at == std::string::npos) {
    return "";
  }
  const size_t begin = at + kKey.size();
  return all.substr(begin, all.find('\n', begin) - begin);
}

bool UseKernels(const std::string& blas, const std::string& vector, const std::string& flags) {
  if (std::getenv(kAskedFor) != nullptr) {
    return false;
  }
  bool change = false;
  const bool users = std::getenv(kCoreType) != nullptr && std::getenv(kChosenByUs) == nullptr;
  if (!blas.empty() && blas != AskOpenBlas("openblas_get_corename") && !users && ProcessorHasKernel(blas, flags)) {
    setenv(kCoreType, blas.c_str(), 1);
    setenv(kChosenByUs, "1", 1);
    change = true;
  }
  // LibTorch's kernels for AVX2 and AVX-512 need the same flags as OpenBLAS'.
  const char* const like = vector == "AVX2" ? "Haswell" : vector == "AVX512" ? "SkylakeX" : "";
  if (vector != VectorKernels() && std::getenv(kCapability) == nullptr && ProcessorHasKernel(like, flags)) {
    setenv(kCapability, absl::AsciiStrToLower(vector).c_str(), 1);
    change = true;
  }
  const absl::StatusOr<std::string> line = ReadFile("/proc/self/cmdline");
  if (!change || !line.ok()) {
    return false;
  }
  std::vector<std::string> arguments = absl::StrSplit(absl::StripSuffix(*line, absl::string_view("\0", 1)), '\0');
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  setenv(kAskedFor, "1", 1);
  execv("/proc/self/exe", argv.data());
  return false;
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
