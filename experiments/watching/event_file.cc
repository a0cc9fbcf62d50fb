#include "experiments/watching/event_file.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "experiments/watching/event.pb.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/new_folder.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr char kVersion[] = "brain.Event:2";
constexpr int64_t kMaxFiles = 1000000;  // what the names have digits for

events::Event EventNow(int64_t step) {
  events::Event event;
  event.set_wall_time(std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  event.set_step(step);
  return event;
}

void AppendLittleEndian(uint64_t number, int bytes, std::string* to) {
  for (int i = 0; i < bytes; ++i) {
    to->push_back(static_cast<char>(number >> (8 * i) & 0xff));
  }
}

uint32_t Masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

}  // namespace

std::string Preformatted(absl::string_view text) {
  return absl::StrCat("    ", absl::StrReplaceAll(text, {{"\n", "\n    "}}));
}

uint32_t Crc32c(absl::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  constexpr size_t kPiece = size_t{1} << 30;  // the library takes the length as an int
  for (size_t begin = 0; begin < bytes.size(); begin += kPiece) {
    const absl::string_view piece = bytes.substr(begin, kPiece);
    // The library does not change the bytes.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));  // NOLINT
    crc = crc32_iscsi(data, static_cast<int>(piece.size()), crc);
  }
  return ~crc;
}

std::string EventRecord(absl::string_view bytes) {
  std::string record;
  AppendLittleEndian(bytes.size(), 8, &record);
  AppendLittleEndian(Masked(Crc32c(record)), 4, &record);
  absl::StrAppend(&record, bytes);
  AppendLittleEndian(Masked(Crc32c(bytes)), 4, &record);
  return record;
}

std::string StepRecord(int64_t step, const std::vector<Scalar>& scalars, const std::vector<MarkdownText>& texts) {
  events::Event event = EventNow(step);
  for (const Scalar& scalar : scalars) {
    events::Summary::Value* value = event.mutable_summary()->add_value();
    value->set_tag(scalar.tag);
    value->set_simple_value(static_cast<float>(scalar.value));
  }
  for (const MarkdownText& text : texts) {
    events::Summary::Value* value = event.mutable_summary()->add_value();
    value->set_tag(text.tag);
    value->mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
    value->mutable_tensor()->set_dtype(events::Tensor::DT_STRING);
    value->mutable_tensor()->mutable_tensor_shape();
    value->mutable_tensor()->add_string_val(text.text);
  }
  return EventRecord(event.SerializeAsString());
}

std::string FirstRecords(int64_t first_step) {
  events::Event version = EventNow(0);
  version.set_file_version(kVersion);
  events::Event start = EventNow(first_step);
  start.mutable_session_log()->set_status(events::SessionLog::START);
  return absl::StrCat(EventRecord(version.SerializeAsString()), EventRecord(start.SerializeAsString()));
}

std::string EventFileName(int64_t number) { return absl::StrFormat("events.out.tfevents.%06d", number); }

absl::StatusOr<std::unique_ptr<EventFile>> EventFile::Create(const std::string& folder, int64_t first_step) {
  std::vector<std::string> made;
  RETURN_IF_ERROR(MakeFolders(folder, &made));
  for (int64_t number = 0; number < kMaxFiles; ++number) {
    const std::string path = absl::StrCat(folder, "/", EventFileName(number));
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
      continue;
    }
    if (fd < 0) {
      return SystemError(absl::StrCat("cannot write ", path), errno);
    }
    auto file = std::unique_ptr<EventFile>(new EventFile(path, fd, number > 0));
    absl::Status begun = file->Append(FirstRecords(first_step));
    if (const int error = begun.ok() ? SyncFolder(folder) : 0; error != 0) {
      begun = SystemError(absl::StrCat("cannot write ", path), error);
    }
    if (!begun.ok()) {
      unlink(path.c_str());
      return begun;
    }
    return file;
  }
  return absl::ResourceExhaustedError(absl::StrCat(folder, ": it has too many event files; name another folder"));
}

EventFile::~EventFile() { close(fd_); }

absl::Status EventFile::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return SystemError(absl::StrCat("cannot write ", path_), written < 0 ? errno : ENOSPC);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status EventFile::Add(int64_t step, const std::vector<Scalar>& scalars, const std::vector<MarkdownText>& texts) {
  return Append(StepRecord(step, scalars, texts));
}

absl::Status EventFile::Sync() {
  return fdatasync(fd_) == 0 ? absl::OkStatus() : SystemError(absl::StrCat("cannot write ", path_), errno);
}

}  // namespace metaprompt
