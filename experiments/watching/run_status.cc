#include "experiments/watching/run_status.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/files.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

// Whether a process has locked the file. The lock of this function lasts for a moment; RunDirectory waits for it.
bool IsLocked(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  const bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0;
  close(fd);
  return locked;
}

// The error in the last line of a log; empty if that line is not an error.
std::string ErrorOfLog(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return "";
  }
  absl::string_view line = absl::StripSuffix(*text, "\n");
  line.remove_prefix(line.rfind('\n') + 1);  // npos + 1 is 0
  return absl::ConsumePrefix(&line, "error: ") ? std::string(line) : "";
}

}  // namespace

std::string StatusText(const ProgressNow& now) {
  RunStatus status;
  status.set_what(now.what);
  status.set_unit(now.unit);
  status.set_done(now.done);
  status.set_total(now.total);
  status.set_detail(now.detail);
  if (now.rate > 0) {
    status.set_rate(now.rate);
    status.set_seconds_left(now.seconds_left);
  }
  status.set_last_validation(now.last_validation);
  status.set_best_validation(now.best_validation);
  return SpecText(status);
}

std::string StatusText(const absl::Status& error) {
  RunStatus status;
  status.set_error(std::string(error.message()));
  return SpecText(status);
}

ObservedRun Observe(const std::string& run) {
  ObservedRun observed;
  std::error_code error;
  const std::string partial = run + ".partial";
  if (std::filesystem::exists(partial, error)) {
    const std::string lock = absl::StrCat(partial, "/", kLockFile);
    observed.state = IsLocked(lock) ? RunState::kRunning : RunState::kStopped;
    const absl::StatusOr<std::string> text = ReadFile(lock);
    if (!text.ok() || !ParseSpec(*text, lock, &observed.status).ok()) {
      observed.status.Clear();  // it is being written
    }
    if (observed.state == RunState::kStopped && observed.status.has_error()) {
      observed.state = RunState::kFailed;
    }
  }
  // Only now, because the partial folder may have got this name meanwhile.
  if (std::filesystem::exists(run + "/spec.textproto", error)) {
    observed.state = RunState::kFinished;
  } else if (observed.state == RunState::kWaiting) {
    if (const std::string failure = ErrorOfLog(run + ".log"); !failure.empty()) {
      observed.state = RunState::kFailed;
      observed.status.set_error(failure);
    }
  }
  return observed;
}

}  // namespace metaprompt
