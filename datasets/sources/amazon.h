// Amazon product reviews (McAuley et al. 2015): one file per category.
#ifndef DATASETS_SOURCES_AMAZON_H_
#define DATASETS_SOURCES_AMAZON_H_

#include "datasets/sources/source_info.h"

namespace metaprompt {

// Every .json file of the folder, compressed or not, is a class: the label of `reviews_Baby_5.json.gz` is "Baby". A
// line is one JSON object, and the text is its `reviewText`. If a file has more lines than the source's max_texts, a
// sample is drawn in one pass. Only the sample is in memory, and lines that are not drawn are not parsed. If the path
// is a file, it is read as a prepared file.
SourceInfo AmazonSourceInfo();

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_AMAZON_H_
