// The directory of a run, which has its final name only when the run is complete.
#ifndef EXPERIMENTS_RUNS_RUN_DIRECTORY_H_
#define EXPERIMENTS_RUNS_RUN_DIRECTORY_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/checksums.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/safetensors.h"

namespace metaprompt {

// Until a run is complete its files are in `PATH.partial`; then that folder is renamed to PATH, where at most an empty
// folder may stand. A stopped run is found
// there and continued. One process at a time may hold it: it is locked from Open until after the rename. The checksum
// of each file is in SHA256SUMS (checksums.h), and is compared when the file is read.
class RunDirectory {
 public:
  // Errors: PATH exists (AlreadyExists); another process works on it; PATH.partial has a stopped run of another spec,
  // or is no run's. A run of another spec that has neither a checkpoint nor test results is removed: its process was
  // killed before it had made anything that took time.
  static absl::StatusOr<std::unique_ptr<RunDirectory>> Open(std::string path, absl::string_view spec_text);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  bool continues() const { return continues_; }
  const std::string& path() const { return path_; }

  // The folder with the files until Finish: PATH.partial.
  std::string folder() const;
  // The file in the folder, and whether it is there.
  std::string File(absl::string_view name) const;
  bool Has(absl::string_view name) const;
  absl::Status Write(absl::string_view name, absl::string_view contents) const;
  absl::Status WriteTensors(const std::string& name, const TensorFile& tensors) const;
  void Remove(absl::string_view name) const;

  // The file's bytes. The error names the file, if its checksum is another one too.
  absl::StatusOr<std::string> Read(const std::string& name) const;
  absl::StatusOr<TensorFile> ReadTensors(const std::string& name) const;
  // Whether the file is the one that was written; reads all of it.
  absl::Status CheckFile(const std::string& name) const;
  // Whether a file with this SHA-256 is the one that was written.
  absl::Status Check(const std::string& name, const std::string& sha256) const { return sums_->Check(name, sha256); }

  // For a run that failed: removes all that was written, and the folder, unless there is a checkpoint or are parameters
  // or results of validation or test.
  void Abandon();
  // The run is complete: gives the folder its final name.
  absl::Status Finish();

 private:
  RunDirectory(std::string path, int lock, std::vector<std::string> made)
      : path_(std::move(path)), lock_(lock), made_(std::move(made)) {}

  absl::Status AnotherProcess() const;
  // Leaves the folder, in which no run has begun, as it was found.
  void Leave(bool new_lock);

  // Takes over what a stopped run has left, or writes the spec.
  absl::Status Begin(absl::string_view spec_text);
  // Whether there is something that took time to make.
  bool HasWork() const;
  // Removes the files that the run wrote. SHA256SUMS lists them.
  void Clear();
  // What AtomicFile calls before it renames the file.
  BeforeRename Announcing(const std::string& name) const;

  std::string path_;
  int lock_;
  std::vector<std::string> made_;  // folders that Open made
  std::unique_ptr<Checksums> sums_;
  bool continues_ = false;
};

// Whether the folder has a file of that name.
bool HasFile(const std::string& folder, absl::string_view name);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_RUN_DIRECTORY_H_
