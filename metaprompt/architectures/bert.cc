// BERT (Devlin et al. 2019), whose options and names are the defaults.
#include "metaprompt/architectures/architectures.h"

namespace metaprompt::architectures {

Architecture Bert() {
  Architecture bert;
  bert.model_type = "bert";
  bert.class_prefix = "Bert";
  bert.unused = {"cls.seq_relationship."};
  return bert;
}

}  // namespace metaprompt::architectures
