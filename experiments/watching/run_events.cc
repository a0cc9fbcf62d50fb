#include "experiments/watching/run_events.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/new_folder.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr char kSpecFile[] = "spec.textproto";

bool IsThere(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace

absl::Status TrainingEvents::Sync() {
  RETURN_IF_ERROR(train_->Sync());
  RETURN_IF_ERROR(validation_->Sync());
  run_->Keep();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RunEvents>> RunEvents::Open(const EventsOption& option, const std::string& run_folder,
                                                           const std::string& spec_text) {
  if (!option.on) {
    return nullptr;
  }
  const std::string folder = option.folder.empty() ? absl::StrCat(run_folder, "/", kEventsFolder) : option.folder;
  auto run = std::unique_ptr<RunEvents>(new RunEvents(folder));
  RETURN_IF_ERROR(MakeFolders(folder, &run->made_folders_));
  RemoveStaleTemporaries(folder);
  const std::string spec = absl::StrCat(folder, "/", kSpecFile);
  if (IsThere(spec)) {
    ASSIGN_OR_RETURN(const std::string before, ReadFile(spec));
    if (before != spec_text) {
      return absl::FailedPreconditionError(absl::StrCat(
          folder, ": it has the events of a run with another spec; name another folder with --tensorboard=DIR"));
    }
  } else {
    RETURN_IF_ERROR(WriteFileAtomically(spec, spec_text));
    run->made_files_.push_back(spec);
  }
  if (const std::string events = absl::StrCat(folder, "/", EventFileName(0)); !IsThere(events)) {
    RETURN_IF_ERROR(WriteFileAtomically(
        events, absl::StrCat(FirstRecords(0), StepRecord(0, {}, {{"spec", Preformatted(spec_text)}}))));
    run->made_files_.push_back(events);
  }
  return run;
}

RunEvents::~RunEvents() {
  std::error_code ignored;
  for (const std::string& file : made_files_) {
    std::filesystem::remove(file, ignored);
  }
  RemoveEmpty(made_folders_);
}

void RunEvents::Keep() {
  made_files_.clear();
  made_folders_.clear();
}

absl::StatusOr<std::unique_ptr<TrainingEvents>> RunEvents::Begin(absl::string_view name, int64_t steps,
                                                                 int64_t last_validation) {
  const std::string folder = name.empty() ? folder_ : absl::StrCat(folder_, "/", name);
  ASSIGN_OR_RETURN(std::unique_ptr<EventFile> train, Create(folder + "/train", steps + 1));
  ASSIGN_OR_RETURN(std::unique_ptr<EventFile> validation, Create(folder + "/validation", last_validation + 1));
  return std::unique_ptr<TrainingEvents>(new TrainingEvents(this, std::move(train), std::move(validation)));
}

absl::StatusOr<std::unique_ptr<EventFile>> RunEvents::Create(const std::string& folder, int64_t first_step) {
  RETURN_IF_ERROR(MakeFolders(folder, &made_folders_));
  ASSIGN_OR_RETURN(std::unique_ptr<EventFile> file, EventFile::Create(folder, first_step));
  made_files_.push_back(file->path());
  return file;
}

void RemoveEvents(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<std::string> files;
  std::vector<std::string> folders = {folder};
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code unknown;
    if (at->is_directory(unknown)) {
      folders.push_back(at->path().string());
    } else if (name == kSpecFile || absl::StartsWith(name, "events.out.tfevents.")) {
      files.push_back(at->path().string());
    }
  }
  for (const std::string& file : files) {
    fs::remove(file, error);
  }
  RemoveEmpty(folders);  // the inner ones first
}

}  // namespace metaprompt
