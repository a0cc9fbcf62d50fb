#include "experiments/host/environment.h"

#include <ATen/ATen.h>
#include <sys/utsname.h>
#include <torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/host/blas.h"
#include "google/protobuf/stubs/common.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/base/files.h"

namespace metaprompt {
namespace {

constexpr char kVersion[] = "0.1.0";

// The value of the first line `KEY<sep> value` of a system file; empty if there is none.
std::string ValueIn(const std::string& path, absl::string_view key, char separator) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (text.ok()) {
    for (absl::string_view line : absl::StrSplit(*text, '\n')) {
      const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(separator, 1));
      if (absl::StripAsciiWhitespace(parts.first) == key) {
        return std::string(absl::StripSuffix(absl::StripPrefix(absl::StripAsciiWhitespace(parts.second), "\""), "\""));
      }
    }
  }
  return "";
}

// The processor's flags that decide which matrix kernels are used.
std::string TellingFlags() {
  const std::set<absl::string_view> telling = {"sse4_2",      "avx",      "avx2",     "fma",
                                               "avx512f",     "avx512bw", "avx512vl", "avx512_vnni",
                                               "avx512_bf16", "amx_bf16", "asimd",    "sve"};
  std::string flags = ValueIn("/proc/cpuinfo", "flags", ':');
  if (flags.empty()) {
    flags = ValueIn("/proc/cpuinfo", "Features", ':');
  }
  std::vector<absl::string_view> found;
  for (absl::string_view flag : absl::StrSplit(flags, ' ')) {
    if (telling.count(flag) > 0) {
      found.push_back(flag);
    }
  }
  return absl::StrJoin(found, " ");
}

// The names of the machine's GPUs, as NVIDIA's driver gives them; empty if the driver gives none.
std::string GpuNames() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/driver/nvidia/gpus", error)) {
    names.push_back(ValueIn((entry.path() / "information").string(), "Model", ':'));
  }
  std::sort(names.begin(), names.end());
  return absl::StrJoin(names, ", ");
}

std::string GpuText() {
  if (!at::hasCUDA()) {
    return "none that LibTorch can use";
  }
  const std::string names = GpuNames();
  return absl::StrCat(names, names.empty() ? "" : "; ", at::detail::getCUDAHooks().getNumGPUs(),
                      " visible to LibTorch");
}

}  // namespace

const char* ProgramVersion() { return kVersion; }

Environment HostEnvironment(int threads) {
  Environment environment;
  std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  environment.set_started(absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                                          utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec));
  environment.set_version(kVersion);
  environment.set_host_cpu(ValueIn("/proc/cpuinfo", "model name", ':'));
  environment.set_cpu_flags(TellingFlags());
  environment.set_cores(static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  environment.set_threads(threads);
  environment.set_libtorch(TORCH_VERSION);
  const BlasInfo blas = GetBlasInfo();
  environment.set_blas(blas.library);
  environment.set_blas_kernel(blas.kernel);
  environment.set_blas_kernel_chosen_by(blas.chosen_by);
  environment.set_vector_kernels(VectorKernels());
  utsname system = {};
  uname(&system);
  environment.set_os(
      absl::StrCat(ValueIn("/etc/os-release", "PRETTY_NAME", '='), ", ", system.sysname, " ", system.release));
  environment.set_gpu(GpuText());
  return environment;
}

std::string DoctorText(int threads) {
  const Environment host = HostEnvironment(threads);
  SetOperationThreads(threads);
  std::string text;
  const auto line = [&](absl::string_view name, const std::string& value) {
    absl::StrAppendFormat(&text, "%-12s %s\n", std::string(name), value);
  };
  line("metaprompt", host.version());
  line("system", host.os());
  line("processor", absl::StrCat(host.host_cpu(), ", ", host.cores(), " cores"));
  line("flags", host.cpu_flags());
  line("LibTorch", host.libtorch());
  line("protobuf", google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION));
  line("BLAS", host.blas());
  line("BLAS kernel", absl::StrCat(host.blas_kernel().empty() ? "unknown" : host.blas_kernel(), ", chosen by ",
                                   host.blas_kernel_chosen_by()));
  line("threads", absl::StrCat(host.threads()));
  line("SGEMM",
       absl::StrFormat("%.0f GFLOP/s (1024 x 1024 x 1024, float32, %d threads)", MeasureSgemmGflops(), host.threads()));
  line("GPU", host.gpu());
  return text;
}

namespace {

// How a difference is put: WHAT + was + one value + is + the other value + end.
struct Wording {
  std::string was = " was ";
  std::string is = " and is ";
  std::string end;
};

std::string DifferencesInWords(const Environment& before, const Environment& now, bool bfloat16,
                               const Wording& wording) {
  std::vector<std::string> different;
  const auto compare = [&](absl::string_view what, const std::string& then, const std::string& current) {
    if (!then.empty() && then != current) {
      different.push_back(absl::StrCat(what, wording.was, then, wording.is, current, wording.end));
    }
  };
  // Only the name and version: the rest of OpenBLAS' description depends on the kernel, which is compared separately.
  const auto version = [](const std::string& blas) {
    const std::vector<std::string> words = absl::StrSplit(blas, ' ');
    return words.size() < 2 ? blas : absl::StrCat(words[0], " ", words[1]);
  };
  compare("LibTorch", before.libtorch(), now.libtorch());
  compare("LibTorch's vector kernel", before.vector_kernels(), now.vector_kernels());
  compare("BLAS", version(before.blas()), version(now.blas()));
  compare("the BLAS kernel", before.blas_kernel(), now.blas_kernel());
  if (bfloat16) {
    const auto products = [](const Environment& of) {
      std::vector<std::string> flags = absl::StrSplit(of.cpu_flags(), ' ');
      flags.erase(std::remove_if(flags.begin(), flags.end(),
                                 [](const std::string& flag) { return !absl::StrContains(flag, "bf16"); }),
                  flags.end());
      return flags.empty() ? "none" : absl::StrJoin(flags, " ");
    };
    compare("the processor's set of bfloat16 instructions", products(before), products(now));
  }
  return absl::StrJoin(different, ", ");
}

}  // namespace

std::string DifferentNumerics(const Environment& before, const Environment& now, bool bfloat16) {
  return DifferencesInWords(before, now, bfloat16, Wording());
}

std::string DifferentNumericsOfRank(const Environment& rank0, const Environment& other, int rank, bool bfloat16) {
  return DifferencesInWords(rank0, other, bfloat16, {" is ", " on rank 0 and ", absl::StrCat(" on rank ", rank)});
}

}  // namespace metaprompt
