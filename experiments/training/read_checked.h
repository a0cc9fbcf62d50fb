// Reads records of trainings from files, and checks their checksum, text, version and curve.
#ifndef EXPERIMENTS_TRAINING_READ_CHECKED_H_
#define EXPERIMENTS_TRAINING_READ_CHECKED_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "experiments/training/training.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/repeated_field.h"

namespace metaprompt {

// Reads the text of a message from a file of a complete run's folder. Errors name the file: it cannot be read; its
// checksum is not the one in SHA256SUMS; its text cannot be parsed.
absl::Status ReadCheckedFile(const std::string& folder, const std::string& file, google::protobuf::Message* message);

// `status` with the file's path before its message.
absl::Status InFile(const std::string& folder, const std::string& file, const absl::Status& status);

// OK if the record's version is `known`.
absl::Status CheckVersion(bool has_version, int version, int known);

// OK if each accuracy is in [0, 1], each loss of a validation is at least 0, and each step is within 0 and
// `trained_steps`. The error names the point and the field.
absl::Status CheckCurve(const google::protobuf::RepeatedPtrField<TrainingPoint>& curve, int64_t trained_steps);

}  // namespace metaprompt

#endif  // EXPERIMENTS_TRAINING_READ_CHECKED_H_
