// The record of a complete run.
#ifndef EXPERIMENTS_WORKBENCH_READ_RECORD_H_
#define EXPERIMENTS_WORKBENCH_READ_RECORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "experiments/result.pb.h"

namespace metaprompt {

// Reads the record in a run directory, and checks it by its rules (check_record.h) and its checksum (checksums.h), if
// it has one. The error distinguishes a missing directory, a run that is not complete, and a damaged record. `sha256`,
// if given, becomes the hash of the record's file.
absl::StatusOr<RunRecord> ReadRecord(const std::string& run, std::string* sha256 = nullptr);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_READ_RECORD_H_
