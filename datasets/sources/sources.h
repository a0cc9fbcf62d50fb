// The table of all sources.
#ifndef DATASETS_SOURCES_SOURCES_H_
#define DATASETS_SOURCES_SOURCES_H_

#include <vector>

#include "datasets/sources/source_info.h"
#include "google/protobuf/descriptor.h"

namespace metaprompt {

// One row per member of the oneof DatasetSpec.source.
const std::vector<SourceInfo>& Sources();

// The row for a source's message type; null if there is none.
const SourceInfo* FindSource(const google::protobuf::Descriptor& message);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_SOURCES_H_
