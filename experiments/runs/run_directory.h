// The directory of a run, which has its final name only when the run is complete.
#ifndef EXPERIMENTS_RUNS_RUN_DIRECTORY_H_
#define EXPERIMENTS_RUNS_RUN_DIRECTORY_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// Until a run is complete its files are in `PATH.partial`; then that folder is renamed to PATH. A stopped run is found
// there and continued. One process at a time may hold it.
class RunDirectory {
 public:
  // Errors: PATH exists; another process works on it; PATH.partial holds a run of another spec.
  static absl::StatusOr<std::unique_ptr<RunDirectory>> Open(std::string path, absl::string_view spec_text);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  bool continues() const { return continues_; }
  const std::string& path() const { return path_; }

  // The file in the folder, and whether it is there.
  std::string File(absl::string_view name) const;
  bool Has(absl::string_view name) const;
  absl::Status Write(absl::string_view name, absl::string_view contents) const;
  void Remove(absl::string_view name) const;

  // For a run that failed before its first step: removes the folder, unless an earlier process left work in it.
  void Abandon();
  // The run is complete: gives the folder its final name.
  absl::Status Finish();

 private:
  RunDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_;
  bool continues_ = false;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_RUN_DIRECTORY_H_
