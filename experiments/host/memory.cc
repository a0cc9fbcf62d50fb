#include "experiments/host/memory.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <limits>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "metaprompt/base/files.h"

namespace metaprompt {
namespace {

// The limits of control groups, version 2 and version 1. Without a limit, the file has the word "max" or a very large
// number.
constexpr const char* kGroupFiles[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"};

}  // namespace

double MemoryLimit() {
  double limit = std::numeric_limits<double>::infinity();
  struct sysinfo machine = {};
  if (sysinfo(&machine) == 0) {
    limit = (static_cast<double>(machine.totalram) + static_cast<double>(machine.totalswap)) * machine.mem_unit;
  }
  rlimit own = {};
  if (getrlimit(RLIMIT_AS, &own) == 0 && own.rlim_cur != RLIM_INFINITY) {
    limit = std::min(limit, static_cast<double>(own.rlim_cur));
  }
  for (const char* const file : kGroupFiles) {
    const absl::StatusOr<std::string> text = ReadFile(file);
    double bytes = 0;
    if (text.ok() && absl::SimpleAtod(absl::StripAsciiWhitespace(*text), &bytes) && bytes > 0) {
      limit = std::min(limit, bytes);
    }
  }
  return limit;
}

}  // namespace metaprompt
