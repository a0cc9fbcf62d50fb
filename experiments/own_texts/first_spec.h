// The first settings for a user who has a checkpoint and a few labelled texts.
#ifndef EXPERIMENTS_OWN_TEXTS_FIRST_SPEC_H_
#define EXPERIMENTS_OWN_TEXTS_FIRST_SPEC_H_

#include <string>
#include <vector>

#include "experiments/experiment.pb.h"
#include "metaprompt/encoders/encoder.h"

namespace metaprompt {

// `model { ... }` in text format, with comments that give the reasons. The class vectors are prototypes of the examples
// and of the class names. With a masked-language-model head the hidden states are read at the mask, and in a causal
// model at the last token; otherwise they are means over all tokens, as in sentence encoders. `folder` is the folder of
// the checkpoint. `max_tokens` is that of CheckpointSpec; `names` are those of the texts of an example. With several
// texts, the class names do not count as examples.
std::string FirstModelText(const std::string& folder, const Encoder& encoder, int max_tokens,
                           const std::vector<std::string>& names);

// A spec with that model and a learner that takes no step, so that its class vectors are the prototypes.
ExperimentSpec FirstSpec(const std::string& folder, const Encoder& encoder, const std::vector<std::string>& names);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_FIRST_SPEC_H_
