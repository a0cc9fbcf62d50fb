// The record of a complete fine-tuning: reading it, checking it, printing it.
#ifndef EXPERIMENTS_FINE_TUNING_FINE_TUNING_RECORD_H_
#define EXPERIMENTS_FINE_TUNING_FINE_TUNING_RECORD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/confusion.h"
#include "experiments/fine_tuning/fine_tuning.pb.h"

namespace metaprompt {

inline constexpr int kFineTuningVersion = 1;
inline constexpr char kFineTuningFile[] = "fine_tuning.textproto";

// Whether the folder is that of a complete fine-tuning.
bool IsFineTuning(const std::string& folder);

// Reads the record in the folder, and checks it by its rules and its checksum. The error names the file.
absl::StatusOr<FineTuningRecord> ReadFineTuning(const std::string& folder);

// Checks the version, the spec by its own rules, ranges, and counts that must agree. The error, one line without the
// record's path, names the first field that is wrong.
absl::Status CheckFineTuning(const FineTuningRecord& record);

// The counts of the test, which the record must have.
Confusion ConfusionOf(const ClassificationResult& test);

// What the spec's examples are: "texts" or "images".
const char* ExamplesOf(const FineTuningSpec& spec);

// The result in a few lines: data, accuracy with its interval, macro F1, the validation that chose the parameters.
std::string FineTuningTable(const FineTuningRecord& record);

// Each class, and the confusion matrix or the most frequent mistakes. Empty if there was no test.
std::string FineTuningClasses(const FineTuningRecord& record);

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_FINE_TUNING_RECORD_H_
