// What a run found.
#ifndef EXPERIMENTS_READ_RECORD_H_
#define EXPERIMENTS_READ_RECORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "experiments/result.pb.h"

namespace metaprompt {

// The record in a run's folder. The error says so where the folder is not there, or the run is not complete.
absl::StatusOr<RunRecord> ReadRecord(const std::string& run);

}  // namespace metaprompt

#endif  // EXPERIMENTS_READ_RECORD_H_
