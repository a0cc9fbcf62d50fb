#include "datasets/sources/reuters.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/source_files.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/distribution.h"
#include "datasets/sources/prepared.h"
#include "datasets/splits/published_splits.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr Distribution kDistributions[] = {
    {"Reuters-21578, distribution 1.0", 0, 21578},
    {"Reuters as prepared by Bao et al. 2020", 31, 620},
};

// Labels are the topics.
constexpr PublicClass kClasses[] = {
    {"acq", "acquisitions", Split::kTrain, nullptr},
    {"alum", "aluminium", Split::kTrain, nullptr},
    {"bop", "balance of payment", Split::kTrain, nullptr},
    {"cocoa", "cocoa", Split::kTrain, nullptr},
    {"coffee", "coffee", Split::kTrain, nullptr},
    {"copper", "copper", Split::kTrain, nullptr},
    {"cotton", "cotton", Split::kTrain, nullptr},
    {"cpi", "consumer price index", Split::kTrain, nullptr},
    {"crude", "crude", Split::kTrain, nullptr},
    {"earn", "earn", Split::kTrain, nullptr},
    {"gnp", "gross national product", Split::kTrain, nullptr},
    {"gold", "gold", Split::kTrain, nullptr},
    {"grain", "grain", Split::kTrain, nullptr},
    {"interest", "interest", Split::kTrain, nullptr},
    {"ipi", "industrial production index", Split::kTrain, nullptr},
    {"iron-steel", "iron and steel", Split::kValid, nullptr},
    {"jobs", "jobs", Split::kValid, nullptr},
    {"livestock", "livestock", Split::kValid, nullptr},
    {"money-fx", "money foreign exchange", Split::kValid, nullptr},
    {"money-supply", "money supply", Split::kValid, nullptr},
    {"nat-gas", "natural gas", Split::kTest, nullptr},
    {"orange", "orange", Split::kTest, nullptr},
    {"reserves", "reserves", Split::kTest, nullptr},
    {"retail", "retail", Split::kTest, nullptr},
    {"rubber", "rubber", Split::kTest, nullptr},
    {"ship", "ship", Split::kTest, nullptr},
    {"sugar", "sugar", Split::kTest, nullptr},
    {"tin", "tin", Split::kTest, nullptr},
    {"trade", "trade", Split::kTest, nullptr},
    {"veg-oil", "vegetable oil", Split::kTest, nullptr},
    {"wpi", "wholesale price index", Split::kTest, nullptr},
};

constexpr int64_t kLargestFile = int64_t{64} << 20U;

// The text between the first <name> and the next </name>; empty if there is none.
absl::string_view Element(absl::string_view text, absl::string_view name) {
  const std::string begin = absl::StrCat("<", name, ">");
  const size_t at = text.find(begin);
  if (at == absl::string_view::npos) {
    return "";
  }
  text.remove_prefix(at + begin.size());
  const size_t end = text.find(absl::StrCat("</", name, ">"));
  return end == absl::string_view::npos ? "" : text.substr(0, end);
}

std::string PlainText(absl::string_view sgml) {
  return absl::StrReplaceAll(sgml, {{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&#3;", " "}});
}

std::string TextOf(absl::string_view document, int64_t max_words) {
  std::string body = CollapseBlanks(PlainText(Element(document, "BODY")));
  absl::string_view kept = body;
  if (absl::EndsWithIgnoreCase(kept, " reuter")) {
    kept.remove_suffix(7);
  }
  return CollapseBlanks(absl::StrCat(PlainText(Element(document, "TITLE")), " ", kept), max_words);
}

// The topics of a document.
std::vector<std::string> TopicsOf(absl::string_view document) {
  std::vector<std::string> topics;
  absl::string_view rest = Element(document, "TOPICS");
  for (;;) {
    const absl::string_view topic = Element(rest, "D");
    if (topic.empty()) {
      return topics;
    }
    topics.push_back(CollapseBlanks(topic));
    rest.remove_prefix(static_cast<size_t>(topic.data() - rest.data()) + topic.size());
  }
}

void ParseSgml(const std::string& file, absl::string_view text, const ImportOptions& options, Imported* imported,
               BadLines* bad) {
  int64_t line = 1;
  for (size_t at = 0;;) {
    const size_t begin = text.find("<REUTERS ", at);
    if (begin == absl::string_view::npos) {
      return;
    }
    line += std::count(text.begin() + static_cast<std::ptrdiff_t>(at),
                       text.begin() + static_cast<std::ptrdiff_t>(begin), '\n');
    at = begin;
    const size_t end = text.find("</REUTERS>", begin);
    if (end == absl::string_view::npos || end > text.find("<REUTERS ", begin + 1)) {
      bad->Add(file, line, "a document (<REUTERS ...>) that does not end");
      ++at;
      continue;
    }
    const absl::string_view document = text.substr(begin, end - begin);
    const std::vector<std::string> topics = TopicsOf(document);
    if (topics.size() == 1 && !topics[0].empty()) {
      imported->Add(topics[0], TextOf(document, options.max_words));
    } else {
      ++imported->records;
    }
    line += std::count(document.begin(), document.end(), '\n');
    at = end;
  }
}

absl::StatusOr<Imported> LoadReuters(const ReutersSource& source, const ImportOptions& options) {
  if (IsPrepared(source.path())) {
    return LoadPrepared(source.path(), kClasses, options);
  }
  // Sorted by name, because an archive may have them in any order.
  std::vector<std::pair<std::string, std::string>> files;
  RETURN_IF_ERROR(ForEachFile(
      source.path(), kLargestFile, [](absl::string_view name) { return absl::EndsWithIgnoreCase(name, ".sgm"); },
      [&](const std::string& name, const std::string& contents) {
        files.emplace_back(name.substr(name.rfind('/') + 1), contents);
        return absl::OkStatus();
      }));
  std::sort(files.begin(), files.end());
  Imported imported;
  BadLines bad;
  for (const auto& [name, contents] : files) {
    ParseSgml(absl::StrCat(source.path(), "/", name), Utf8OfLatin1(contents), options, &imported, &bad);
  }
  RETURN_IF_ERROR(imported.Finish(bad, options, absl::StrCat(source.path(), " (its *.sgm)")));
  return imported;
}

}  // namespace

SourceInfo ReutersSourceInfo() {
  SourceInfo info = SourceReadBy(LoadReuters);
  info.distributions = kDistributions;
  info.classes = kClasses;
  info.splits = {kBao2020, kMetaPrompting};
  info.name_of_label = RuleName;
  return info;
}

}  // namespace metaprompt
