// The `export` command: writes a run's best initialisation in formats that other programs read.
#ifndef EXPERIMENTS_COMMANDS_EXPORT_RUN_H_
#define EXPERIMENTS_COMMANDS_EXPORT_RUN_H_

#include <string>

#include "absl/status/statusor.h"

namespace metaprompt {

// Writes the parameters that validated best at `shots` (0: the run's largest number of shots) into `folder`, which is
// created or must be empty (see NewFolder):
//   config.json, model.safetensors and the tokenizer's files, which transformers loads with the same outputs;
//   seen_texts.txt, if the run has it (workbench/seen_texts.h);
//   prompt.safetensors, in float32: `prompt.soft` [S, E], row s the vector of the template's soft slot s, which takes
//     the place of a word embedding (after model.prompt.reparametrisation is applied). With prefixes also
//     `prompt.prefix.<i>.key` and `prompt.prefix.<i>.value` [P, D], which the queries of layer i (from 0) attend to
//     in addition to the text's keys and values. Without an MLM head also `read.scale` and `read.shift` [E]: the hidden
//     state at the mask is multiplied by `read.scale`, and `read.shift` is added, before it is compared with answer
//     words. The file's metadata has the `template`.
// Returns a line that describes what was written.
absl::StatusOr<std::string> ExportRun(const std::string& run, int shots, const std::string& folder);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_EXPORT_RUN_H_
