#include "experiments/watching/follow.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <thread>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/host/progress.h"
#include "metaprompt/base/text.h"
#include "metaprompt/base/text_table.h"

namespace metaprompt {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks(50);  // at `stop`

const char* NameOf(RunState state) {
  switch (state) {
    case RunState::kWaiting:
      return "waiting";
    case RunState::kRunning:
      return "running";
    case RunState::kStopped:
      return "stopped";
    case RunState::kFailed:
      return "failed";
    case RunState::kFinished:
      return "finished";
  }
  return "";
}

// A run as texts. Those that are not known, and those that do not hold because no process works on the run, are empty.
struct Row {
  std::string state;
  std::string work;
  std::string last_validation;
  std::string best_validation;
  std::string rate;
  std::string left;
  std::string detail;
};

Row RowOf(const ObservedRun& observed) {
  const RunStatus& status = observed.status;
  Row row;
  row.state = NameOf(observed.state);
  if (observed.state == RunState::kFinished) {
    return row;
  }
  row.work = status.what();
  if (!status.unit().empty()) {
    absl::StrAppend(&row.work, " ", status.done(), "/", status.total());
  }
  row.last_validation = status.last_validation();
  row.best_validation = status.best_validation();
  row.detail = status.has_error() ? status.error() : status.detail();
  if (observed.state == RunState::kRunning && status.has_rate()) {
    row.rate = absl::StrFormat("%.3g/s", status.rate());
    row.left = Duration(status.seconds_left());
  }
  return row;
}

// Everything that is known of a run, as one line.
std::string Line(const std::string& run, const Row& row) {
  std::vector<std::string> parts = {row.state};
  for (const auto& [before, text, after] :
       {std::make_tuple("", row.work, ""), std::make_tuple("", row.detail, ""),
        std::make_tuple("validation ", row.last_validation, ""), std::make_tuple("best ", row.best_validation, ""),
        std::make_tuple("", row.rate, ""), std::make_tuple("at most ", row.left, " left")}) {
    if (!text.empty()) {
      parts.push_back(absl::StrCat(before, text, after));
    }
  }
  return absl::StrCat(run, ": ", absl::StrJoin(parts, ", "), "\n");
}

// The number of columns and lines of the terminal.
std::pair<size_t, size_t> TerminalSize() {
  struct winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {80, 24};
  }
  return {size.ws_col, size.ws_row};
}

// The beginning of a line, at most `columns` wide.
std::string Cut(std::string line, size_t columns) {
  while (DisplayWidth(line) > columns) {
    while (line.size() > 1 && (static_cast<unsigned char>(line.back()) & 0xc0) == 0x80) {  // inside a UTF-8 character
      line.pop_back();
    }
    line.pop_back();
  }
  return line;
}

// A table on a terminal, which each drawing replaces.
class Screen {
 public:
  explicit Screen(std::ostream* out) : out_(out) {}

  void Draw(const std::string& table) {
    const auto [columns, rows] = TerminalSize();
    std::vector<std::string> lines = absl::StrSplit(absl::StripSuffix(table, "\n"), '\n');
    const size_t room = rows > 2 ? rows - 2 : 1;
    if (lines.size() > room + 1) {
      const size_t hidden = lines.size() - room;
      lines.resize(room);
      lines.push_back(absl::StrCat("  and ", hidden, " more; a higher window shows them"));
    }
    std::string text = drawn_ > 0 ? absl::StrCat("\033[", drawn_, "A\033[J") : "";
    for (const std::string& line : lines) {
      absl::StrAppend(&text, Cut(line, columns), "\n");
    }
    *out_ << text << std::flush;
    drawn_ = lines.size();
  }

 private:
  std::ostream* const out_;
  size_t drawn_ = 0;  // lines
};

// Whether there is nothing to wait for any more.
bool HasEnded(const ObservedRun& run) { return run.state == RunState::kFinished || run.state == RunState::kFailed; }

// Waits; returns early if `stop` is set.
void Wait(std::chrono::milliseconds time, const std::atomic<bool>& stop) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!stop.load() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::min(time, kBetweenLooks));
  }
}

}  // namespace

std::string FollowedRun(absl::string_view path) {
  while (path.size() > 1 && absl::ConsumeSuffix(&path, "/")) {
  }
  return std::string(absl::StripSuffix(path, ".partial"));
}

std::string StatusTable(const std::vector<std::string>& runs, const std::vector<ObservedRun>& observed) {
  std::vector<std::vector<std::string>> rows = {{"run", "state", "work", "left", "validation", "best", "rate", ""}};
  for (size_t i = 0; i < runs.size(); ++i) {
    const Row row = RowOf(observed[i]);
    rows.push_back(
        {runs[i], row.state, row.work, row.left, row.last_validation, row.best_validation, row.rate, row.detail});
  }
  return TextTable(rows, {{false, false, false, true, false, false, true, false}, /*indent=*/0, /*gap=*/2});
}

absl::Status Follow(const FollowOptions& options, std::ostream* out, const std::atomic<bool>& stop) {
  Screen screen(out);
  std::vector<ObservedRun> observed(options.runs.size());
  std::vector<std::string> shown(options.runs.size());  // what the last line of each run depended on
  while (true) {
    for (size_t i = 0; i < options.runs.size(); ++i) {
      if (observed[i].state == RunState::kFinished) {
        continue;
      }
      ObservedRun now = Observe(options.runs[i]);
      if (now.state == RunState::kRunning && !now.status.has_what()) {  // it was being written
        now.status = observed[i].status;
      }
      observed[i] = std::move(now);
      const Row row = RowOf(observed[i]);
      const std::string key =
          absl::StrJoin({row.state, observed[i].status.what(), row.last_validation, observed[i].status.error()}, "\n");
      if (!options.terminal && key != std::exchange(shown[i], key)) {
        *out << Line(options.runs[i], row) << std::flush;
      }
    }
    if (options.terminal) {
      screen.Draw(StatusTable(options.runs, observed));
    }
    if (std::all_of(observed.begin(), observed.end(), HasEnded)) {
      break;
    }
    if (stop.load()) {
      return absl::CancelledError("stopped following; the runs go on");
    }
    Wait(options.interval, stop);
  }
  const auto failed = std::count_if(observed.begin(), observed.end(),
                                    [](const ObservedRun& run) { return run.state == RunState::kFailed; });
  return failed == 0 ? absl::OkStatus()
                     : absl::AbortedError(absl::StrCat(failed, " of ", observed.size(), " runs failed"));
}

}  // namespace metaprompt
