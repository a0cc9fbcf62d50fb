#include "datasets/readers/known_columns.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Record = std::vector<std::string>;

constexpr size_t kNone = kNoColumn;
constexpr const char* kLabelNames[] = {"label",  "class",  "category", "intent", "topic",
                                       "target", "labels", "tag",      "queue",  "type"};
constexpr const char* kTextNames[] = {"text",    "sentence", "utterance",   "message",  "query", "question", "body",
                                      "content", "headline", "description", "document", "title", "subject"};

struct PairOfNames {
  const char* first;
  const char* second;
};
constexpr PairOfNames kPairs[] = {
    {"premise", "hypothesis"},   {"sentence1", "sentence2"}, {"sentence_1", "sentence_2"}, {"sentence_a", "sentence_b"},
    {"sentence", "sentence_b"},  {"text", "text_b"},         {"text_a", "text_b"},         {"text1", "text2"},
    {"text_1", "text_2"},        {"text", "text2"},          {"text", "text_pair"},        {"question1", "question2"},
    {"question_1", "question_2"}};

// The index of the column with that name, in upper or lower case.
size_t ColumnCalled(const Record& first, absl::string_view name) {
  const auto found = std::find_if(first.begin(), first.end(), [&](const std::string& one) {
    return absl::AsciiStrToLower(absl::StripAsciiWhitespace(one)) == name;
  });
  return found == first.end() ? kNone : static_cast<size_t>(found - first.begin());
}

// The index of the column with the first of the names `known` that occurs.
template <size_t kCount>
size_t KnownColumn(const Record& first, const char* const (&known)[kCount]) {
  for (const char* const name : known) {
    if (const size_t place = ColumnCalled(first, name); place != kNone) {
      return place;
    }
  }
  return kNone;
}

struct PairOfPlaces {
  size_t first = kNone;
  size_t second = kNone;
};

// The indices of the first known pair of which both columns are there.
std::optional<PairOfPlaces> KnownPair(const Record& first) {
  for (const PairOfNames& pair : kPairs) {
    const PairOfPlaces places{ColumnCalled(first, pair.first), ColumnCalled(first, pair.second)};
    if (places.first != kNone && places.second != kNone) {
      return places;
    }
  }
  return std::nullopt;
}

// The index of the first (or second) column of the first known pair for which that column is there.
size_t KnownHalf(const Record& first, const char* PairOfNames::* half) {
  for (const PairOfNames& pair : kPairs) {
    if (const size_t place = ColumnCalled(first, pair.*half); place != kNone) {
      return place;
    }
  }
  return kNone;
}

// The index of the column that the user gives. Notes in `result` how it was found.
size_t NamedColumn(const Record& first, const std::string& name, bool json, FoundColumns* result) {
  uint64_t number = 0;
  const bool is_number = absl::SimpleAtoi(name, &number);
  const auto found = std::find(first.begin(), first.end(), name);
  if (found != first.end()) {
    result->names = result->names || !is_number;
    return static_cast<size_t>(found - first.begin());
  }
  if (!json && is_number && number >= 1 && number <= first.size()) {
    result->numbers = true;
    return static_cast<size_t>(number - 1);
  }
  return kNone;
}

// The names of the texts of an example of this file.
std::vector<std::string> TextNamesOf(const Record& first, const ColumnNames& names) {
  const bool look = names.wanted.empty() && names.text.empty() && names.text_b.empty();
  return look && KnownPair(first).has_value() ? std::vector<std::string>{"text", "text_b"} : NamesWithoutLook(names);
}

std::string GivenColumn(const ColumnNames& names, const std::string& text) {
  return text == "text" ? names.text : text == "text_b" ? names.text_b : "";
}

// The index of the column of a text that the user does not give. `alone`: it is the only text.
size_t KnownText(const Record& first, const std::string& text, bool alone) {
  if (text == "text" && alone) {
    return KnownColumn(first, kTextNames);
  }
  if (text != "text" && text != "text_b") {
    return ColumnCalled(first, absl::AsciiStrToLower(text));
  }
  const std::optional<PairOfPlaces> pair = KnownPair(first);
  if (text == "text") {
    const size_t half = pair.has_value() ? pair->first : KnownHalf(first, &PairOfNames::first);
    return half != kNone ? half : KnownColumn(first, kTextNames);
  }
  return pair.has_value() ? pair->second : KnownHalf(first, &PairOfNames::second);
}

}  // namespace

std::vector<std::string> NamesWithoutLook(const ColumnNames& names) {
  if (!names.wanted.empty()) {
    return names.wanted;
  }
  return names.text_b.empty() ? std::vector<std::string>{"text"} : std::vector<std::string>{"text", "text_b"};
}

std::optional<FoundColumns> FindColumns(const Record& first, const ColumnNames& names, bool labelled, bool json) {
  FoundColumns found;
  if (labelled) {
    found.label = names.label.empty() ? KnownColumn(first, kLabelNames) : NamedColumn(first, names.label, json, &found);
  }
  found.names = found.names || (labelled && names.label.empty());
  const bool label_elsewhere = json && !names.label.empty();
  if (labelled && found.label == kNone && !label_elsewhere) {
    return std::nullopt;
  }
  std::vector<size_t> used = {found.label};
  const std::vector<std::string> texts = TextNamesOf(first, names);
  for (const std::string& text : texts) {
    const std::string given = GivenColumn(names, text);
    const size_t place =
        given.empty() ? KnownText(first, text, texts.size() == 1) : NamedColumn(first, given, json, &found);
    const bool elsewhere = json && !given.empty();
    if (place == kNone ? !elsewhere : std::find(used.begin(), used.end(), place) != used.end()) {
      return std::nullopt;
    }
    used.push_back(place);
    found.names = found.names || given.empty() || names.of_examples;
    found.texts.push_back(ColumnOfText{text, place, elsewhere ? given : first[place]});
  }
  return found;
}

std::string KnownTextNames() { return absl::StrJoin(kTextNames, ", "); }

bool HasTextName(const Record& first) {
  return KnownColumn(first, kTextNames) != kNone || KnownPair(first).has_value();
}

absl::Status CheckNotPair(const Record& first, const ColumnNames& names) {
  const std::optional<PairOfPlaces> pair = KnownPair(first);
  const bool one = names.wanted == std::vector<std::string>{"text"} && names.text.empty();
  if (!one || !pair.has_value()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the columns ", Quoted(first[pair->first]), " and ", Quoted(first[pair->second]),
                   " look like pairs of texts, and one text is wanted; name its column with --text-column"));
}

}  // namespace metaprompt
