// Texts that occur under several labels.
#ifndef DATASETS_SHARED_TEXTS_H_
#define DATASETS_SHARED_TEXTS_H_

#include "datasets/dataset.h"

namespace metaprompt {

// Finds the texts that occur under two or more labels, compared byte by byte, and fills TextClass::shared and
// Dataset::shared_texts. Of pairs, both texts must be equal. The texts of `dataset` must not be sealed.
void FindSharedTexts(Dataset* dataset);

}  // namespace metaprompt

#endif  // DATASETS_SHARED_TEXTS_H_
