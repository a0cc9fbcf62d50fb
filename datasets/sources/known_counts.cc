#include "datasets/sources/known_counts.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace metaprompt {
namespace {

struct Distribution {
  const char* source;
  const char* name;
  int64_t labels;  // 0: not said here
  int64_t records;
};

constexpr Distribution kDistributions[] = {
    {"huffpost", "News Category Dataset v2", 41, 200853},
    {"huffpost", "News Category Dataset v3", 42, 209527},
    {"huffpost", "HuffPost as prepared by Bao et al. 2020", 41, 36900},
    {"reuters", "Reuters-21578, distribution 1.0", 0, 21578},
    {"reuters", "Reuters as prepared by Bao et al. 2020", 31, 620},
    {"newsgroups", "20news-bydate", 20, 18846},
    {"newsgroups", "20news-18828", 20, 18828},
    {"newsgroups", "20news-19997", 20, 19997},
    {"protaugment", "Banking77", 77, 13083},
    {"protaugment", "HWU64", 64, 11036},
    {"protaugment", "Clinc150", 150, 22500},
    {"protaugment", "Liu", 54, 25478},
    {"fewrel", "FewRel, training", 64, 44800},
    {"fewrel", "FewRel, validation", 16, 11200},
    {"fewrel", "FewRel, training and validation", 80, 56000},
};

}  // namespace

absl::StatusOr<std::string> KnownDistribution(absl::string_view source, int64_t labels, int64_t records) {
  std::vector<std::string> known;
  for (const Distribution& one : kDistributions) {
    if (source != one.source) {
      continue;
    }
    if (records == one.records && (one.labels == 0 || labels == one.labels)) {
      return one.name;
    }
    known.push_back(absl::StrCat(one.records, one.labels == 0 ? "" : absl::StrCat(" in ", one.labels, " classes"), " (",
                                 one.name, ")"));
  }
  if (known.empty()) {
    return "";
  }
  return absl::InvalidArgumentError(
      absl::StrCat(records, " texts in ", labels, " classes; the public files have ", absl::StrJoin(known, ", "),
                   ". Is the file cut short, or another? dataset.allow_other_counts: true takes it as it is"));
}

}  // namespace metaprompt
