// The record of a pre-training: reads, checks and prints it.
#ifndef EXPERIMENTS_PRETRAINING_PRETRAINING_RECORD_H_
#define EXPERIMENTS_PRETRAINING_PRETRAINING_RECORD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/pretraining/pretraining.pb.h"

namespace metaprompt {

inline constexpr char kPretrainingFile[] = "pretraining.textproto";
inline constexpr int kPretrainingVersion = 1;

// Whether the folder has such a record.
bool IsPretraining(const std::string& folder);

// The record in a folder, checked. The error names the file and the field, or its checksum.
absl::StatusOr<PretrainingRecord> ReadPretraining(const std::string& folder);

// The first broken rule of a record: its spec's, or a number out of its range.
absl::Status CheckPretraining(const PretrainingRecord& record);

// The numbers of texts, inputs, vocabulary pieces and parameters, in one line.
std::string PretrainingInputs(const PretrainingRecord& record);

// The whole record as a few lines for people.
std::string PretrainingText(const PretrainingRecord& record);

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_PRETRAINING_RECORD_H_
