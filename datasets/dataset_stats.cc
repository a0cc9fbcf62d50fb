#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/text_table.h"

namespace metaprompt {
namespace {

// The words of a text are separated by single blanks, and its texts by tabs.
std::vector<int64_t> WordCounts(const TextClass& text_class) {
  std::vector<int64_t> counts;
  counts.reserve(text_class.texts.size());
  for (const std::string& text : text_class.texts) {
    counts.push_back(1 + std::count_if(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t'; }));
  }
  return counts;
}

struct Lengths {
  double mean = 0;
  double median = 0;
  int64_t max = 0;
};

Lengths Summary(std::vector<int64_t> counts) {
  if (counts.empty()) {
    return {};
  }
  std::sort(counts.begin(), counts.end());
  const size_t half = counts.size() / 2;
  const int64_t low_median = counts[counts.size() % 2 == 0 ? half - 1 : half];
  return {static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0})) /
              static_cast<double>(counts.size()),
          static_cast<double>(low_median + counts[half]) / 2, counts.back()};
}

using Row = std::vector<std::string>;  // split, label, name, texts, mean, median, max

// "1,234,567"
std::string Thousands(int64_t count) {
  std::string digits = absl::StrCat(count);
  for (size_t i = digits.size(); i > 3; i -= 3) {
    digits.insert(i - 3, ",");
  }
  return digits;
}

Row MakeRow(absl::string_view split, absl::string_view label, absl::string_view name,
            const std::vector<int64_t>& words) {
  const Lengths lengths = Summary(words);
  return {std::string(split),
          std::string(label),
          std::string(name),
          Thousands(static_cast<int64_t>(words.size())),
          absl::StrFormat("%.1f", lengths.mean),
          absl::StrFormat("%.1f", lengths.median),
          Thousands(lengths.max)};
}

// At most 60 characters of a text.
std::string Excerpt(const std::string& text) {
  size_t end = std::min<size_t>(text.size(), 60);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;  // within a character
  }
  return end < text.size() ? absl::StrCat(text.substr(0, end), "...") : text;
}

// The texts that occur under several labels: their number, how many of them are in several parts of the split, and the
// first few.
std::string SharedTextsLines(const Dataset& dataset) {
  constexpr size_t kNamed = 5;
  int64_t across = 0;
  std::string named;
  for (size_t i = 0; i < dataset.shared_texts.size(); ++i) {
    std::vector<std::string> labels;
    std::set<Split> sides;
    const TextClass* any = nullptr;
    for (const size_t c : dataset.shared_texts[i]) {
      const TextClass& one = dataset.classes[c];
      labels.push_back(absl::StrCat(one.label, " (", SplitName(one.split), ")"));
      sides.insert(one.split);
      any = &one;
    }
    across += sides.size() > 1 ? 1 : 0;
    if (i < kNamed) {
      const auto place = std::find_if(any->shared.begin(), any->shared.end(),
                                      [&](const auto& shared) { return shared.second == static_cast<int64_t>(i); });
      const std::string& example = any->texts[static_cast<size_t>(place->first)];
      absl::StrAppend(&named, "  ", absl::StrJoin(labels, ", "), ": ",
                      dataset.images.has_value() ? absl::StrCat("number ", place->first, " of ", any->label)
                                                 : Excerpt(ReadableExample(example)),
                      "\n");
    }
  }
  const size_t count = dataset.shared_texts.size();
  return absl::StrFormat("%-20s%s, %s of them on several sides of the split%s\n", "under two labels",
                         Thousands(static_cast<int64_t>(count)), Thousands(across),
                         count > kNamed ? "; the first:" : ":") +
         named;
}

// One row per class of each side of the split, and one row for all classes of the side.
std::vector<Row> ClassRows(const Dataset& dataset) {
  std::vector<Row> rows = {{"split", "label", "name", "texts", "mean words", "median", "max"}};
  for (const Split split : kSplits) {
    const std::vector<const TextClass*> classes = dataset.Of(split);
    std::vector<int64_t> all;
    for (const TextClass* text_class : classes) {
      const std::vector<int64_t> words = WordCounts(*text_class);
      rows.push_back(MakeRow(SplitName(split), text_class->label, text_class->name, words));
      all.insert(all.end(), words.begin(), words.end());
    }
    rows.push_back(MakeRow(SplitName(split), "all",
                           absl::StrCat(classes.size(), classes.size() == 1 ? " class" : " classes"), all));
    rows.emplace_back();
  }
  return rows;
}

// The same for images, which have no words.
std::vector<Row> ImageRows(const Dataset& dataset) {
  std::vector<Row> rows = {{"split", "label", "name", "images"}};
  for (const Split split : kSplits) {
    const std::vector<const TextClass*> classes = dataset.Of(split);
    int64_t all = 0;
    for (const TextClass* one : classes) {
      const auto count = static_cast<int64_t>(one->texts.size());
      rows.push_back({SplitName(split), one->label, one->name, Thousands(count)});
      all += count;
    }
    rows.push_back({SplitName(split), "all", absl::StrCat(classes.size(), classes.size() == 1 ? " class" : " classes"),
                    Thousands(all)});
    rows.emplace_back();
  }
  return rows;
}

// "28 x 28, grey"; empty for texts.
std::string ShapeText(const Dataset& dataset) {
  return dataset.images.has_value() ? absl::StrCat(dataset.images->height, " x ", dataset.images->width,
                                                   dataset.images->channels == 1 ? ", grey" : ", colour")
                                    : "";
}

}  // namespace

std::string StatsText(const Dataset& dataset) {
  const bool images = dataset.images.has_value();
  const char* const what = images ? " images" : " texts";
  const TextColumns columns = {{false, false, false, true, true, true, true}, /*indent=*/0, /*gap=*/2};
  const auto line = [](absl::string_view what, const std::string& value) {
    return value.empty() || value == "0" ? "" : absl::StrFormat("%-20s%s\n", what, value);
  };
  return absl::StrCat(
      dataset.name, ": ", Thousands(dataset.NumTexts()), what, " in ", dataset.classes.size(), " classes\n\n",
      TextTable(images ? ImageRows(dataset) : ClassRows(dataset), columns), line("pixels", ShapeText(dataset)),
      line("texts per example", dataset.text_names.size() > 1 ? absl::StrJoin(dataset.text_names, ", ") : ""),
      line("distribution", dataset.distribution), line("split", dataset.split_name), "duplicates dropped  ",
      Thousands(dataset.dropped_duplicates), absl::StrFormat("\n%-20s", absl::StrCat("unused", what)),
      Thousands(dataset.unused_texts), "\n", line(absl::StrCat("empty", what), Thousands(dataset.empty_texts)),
      line("skipped bad lines", Thousands(dataset.skipped_bad_lines)),
      dataset.shared_texts.empty() ? "" : SharedTextsLines(dataset), "sha256              ", ContentSha256(dataset),
      "\n");
}

}  // namespace metaprompt
