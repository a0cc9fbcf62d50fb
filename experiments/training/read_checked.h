// Records of trainings as files: their checksum, their text, their version.
#ifndef EXPERIMENTS_TRAINING_READ_CHECKED_H_
#define EXPERIMENTS_TRAINING_READ_CHECKED_H_

#include <string>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace metaprompt {

// Reads the text of a message from a file of a complete run's folder. The error names the file: the system's, bytes
// with another checksum than SHA256SUMS has, and text that cannot be parsed.
absl::Status ReadCheckedFile(const std::string& folder, const std::string& file, google::protobuf::Message* message);

// `status` with the file's path before its message.
absl::Status InFile(const std::string& folder, const std::string& file, const absl::Status& status);

// OK if the record's version is `known`.
absl::Status CheckVersion(bool has_version, int version, int known);

}  // namespace metaprompt

#endif  // EXPERIMENTS_TRAINING_READ_CHECKED_H_
