#include "datasets/sources/amazon.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "datasets/readers/json_fields.h"
#include "datasets/readers/source_files.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/prepared.h"
#include "datasets/splits/published_splits.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// The 24 categories of the 5-core data of 2014; labels are the names of their files.
constexpr PublicClass kClasses[] = {
    {"Amazon_Instant_Video", nullptr, Split::kTest, "instant video"},
    {"Apps_for_Android", nullptr, Split::kValid, "android apps"},
    {"Automotive", nullptr, Split::kTrain, "automotive"},
    {"Baby", nullptr, Split::kTrain, "baby"},
    {"Beauty", nullptr, Split::kTrain, "beauty"},
    {"Books", nullptr, Split::kTest, "books"},
    {"CDs_and_Vinyl", nullptr, Split::kValid, "cds"},
    {"Cell_Phones_and_Accessories", nullptr, Split::kTrain, "phones and accessories"},
    {"Clothing_Shoes_and_Jewelry", nullptr, Split::kTest, "clothing and shoes and jewelry"},
    {"Digital_Music", nullptr, Split::kValid, "digital music"},
    {"Electronics", nullptr, Split::kTest, "electronics"},
    {"Grocery_and_Gourmet_Food", nullptr, Split::kTrain, "grocery and food"},
    {"Health_and_Personal_Care", nullptr, Split::kTrain, "health care"},
    {"Home_and_Kitchen", nullptr, Split::kTrain, "home and kitchen"},
    {"Kindle_Store", nullptr, Split::kTest, "kindle store"},
    {"Movies_and_TV", nullptr, Split::kTest, "movies and tv"},
    {"Musical_Instruments", nullptr, Split::kTest, "musical instruments"},
    {"Office_Products", nullptr, Split::kTest, "office products"},
    {"Patio_Lawn_and_Garden", nullptr, Split::kTrain, "patio and lawn and garden"},
    {"Pet_Supplies", nullptr, Split::kTrain, "pet supplies"},
    {"Sports_and_Outdoors", nullptr, Split::kTrain, "sports and outdoors"},
    {"Tools_and_Home_Improvement", nullptr, Split::kTest, "tools"},
    {"Toys_and_Games", nullptr, Split::kValid, "toys and games"},
    {"Video_Games", nullptr, Split::kValid, "video games"},
};

// "reviews_Baby_5.json.gz" is "Baby".
std::string CategoryOf(absl::string_view file) {
  file = file.substr(0, file.rfind(".json"));
  absl::ConsumePrefix(&file, "reviews_");
  absl::ConsumeSuffix(&file, "_5");
  return std::string(file);
}

// The text of the review; empty if it has none.
absl::StatusOr<std::string> ReviewText(absl::string_view line, const ImportOptions& options) {
  ASSIGN_OR_RETURN(const nlohmann::json object, ParseObject(line));
  const auto text = object.find("reviewText");
  return text == object.end() ? std::string() : TextIn(*text, "reviewText", options.max_words);
}

// A sample of a file's lines without replacement, in one pass: algorithm R of Vitter (1985).
class Sample {
 public:
  // At most `size` lines; 0: all.
  Sample(uint64_t size, uint64_t seed) : size_(size), random_(seed) {}

  // Adds the next line to the sample, if it is drawn.
  absl::Status Take(absl::string_view line, const ImportOptions& options) {
    const uint64_t place = seen_++;
    const bool fills = size_ == 0 || place < size_;
    const uint64_t slot = fills ? drawn_.size() : random_.Below(place + 1);
    if (slot > drawn_.size() || (slot == drawn_.size() && size_ > 0 && drawn_.size() == size_)) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(std::string text, ReviewText(line, options));
    if (slot == drawn_.size()) {
      drawn_.emplace_back();
    }
    drawn_[slot] = {place, std::move(text)};
    return absl::OkStatus();
  }

  // The texts of the lines drawn, in the file's order.
  std::vector<std::string> Texts() && {
    std::sort(drawn_.begin(), drawn_.end());
    std::vector<std::string> texts;
    texts.reserve(drawn_.size());
    for (auto& [place, text] : drawn_) {
      texts.push_back(std::move(text));
    }
    return texts;
  }

 private:
  uint64_t size_;
  Random random_;
  uint64_t seen_ = 0;
  std::vector<std::pair<uint64_t, std::string>> drawn_;  // the line's number from 0, its text
};

absl::StatusOr<Imported> LoadAmazon(const AmazonSource& source, const ImportOptions& options) {
  if (!IsFolder(source.path())) {
    return LoadPrepared(source.path(), kClasses, options);
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesBelow(source.path()));
  Imported imported;
  BadLines bad;
  for (const std::string& file : files) {
    if (!IsPrepared(file)) {
      continue;
    }
    const std::string label = CategoryOf(file.substr(file.rfind('/') + 1));
    Sample sample(static_cast<uint64_t>(source.max_texts()), SubSeed(source.seed(), absl::StrCat("amazon/", label)));
    RETURN_IF_ERROR(ForEachLine(absl::StrCat(source.path(), "/", file), &bad,
                                [&](absl::string_view line) { return sample.Take(line, options); }));
    for (std::string& text : std::move(sample).Texts()) {
      imported.Add(label, std::move(text));
    }
  }
  RETURN_IF_ERROR(imported.Finish(bad, options, absl::StrCat(source.path(), " (its *.json)")));
  return imported;
}

}  // namespace

SourceInfo AmazonSourceInfo() {
  SourceInfo info = SourceReadBy(LoadAmazon);
  info.classes = kClasses;
  info.splits = {kBao2020, kMetaPrompting};
  info.name_of_label = RuleName;
  return info;
}

}  // namespace metaprompt
