// Amazon product reviews (McAuley et al. 2015): one file a category.
#ifndef DATASETS_SOURCES_AMAZON_H_
#define DATASETS_SOURCES_AMAZON_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// Every .json file of the folder, compressed or not, is a class: `reviews_Baby_5.json.gz` has the label "Baby". One
// JSON object a line; the text is its `reviewText`. Of a file with more lines than the source's max_texts a sample is
// drawn in one pass, in memory no more than the sample; lines that are not drawn are not looked at. A path that is a
// file is a prepared one.
absl::StatusOr<Imported> LoadAmazon(const AmazonSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_AMAZON_H_
