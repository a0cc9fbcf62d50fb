#include "experiments/runs/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/watching/run_events.h"
#include "experiments/watching/run_status.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/new_folder.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/mapped_safetensors.h"

namespace metaprompt {
namespace {

constexpr char kSpecFile[] = "spec.textproto";
constexpr char kPartial[] = ".partial";

// How often a lock that is taken is tried again, after 10 ms each. Those who watch a run take its lock for a moment.
constexpr int kLockAttempts = 20;

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  return names;
}

// Whether anything has that name, even a broken symbolic link.
bool IsTaken(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

// Whether anything is in the place of the complete run. An empty folder does not count, because it can be replaced,
// unless a file system is mounted there.
bool IsOccupied(const std::string& path) {
  struct stat info;
  struct stat above;
  if (!IsTaken(path)) {
    return false;
  }
  const std::string name = std::filesystem::path(path).filename().string();
  const bool folder = lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && name != "." && name != "..";
  std::error_code error;
  return !folder || stat(ParentOf(path).c_str(), &above) != 0 || above.st_dev != info.st_dev ||
         !std::filesystem::is_empty(path, error) || error;
}

absl::Status Taken(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_type type = std::filesystem::status(path, error).type();
  if (IsTaken(absl::StrCat(path, "/", kSpecFile))) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, ": the run directory exists; name another with --out, or remove it"));
  }
  return absl::AlreadyExistsError(
      absl::StrCat(path, ": ",
                   type == std::filesystem::file_type::directory   ? "a folder that is not a run"
                   : type == std::filesystem::file_type::not_found ? "a symbolic link that leads nowhere"
                                                                   : "a file",
                   " is there; name another with --out"));
}

// Whether the open file still has that name.
bool IsNameOf(int fd, const std::string& path) {
  struct stat open_file;
  struct stat named;
  return fstat(fd, &open_file) == 0 && stat(path.c_str(), &named) == 0 && open_file.st_ino == named.st_ino &&
         open_file.st_dev == named.st_dev;
}

// Whether the open file could be locked for this process alone.
bool Lock(int fd) {
  for (int attempt = 1; flock(fd, LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (attempt == kLockAttempts) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunDirectory>> RunDirectory::Open(std::string path, absl::string_view spec_text,
                                                                 const SameRun& same_run) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  if (IsOccupied(path)) {
    return Taken(path);
  }
  const std::string partial = path + kPartial;
  std::vector<std::string> made;
  RETURN_IF_ERROR(MakeFolders(partial, &made));
  const std::string lock_path = absl::StrCat(partial, "/", kLockFile);
  const bool new_lock = !IsTaken(lock_path);
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (lock < 0) {
    const int error = errno;
    RemoveEmpty(made);
    return SystemError(absl::StrCat("cannot write ", lock_path), error);
  }
  auto run = std::unique_ptr<RunDirectory>(new RunDirectory(path, lock, std::move(made)));
  if (!Lock(lock)) {
    return run->AnotherProcess();
  }
  // Another process may have completed the run, or failed, between the first check and the lock.
  if (IsOccupied(path)) {
    run->Leave(new_lock);
    return Taken(path);
  }
  if (!IsNameOf(lock, lock_path)) {
    return run->AnotherProcess();
  }
  if (const absl::Status status = run->Begin(spec_text, same_run); !status.ok()) {
    run->Leave(new_lock);
    return status;
  }
  return run;
}

absl::Status RunDirectory::AnotherProcess() const {
  return absl::FailedPreconditionError(absl::StrCat(path_, kPartial, ": another process is working on this run"));
}

void RunDirectory::Leave(bool new_lock) {
  if (new_lock) {
    unlink(File(kLockFile).c_str());
  }
  RemoveEmpty(made_);
}

absl::Status RunDirectory::Begin(absl::string_view spec_text, const SameRun& same_run) {
  const std::string partial = path_ + kPartial;
  ASSIGN_OR_RETURN(Checksums sums, Checksums::Read(partial));
  // The files that killed processes were writing.
  RemoveStaleTemporaries(partial);
  RemoveStaleTemporaries(File("encoder"));
  sums_ = std::make_unique<Checksums>(std::move(sums));
  if (Has(kSpecFile)) {
    ASSIGN_OR_RETURN(const std::string before, ReadFile(File(kSpecFile)));
    continues_ = before == spec_text || (same_run != nullptr && same_run(before, spec_text));
    if (continues_) {
      return before == spec_text ? absl::OkStatus() : Write(kSpecFile, spec_text);
    }
    if (HasWork() || !sums_->Lists(kSpecFile)) {
      return absl::FailedPreconditionError(absl::StrCat(
          partial, ": a stopped run of another spec is there; name another folder with --out, or remove it"));
    }
    Clear();
  }
  // A process that was killed before it wrote the spec may have left checksums, which then list nothing else.
  const std::vector<std::string> listed = sums_->Names();
  const bool own_sums =
      std::all_of(listed.begin(), listed.end(), [](const std::string& name) { return name == kSpecFile; });
  for (const std::string& name : NamesIn(partial)) {
    if (name != kLockFile && !(name == kChecksumFile && own_sums)) {
      return absl::FailedPreconditionError(
          absl::StrCat(partial, ": it has ", name, " and is not a stopped run; name another folder with --out"));
    }
  }
  unlink(File(kChecksumFile).c_str());
  ASSIGN_OR_RETURN(*sums_, Checksums::Read(partial));
  if (const absl::Status status = Write(kSpecFile, spec_text); !status.ok()) {
    unlink(File(kChecksumFile).c_str());
    return status;
  }
  return absl::OkStatus();
}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) {
    close(lock_);
  }
}

std::string RunDirectory::folder() const { return path_ + kPartial; }

std::string RunDirectory::File(absl::string_view name) const { return absl::StrCat(folder(), "/", name); }

bool RunDirectory::Has(absl::string_view name) const { return HasFile(folder(), name); }

bool HasFile(const std::string& folder, absl::string_view name) {
  struct stat info;
  return stat(absl::StrCat(folder, "/", name).c_str(), &info) == 0;
}

BeforeRename RunDirectory::Announcing(const std::string& name) const {
  return [this, name](const std::string& sha256) { return sums_->Announce(name, sha256); };
}

absl::Status RunDirectory::Write(absl::string_view name, absl::string_view contents) const {
  const std::string file(name);
  RETURN_IF_ERROR(WriteFileAtomically(File(file), contents, Announcing(file)));
  sums_->Settle(file);
  return absl::OkStatus();
}

template <typename Tensors>
absl::Status RunDirectory::WriteAnyTensors(const std::string& name, const Tensors& tensors) const {
  RETURN_IF_ERROR(WriteSafetensors(File(name), tensors, Announcing(name)));
  sums_->Settle(name);
  return absl::OkStatus();
}

absl::Status RunDirectory::WriteTensors(const std::string& name, const TensorFile& tensors) const {
  return WriteAnyTensors(name, tensors);
}

absl::Status RunDirectory::WriteTensors(const std::string& name, const StreamedTensors& tensors) const {
  return WriteAnyTensors(name, tensors);
}

absl::StatusOr<std::string> RunDirectory::Read(const std::string& name) const {
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(File(name)));
  RETURN_IF_ERROR(Check(name, Sha256(bytes)));
  return bytes;
}

absl::Status RunDirectory::CheckFile(const std::string& name) const {
  ASSIGN_OR_RETURN(const std::string sha256, FileSha256(File(name)));
  return Check(name, sha256);
}

absl::StatusOr<TensorFile> RunDirectory::ReadTensors(const std::string& name) const {
  std::string sha256;
  ASSIGN_OR_RETURN(TensorFile tensors, ReadSafetensors(File(name), &sha256));
  RETURN_IF_ERROR(Check(name, sha256));
  return tensors;
}

void RunDirectory::Remove(absl::string_view name) const {
  unlink(File(name).c_str());
  sums_->Forget(std::string(name));
}

void RunDirectory::Post(absl::string_view text) const {
  if (pwrite(lock_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
      ftruncate(lock_, static_cast<off_t>(text.size())) != 0) {
    return;  // the end of an older text stays, which readers find malformed
  }
}

void RunDirectory::RemoveRankLogs() const {
  for (const std::string& name : NamesIn(folder())) {
    if (absl::StartsWith(name, "rank-") && absl::EndsWith(name, ".log")) {
      Remove(name);
    }
  }
}

bool RunDirectory::HasWork() const {
  const std::vector<std::string> names = NamesIn(path_ + kPartial);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return absl::StartsWith(name, "checkpoint-") || absl::StartsWith(name, "validation-") ||
           absl::StartsWith(name, "test-") || name == "model.safetensors";
  });
}

void RunDirectory::Clear() {
  RemoveEvents(File(kEventsFolder));
  std::set<std::string> folders;
  for (const std::string& name : sums_->Names()) {
    Remove(name);
    if (absl::StrContains(name, '/')) {
      folders.insert(File(ParentOf(name)));
    }
  }
  RemoveEmpty({folders.begin(), folders.end()});
  RemoveRankLogs();
}

void RunDirectory::Abandon() {
  if (HasWork()) {
    return;
  }
  Clear();
  Remove(kChecksumFile);
  Remove(kLockFile);
  RemoveEmpty({path_ + kPartial});  // stays if it has other files
  RemoveEmpty(made_);
}

absl::Status RunDirectory::Finish() {
  const std::string partial = path_ + kPartial;
  RETURN_IF_ERROR(sums_->Save());
  // rename() replaces an empty folder, and no other.
  struct stat info;
  const bool empty = lstat(path_.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  int error = !empty ? RenameToNew(partial, path_) : rename(partial.c_str(), path_.c_str()) == 0 ? 0 : errno;
  if (error == 0) {
    unlink(absl::StrCat(path_, "/", kLockFile).c_str());  // the lock is held until here
    error = SyncFolder(path_);
  }
  if (error == 0) {
    error = SyncFolder(ParentOf(path_));
  }
  return error == 0 ? absl::OkStatus() : SystemError(absl::StrCat("cannot rename ", partial, " to ", path_), error);
}

}  // namespace metaprompt
