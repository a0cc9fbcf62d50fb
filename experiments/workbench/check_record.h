// The rules of records. Runs obey them when they write a record, and the commands that read records rely on them.
#ifndef EXPERIMENTS_WORKBENCH_CHECK_RECORD_H_
#define EXPERIMENTS_WORKBENCH_CHECK_RECORD_H_

#include "absl/status/status.h"
#include "experiments/result.pb.h"

namespace metaprompt {

inline constexpr int kRecordVersion = 1;

// Checks the version, the spec by its own rules, ranges, and counts that must agree. The error, one line without the
// record's path, names the first field that is wrong.
absl::Status CheckRecord(const RunRecord& record);

// The same for environment.textproto: times and counts.
absl::Status CheckEnvironment(const Environment& environment);

// Whether x is in [0, 1]; false for NaN.
bool IsShare(double x);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_CHECK_RECORD_H_
