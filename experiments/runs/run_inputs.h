// The inputs of a run, as its directory keeps them while it lasts: a stopped run continues only with the same ones.
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

// The files of the tokenizer that a stopped run had made; empty for a new run, or one with a checkpoint's tokenizer.
absl::StatusOr<TokenizerFiles> KeptTokenizer(const RunDirectory& directory);

// Writes the hashes of data, encoder, starting parameters and test episodes down, or, in a stopped run, compares them.
// The error names what has changed. `manifest_sha256` is empty if there is none.
absl::Status CheckSameInputs(const RunDirectory& directory, const std::string& data_sha256, const ModelFacts& model,
                             const std::string& manifest_sha256);

// The number of threads that the run began with, here or on another machine: sums within one task depend on it. A new
// run has `wanted`, or one thread per core if that is 0; it is written down.
absl::StatusOr<int> ThreadsOfRun(const RunDirectory& directory, int wanted);

// What the run's numbers depend on by rounding, and more about this machine; written to environment.textproto at once.
// If the run began where something of that differs (DifferentNumerics), it is an error that names it, or, with
// `allow_other_environment`, noted in the result. `bfloat16`: whether matrix products are in bfloat16.
absl::StatusOr<Environment> EnvironmentOfRun(const RunDirectory& directory, bool bfloat16, int threads,
                                             bool allow_other_environment);

// If a stopped run for `out` began with other kernels that this processor has, runs the program again with those
// (UseKernels), and does not return. The error is that of a damaged environment.textproto.
absl::Status UseKernelsOfRun(const std::string& out);

// Writes what the run's parameters need to be used without the checkpoint that they came from: the tokenizer, the
// encoder's configuration, and which texts the encoder has seen.
absl::Status SaveInputs(const RunDirectory& directory, const Workbench& bench);

// Removes what CheckSameInputs and ThreadsOfRun wrote: a complete run has it in its record.
void RemoveInputNotes(const RunDirectory& directory);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_RUN_INPUTS_H_
