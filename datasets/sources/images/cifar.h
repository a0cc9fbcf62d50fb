// CIFAR-10 and CIFAR-100 (Krizhevsky 2009), in the publisher's binary version.
#ifndef DATASETS_SOURCES_IMAGES_CIFAR_H_
#define DATASETS_SOURCES_IMAGES_CIFAR_H_

#include "datasets/sources/source_info.h"

namespace metaprompt {

// Images of 32 x 32 pixels in colour. The labels are the publisher's names of the classes; for CIFAR-100, those of the
// 100 fine classes. The spec gives the class split. A file that is cut short is an error that names it.
SourceInfo CifarSourceInfo();

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_IMAGES_CIFAR_H_
