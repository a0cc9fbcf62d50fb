// CIFAR-10 and CIFAR-100 (Krizhevsky 2009), in the publisher's binary version.
#ifndef DATASETS_SOURCES_CIFAR_H_
#define DATASETS_SOURCES_CIFAR_H_

#include "datasets/sources/source_info.h"

namespace metaprompt {

// Images of 32 x 32 pixels in colour. A label is the publisher's name of a class; of CIFAR-100 the fine one. The spec
// gives the class split. A file that is cut short is an error that names it.
SourceInfo CifarSourceInfo();

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_CIFAR_H_
