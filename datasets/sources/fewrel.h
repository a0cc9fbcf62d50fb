// FewRel (Han et al. 2018): sentences and the relation of two entities in each.
#ifndef DATASETS_SOURCES_FEWREL_H_
#define DATASETS_SOURCES_FEWREL_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// Each file is one JSON object: relation -> list of {tokens, h, t}, where h and t are lists that begin with the
// entity's name. Relations are the labels; their names come from the source's `names` file, if it has one. Memory: a
// file parsed as a whole, about ten times its size.
absl::StatusOr<Imported> LoadFewRel(const FewRelSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_FEWREL_H_
