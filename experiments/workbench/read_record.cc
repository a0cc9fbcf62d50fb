#include "experiments/workbench/read_record.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/workbench/check_record.h"
#include "metaprompt/base/checksums.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

constexpr char kRecordFile[] = "record.textproto";

}  // namespace

absl::StatusOr<RunRecord> ReadRecord(const std::string& run, std::string* sha256) {
  if (std::error_code none; std::filesystem::is_regular_file(run, none)) {
    return absl::InvalidArgumentError(absl::StrCat(run, ": this is a file; name the folder of a run"));
  }
  const std::string path = absl::StrCat(run, "/", kRecordFile);
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    std::error_code error;
    if (std::filesystem::exists(absl::StrCat(run, "/fine_tuning.textproto"), error)) {
      return absl::FailedPreconditionError(
          absl::StrCat(run,
                       ": this is a fine-tuning, not a few-shot run; `metaprompt show` prints it, and "
                       "model.encoder.checkpoint.path takes its encoder"));
    }
    const std::string partial = absl::StrCat(absl::StripSuffix(run, "/"), ".partial/spec.textproto");
    if (std::filesystem::exists(absl::StrCat(run, "/spec.textproto"), error) ||
        std::filesystem::exists(partial, error)) {
      return absl::FailedPreconditionError(
          absl::StrCat(run, ": the run is not complete; the command that started it continues it"));
    }
    if (!std::filesystem::exists(run, error)) {
      return absl::NotFoundError(absl::StrCat(run, ": no such run directory"));
    }
    bool holds_runs = false;
    for (std::filesystem::directory_iterator inside(run, error), end; inside != end && !holds_runs;
         inside.increment(error)) {
      holds_runs = std::filesystem::exists(inside->path() / "record.textproto", error);
    }
    return absl::NotFoundError(absl::StrCat(run, ": not a run directory: it has no record.textproto",
                                            holds_runs ? "; the runs in it are " : "",
                                            holds_runs ? absl::StrCat(absl::StripSuffix(run, "/"), "/*/") : ""));
  }
  RETURN_IF_ERROR(text);
  if (sha256 != nullptr) {
    *sha256 = Sha256(*text);
  }
  ASSIGN_OR_RETURN(Checksums sums, Checksums::Read(run));
  if (const absl::Status same = sums.Check(kRecordFile, Sha256(*text)); !same.ok()) {
    return absl::Status(same.code(), absl::StrCat(same.message(),
                                                  "; copy it again from where the run was made, or, to "
                                                  "use it as it is, remove its line there"));
  }
  RunRecord record;
  RETURN_IF_ERROR(ParseSpec(*text, path, &record));
  if (const absl::Status checked = CheckRecord(record); !checked.ok()) {
    return absl::Status(checked.code(), absl::StrCat(path, ": ", checked.message()));
  }
  return record;
}

}  // namespace metaprompt
