// Texts that stand under several labels.
#ifndef DATASETS_SHARED_TEXTS_H_
#define DATASETS_SHARED_TEXTS_H_

#include "datasets/dataset.h"

namespace metaprompt {

// Finds the texts of `dataset`, which must not be sealed, that stand under two or more labels, byte for byte, and fills
// TextClass::shared and Dataset::shared_texts. A pair of texts is one such text: both must be the same.
void FindSharedTexts(Dataset* dataset);

}  // namespace metaprompt

#endif  // DATASETS_SHARED_TEXTS_H_
