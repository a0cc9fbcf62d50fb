// Reuters-21578: the SGML distribution (Lewis 1997), or a part of it as Bao et al. (2020) prepared it.
#ifndef DATASETS_SOURCES_REUTERS_H_
#define DATASETS_SOURCES_REUTERS_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// Of the distribution, the documents with exactly one topic, which is the label; the text is title and body, without
// the "Reuter" that ends most bodies. Labels of the prepared file are turned into the topics that they stand for.
absl::StatusOr<Imported> LoadReuters(const ReutersSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_REUTERS_H_
