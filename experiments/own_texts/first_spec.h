// The settings that a person starts with who has a checkpoint and a few labelled texts.
#ifndef EXPERIMENTS_OWN_TEXTS_FIRST_SPEC_H_
#define EXPERIMENTS_OWN_TEXTS_FIRST_SPEC_H_

#include <string>
#include <vector>

#include "experiments/experiment.pb.h"
#include "metaprompt/encoders/encoder.h"

namespace metaprompt {

// `model { ... }` in text format, with comments that give the reasons: prototypes of the examples and of the classes'
// names. With a masked-language-model head they are read at the mask, and in a causal model at the end; otherwise they
// are means over all tokens, as in sentence encoders. `folder` is that of the checkpoint with the encoder. `max_tokens`
// is CheckpointSpec's; `names` are those of the texts of an example. With several texts, the names of the classes do
// not count as examples.
std::string FirstModelText(const std::string& folder, const Encoder& encoder, int max_tokens,
                           const std::vector<std::string>& names);

// A spec with that model whose learner takes no step: its class vectors are the prototypes.
ExperimentSpec FirstSpec(const std::string& folder, const Encoder& encoder, const std::vector<std::string>& names);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_FIRST_SPEC_H_
