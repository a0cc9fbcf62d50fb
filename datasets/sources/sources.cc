#include "datasets/sources/sources.h"

#include <algorithm>

#include "datasets/readers/csv.h"
#include "datasets/readers/jsonl.h"
#include "datasets/readers/tsv.h"
#include "datasets/sources/amazon.h"
#include "datasets/sources/clinc.h"
#include "datasets/sources/debian.h"
#include "datasets/sources/fewrel.h"
#include "datasets/sources/huffpost.h"
#include "datasets/sources/images/cifar.h"
#include "datasets/sources/images/glyphs.h"
#include "datasets/sources/images/image_folder.h"
#include "datasets/sources/newsgroups.h"
#include "datasets/sources/protaugment.h"
#include "datasets/sources/reuters.h"

namespace metaprompt {

const std::vector<SourceInfo>& Sources() {
  // clang-format off
  static const auto& sources = *new std::vector<SourceInfo>{
      DebianSourceInfo(),
      SourceReadBy(LoadTsv),
      SourceReadBy(LoadJsonl),
      SourceReadBy(LoadCsv),
      HuffPostSourceInfo(),
      ReutersSourceInfo(),
      NewsgroupsSourceInfo(),
      AmazonSourceInfo(),
      ProtAugmentSourceInfo(),
      FewRelSourceInfo(),
      ClincSourceInfo(),
      GlyphsSourceInfo(),
      CifarSourceInfo(),
      SourceReadBy(LoadImageFolder),
  };
  // clang-format on
  return sources;
}

const SourceInfo* FindSource(const google::protobuf::Descriptor& message) {
  const std::vector<SourceInfo>& sources = Sources();
  const auto found =
      std::find_if(sources.begin(), sources.end(), [&](const SourceInfo& one) { return one.message == &message; });
  return found == sources.end() ? nullptr : &*found;
}

}  // namespace metaprompt
