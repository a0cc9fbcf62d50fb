// The steps that all kinds of runs with a record have in common: open the directory, do the work, give the directory
// its final name.
#ifndef EXPERIMENTS_RUNS_RUN_LIFE_H_
#define EXPERIMENTS_RUNS_RUN_LIFE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/host/progress.h"
#include "experiments/runs/run_directory.h"
#include "experiments/watching/run_status.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {

template <typename Record>
struct RunLife {
  std::string spec_text;    // the spec with every default
  std::string out;          // where the complete run will be
  const char* record_file;  // written last, by `work`; once it exists, only `clean` remains to be done
  // Reads and checks the record in a folder.
  std::function<absl::StatusOr<Record>(const std::string& folder)> read;
  // The spec of a record with every default of this program, because a record may be older than a field.
  std::function<std::string(const Record& record)> spec_text_of;
  RunDirectory::SameRun same_run;  // whether two spec texts are of the same run; null: if they are equal
  // Does the work, or the rest of it, and writes all files.
  std::function<absl::StatusOr<Record>(RunDirectory* directory)> work;
  // Removes the files that a complete run does not need.
  std::function<void(const RunDirectory& directory)> clean;
};

// For `spec_text_of`. `write_out` sets the unset fields of a spec to their defaults.
template <typename Record, typename WriteOut>
std::function<std::string(const Record& record)> SpecTextOf(WriteOut write_out) {
  return [write_out](const Record& record) {
    auto spec = record.spec();
    write_out(&spec);
    return SpecText(spec);
  };
}

// Runs, continues, or returns the record of a complete run with the same spec. Errors: a complete run with another
// spec, and those of RunDirectory::Open and `work`. After an error of `work`, the folder is removed unless it has files
// that took time to make.
template <typename Record>
absl::StatusOr<Record> LiveRun(const RunLife<Record>& run, Progress* progress) {
  absl::StatusOr<std::unique_ptr<RunDirectory>> directory = RunDirectory::Open(run.out, run.spec_text, run.same_run);
  if (absl::IsAlreadyExists(directory.status())) {
    if (!HasFile(run.out, run.record_file)) {
      return directory.status();  // something else is there
    }
    ASSIGN_OR_RETURN(Record record, run.read(run.out));
    const std::string before = run.spec_text_of(record);
    if (before != run.spec_text && (run.same_run == nullptr || !run.same_run(before, run.spec_text))) {
      return absl::AlreadyExistsError(absl::StrCat(
          run.out, ": the complete run there has another spec; name another folder with --out, or remove it"));
    }
    progress->Line(absl::StrCat(run.out, ": complete already, with this spec"));
    return record;
  }
  RETURN_IF_ERROR(directory);
  // A process may have been killed between its last file and the folder's final name.
  const bool is_done = (*directory)->Has(run.record_file);
  (*directory)->Post("");  // of an earlier process
  progress->Watch([&](const ProgressNow& now) { (*directory)->Post(StatusText(now)); });
  absl::StatusOr<Record> record = is_done ? run.read((*directory)->folder()) : run.work(directory->get());
  progress->Watch(nullptr);
  if (!record.ok()) {
    if (!absl::IsCancelled(record.status())) {
      (*directory)->Post(StatusText(record.status()));
    }
    if (!is_done) {
      (*directory)->Abandon();
    }
    return record;
  }
  run.clean(**directory);
  RETURN_IF_ERROR((*directory)->Finish());
  return record;
}

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_RUN_LIFE_H_
