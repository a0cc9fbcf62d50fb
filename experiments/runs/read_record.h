// What a run found.
#ifndef EXPERIMENTS_RUNS_READ_RECORD_H_
#define EXPERIMENTS_RUNS_READ_RECORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "experiments/result.pb.h"

namespace metaprompt {

// The record in a run's folder. The error says so where the folder is not there, or the run is not complete. `sha256`
// becomes the hash of its file.
absl::StatusOr<RunRecord> ReadRecord(const std::string& run, std::string* sha256 = nullptr);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_READ_RECORD_H_
