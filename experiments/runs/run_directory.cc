#include "experiments/runs/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr char kSpecFile[] = "spec.textproto";
constexpr char kLockFile[] = ".lock";

}  // namespace

absl::StatusOr<std::unique_ptr<RunDirectory>> RunDirectory::Open(std::string path, absl::string_view spec_text) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, ": the run directory exists; name another with --out, or remove it"));
  }
  const std::string partial = absl::StrCat(path, ".partial");
  std::filesystem::create_directories(partial, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot make ", partial, ": ", error.message()));
  }
  const std::string lock_path = absl::StrCat(partial, "/", kLockFile);
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock < 0) {
    return absl::UnavailableError(absl::StrCat("cannot write ", lock_path, ": ", std::strerror(errno)));
  }
  auto run = std::unique_ptr<RunDirectory>(new RunDirectory(path, lock));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(partial, ": another process is working on this run"));
  }
  // Removes what a killed process was writing.
  for (const auto& entry : std::filesystem::directory_iterator(partial, error)) {
    if (absl::StrContains(entry.path().filename().string(), ".tmp.")) {
      std::filesystem::remove(entry.path(), error);
    }
  }
  if (run->Has(kSpecFile)) {
    ASSIGN_OR_RETURN(const std::string before, ReadFile(run->File(kSpecFile)));
    if (before != spec_text) {
      return absl::FailedPreconditionError(absl::StrCat(
          partial, ": a stopped run of another spec is there; name another folder with --out, or remove it"));
    }
    run->continues_ = true;
  } else {
    RETURN_IF_ERROR(run->Write(kSpecFile, spec_text));
  }
  return run;
}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) {
    close(lock_);
  }
}

std::string RunDirectory::File(absl::string_view name) const { return absl::StrCat(path_, ".partial/", name); }

bool RunDirectory::Has(absl::string_view name) const {
  struct stat info;
  return stat(File(name).c_str(), &info) == 0;
}

absl::Status RunDirectory::Write(absl::string_view name, absl::string_view contents) const {
  return WriteFileAtomically(File(name), contents);
}

void RunDirectory::Remove(absl::string_view name) const { unlink(File(name).c_str()); }

void RunDirectory::Abandon() {
  if (!continues_) {
    Remove(kSpecFile);
    Remove(kLockFile);
    rmdir(absl::StrCat(path_, ".partial").c_str());  // stays where anything else lies in it
  }
}

absl::Status RunDirectory::Finish() {
  Remove(kLockFile);
  if (std::rename(absl::StrCat(path_, ".partial").c_str(), path_.c_str()) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot rename ", path_, ".partial to ", path_, ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace metaprompt
