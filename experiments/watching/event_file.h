// Event files, which TensorBoard reads: a sequence of records, each of which is an Event (event.proto). The format of
// the records is TensorFlow's TFRecord.
#ifndef EXPERIMENTS_WATCHING_EVENT_FILE_H_
#define EXPERIMENTS_WATCHING_EVENT_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// A number at a step. TensorBoard draws the numbers of a tag as a curve, and groups tags by what is before the slash.
struct Scalar {
  std::string tag;
  double value = 0;  // kept as a float
};

// A text at a step, in Markdown.
struct MarkdownText {
  std::string tag;
  std::string text;
};

// `text` as Markdown that shows it unchanged, in a font whose characters all have the same width.
std::string Preformatted(absl::string_view text);

// The CRC-32C of the bytes (RFC 3720, section 12.1).
uint32_t Crc32c(absl::string_view bytes);

// The bytes as a record: their length as a little-endian number of 64 bits, its masked CRC-32C, the bytes, and their
// masked CRC-32C. A CRC c is masked as ((c >> 15) | (c << 17)) + 0xa282ead8, modulo 2^32.
std::string EventRecord(absl::string_view bytes);

// The record of an event at this step, with the present time.
std::string StepRecord(int64_t step, const std::vector<Scalar>& scalars, const std::vector<MarkdownText>& texts);

// The records with which a file begins: the version of the format, and that readers are to drop what earlier files of
// the same folder have at `first_step` and later steps.
std::string FirstRecords(int64_t first_step);

// The name of a folder's file number `number`, from 0. TensorBoard reads the files of a folder in the order of their
// names.
std::string EventFileName(int64_t number);

// A file that grows by whole records.
class EventFile {
 public:
  // Makes the next file of the folder, and the folder if there is none. The steps in earlier files of the folder count
  // up to `first_step` - 1.
  static absl::StatusOr<std::unique_ptr<EventFile>> Create(const std::string& folder, int64_t first_step);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  const std::string& path() const { return path_; }
  // Whether the folder has earlier files.
  bool continues() const { return continues_; }

  // Appends an event, with the present time. It stays if the process is killed afterwards. The error names the file.
  // After an error the file may end with a part of a record, which readers ignore.
  absl::Status Add(int64_t step, const std::vector<Scalar>& scalars, const std::vector<MarkdownText>& texts = {});
  // Waits until all events are on the disk, so that they stay even after a power cut.
  absl::Status Sync();

 private:
  EventFile(std::string path, int fd, bool continues) : path_(std::move(path)), fd_(fd), continues_(continues) {}
  absl::Status Append(absl::string_view bytes);

  const std::string path_;
  const int fd_;
  const bool continues_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WATCHING_EVENT_FILE_H_
