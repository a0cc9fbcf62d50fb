#include "experiments/ranks/child_ranks.h"

#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is POSIX's
#include <sys/wait.h>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/process.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {

std::string RankLog(const std::string& folder, int rank) { return absl::StrCat(folder, "/rank-", rank, ".log"); }

namespace {

struct Child {
  pid_t pid = 0;
  std::string log;
  std::optional<ProcessEnd> end;
};

std::string TextOf(const Child& child) {
  if (!child.end.has_value()) {
    return "";
  }
  if (child.end->signal != 0) {
    return absl::StrCat("its process was killed by signal ", child.end->signal);
  }
  const std::string last = LastLine(ReadFile(child.log).value_or(""));
  return absl::StrCat("its process ended with status ", child.end->exit_status, last.empty() ? "" : ": ", last);
}

}  // namespace

struct ChildRanks::Children {
  std::mutex mutex;
  std::vector<Child> all;  // child i is rank i + 1
};

ChildRanks::ChildRanks(std::unique_ptr<Children> children) : children_(std::move(children)) {}

absl::StatusOr<std::unique_ptr<ChildRanks>> ChildRanks::Start(const Place& place, const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string line, ReadFile("/proc/self/cmdline"));
  const std::vector<std::string> arguments = absl::StrSplit(absl::StripSuffix(line, absl::string_view("\0", 1)), '\0');
  auto started = std::unique_ptr<ChildRanks>(new ChildRanks(std::make_unique<Children>()));
  for (int rank = 1; rank < place.size; ++rank) {
    Place child = place;
    child.rank = rank;
    setenv(kChildVariable, ChildVariable(child).c_str(), 1);
    const absl::StatusOr<pid_t> pid = StartProgram("/proc/self/exe", arguments, RankLog(folder, rank));
    unsetenv(kChildVariable);
    RETURN_IF_ERROR(pid);
    started->children_->all.push_back({*pid, RankLog(folder, rank), std::nullopt});
  }
  return started;
}

std::string ChildRanks::Ended(int rank) {
  const std::lock_guard<std::mutex> lock(children_->mutex);
  Child& child = children_->all[static_cast<size_t>(rank - 1)];
  if (!child.end.has_value()) {
    child.end = EndOf(child.pid);
  }
  return TextOf(child);
}

ChildRanks::~ChildRanks() {
  for (size_t i = 0; i < children_->all.size(); ++i) {
    if (Ended(static_cast<int>(i) + 1).empty()) {
      kill(children_->all[i].pid, SIGKILL);
      int status = 0;
      waitpid(children_->all[i].pid, &status, 0);
    }
  }
}

}  // namespace metaprompt
