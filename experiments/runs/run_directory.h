// The directory of a run. It gets its final name only when the run is complete.
#ifndef EXPERIMENTS_RUNS_RUN_DIRECTORY_H_
#define EXPERIMENTS_RUNS_RUN_DIRECTORY_H_

#include <functional>
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

// Until a run is complete, its files are in `PATH.partial`. Then that folder is renamed to PATH, where there may be
// nothing or an empty folder. A stopped run is found there and continued. Only one process at a time may work on it: it
// is locked from Open until after the rename. The checksum of each file is in SHA256SUMS (checksums.h), and is checked
// when the file is read.
class RunDirectory {
 public:
  // Whether a stopped run with the spec `before` may be continued with the spec `now`. Null: only if the texts are
  // equal.
  using SameRun = std::function<bool(absl::string_view before, absl::string_view now)>;

  // Errors: PATH exists (AlreadyExists); another process works on it; PATH.partial has a stopped run of another spec,
  // or files that are not a run's. A run of another spec with neither a checkpoint nor results of validation or test is
  // removed: its process was killed before it had made anything that took time.
  static absl::StatusOr<std::unique_ptr<RunDirectory>> Open(std::string path, absl::string_view spec_text,
                                                            const SameRun& same_run = nullptr);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  bool continues() const { return continues_; }
  const std::string& path() const { return path_; }

  // The folder with the files until Finish: PATH.partial.
  std::string folder() const;
  // The path of the file in the folder, and whether the file exists.
  std::string File(absl::string_view name) const;
  bool Has(absl::string_view name) const;
  absl::Status Write(absl::string_view name, absl::string_view contents) const;
  absl::Status WriteTensors(const std::string& name, const TensorFile& tensors) const;
  absl::Status WriteTensors(const std::string& name, const StreamedTensors& tensors) const;
  void Remove(absl::string_view name) const;
  // Leaves a text in the lock file, for those who watch the run (run_status.h). It is removed with that file. Errors
  // are ignored: the run does not depend on it.
  void Post(absl::string_view text) const;
  // Removes the logs of the run's other processes (RankLog).
  void RemoveRankLogs() const;

  // The file's bytes. The error names the file; a wrong checksum is an error, too.
  absl::StatusOr<std::string> Read(const std::string& name) const;
  absl::StatusOr<TensorFile> ReadTensors(const std::string& name) const;
  // OK if the file still has the checksum with which it was written. Reads the whole file.
  absl::Status CheckFile(const std::string& name) const;
  // OK if the file was written with this SHA-256.
  absl::Status Check(const std::string& name, const std::string& sha256) const { return sums_->Check(name, sha256); }

  // For a run that failed: removes the files and the folder, unless there are a checkpoint, trained parameters, or
  // results of validation or test.
  void Abandon();
  // Gives the folder of the complete run its final name.
  absl::Status Finish();

 private:
  RunDirectory(std::string path, int lock, std::vector<std::string> made)
      : path_(std::move(path)), lock_(lock), made_(std::move(made)) {}

  absl::Status AnotherProcess() const;
  // Restores the state before Open, for a folder in which no run has begun.
  void Leave(bool new_lock);

  // Takes over the files of a stopped run, or writes the spec.
  absl::Status Begin(absl::string_view spec_text, const SameRun& same_run);
  // Whether there are files that took time to make.
  bool HasWork() const;
  // Removes the files that the run wrote, which SHA256SUMS lists, and its TensorBoard events.
  void Clear();
  template <typename Tensors>
  absl::Status WriteAnyTensors(const std::string& name, const Tensors& tensors) const;
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
