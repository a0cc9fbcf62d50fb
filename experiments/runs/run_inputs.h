// Notes on a run's inputs, which its directory keeps until it is complete: a stopped run continues only with the same
// inputs.
#ifndef EXPERIMENTS_RUNS_RUN_INPUTS_H_
#define EXPERIMENTS_RUNS_RUN_INPUTS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/result.pb.h"
#include "experiments/runs/run_directory.h"
#include "experiments/workbench/workbench.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// The files of the tokenizer that a stopped run trained or copied; empty for a new run, or a run with a checkpoint's
// tokenizer.
absl::StatusOr<TokenizerFiles> KeptTokenizer(const RunDirectory& directory);

// Writes down the hashes of the data, the encoder, the starting parameters and the test episodes, or, for a stopped
// run, compares them. The error names the input that has changed. `manifest_sha256` is empty if there is no manifest.
absl::Status CheckSameInputs(const RunDirectory& directory, const std::string& data_sha256, const ModelFacts& model,
                             const std::string& manifest_sha256);

// The number of threads that the run began with, here or on another machine, because sums within one task depend on it.
// For a new run this is `wanted`, or one thread per core if `wanted` is 0; the number is written down.
absl::StatusOr<int> ThreadsOfRun(const RunDirectory& directory, int wanted);

// The facts about this machine, among them those that the run's numbers depend on by rounding; also writes them to
// environment.textproto. If the run began on a machine that rounds differently (DifferentNumerics), this is an error
// that names the differences or, with `allow_other_environment`, a note in the result. `bfloat16`: whether matrix
// products are in bfloat16.
absl::StatusOr<Environment> EnvironmentOfRun(const RunDirectory& directory, bool bfloat16, int threads,
                                             bool allow_other_environment);

// If a stopped run for `out` began with other kernels, and this processor has them, runs the program again with those
// kernels (UseKernels) and does not return. The only error is a damaged environment.textproto.
absl::Status UseKernelsOfRun(const std::string& out);

// Writes the files with which the run's parameters can be used without the original checkpoint: the tokenizer, the
// encoder's configuration, and the hashes of the texts that the encoder has seen.
absl::Status SaveInputs(const RunDirectory& directory, const Workbench& bench);

// Removes the notes of CheckSameInputs and ThreadsOfRun; the record of a complete run has these facts.
void RemoveInputNotes(const RunDirectory& directory);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_RUN_INPUTS_H_
