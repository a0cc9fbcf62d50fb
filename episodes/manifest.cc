#include "episodes/manifest.h"

#include <set>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr char kMagic[] = "metaprompt-episodes";
constexpr size_t kHashDigits = 16;

std::string HashOf(const TextClass& one, int64_t text) {
  return Sha256(absl::StrCat(one.label, "\t", one.texts[static_cast<size_t>(text)])).substr(0, kHashDigits);
}

// The hashes of texts. Each text is hashed once, however often it occurs.
class Hashes {
 public:
  explicit Hashes(const std::vector<const TextClass*>& classes) : classes_(classes), known_(classes.size()) {}

  const std::string& Of(const TextRef& ref) {
    const auto c = static_cast<size_t>(ref.of_class);
    const auto [place, is_new] = known_[c].try_emplace(ref.text);
    if (is_new) {
      place->second = HashOf(*classes_[c], ref.text);
    }
    return place->second;
  }

 private:
  const std::vector<const TextClass*>& classes_;
  std::vector<std::unordered_map<int64_t, std::string>> known_;
};

// Reads the lines that are not comments.
class Reader {
 public:
  Reader(absl::string_view text, absl::string_view name, const ManifestNeeds& needs,
         const std::vector<const TextClass*>& classes)
      : rest_(text), name_(name), needs_(needs), classes_(classes), hashes_(classes) {
    for (size_t c = 0; c < classes.size(); ++c) {
      place_[classes[c]->label] = static_cast<int64_t>(c);
    }
  }

  absl::StatusOr<EpisodeManifest> Read() {
    absl::Status status = ReadHead();
    while (status.ok() && Next()) {
      status = ReadEpisode();
    }
    for (const int64_t shots : needs_.shots) {
      const auto there = static_cast<int64_t>(manifest_.episodes[shots].size());
      if (status.ok() && there < needs_.episodes) {
        status = absl::InvalidArgumentError(
            absl::StrCat(name_, ": it has ", there, " ", shots, "-shot episodes; ", needs_.episodes, " are needed"));
      }
    }
    if (!status.ok()) {
      return status;
    }
    return std::move(manifest_);
  }

 private:
  // Splits the next line into columns. Returns false at the end.
  bool Next() {
    while (!rest_.empty()) {
      ++number_;
      const size_t end = rest_.find('\n');
      const absl::string_view line = rest_.substr(0, end);
      rest_ = end == absl::string_view::npos ? absl::string_view() : rest_.substr(end + 1);
      if (!line.empty() && line[0] != '#') {
        columns_ = absl::StrSplit(line, '\t');
        return true;
      }
    }
    columns_.clear();
    return false;
  }

  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(name_, ":", number_, ": ", what));
  }

  // Reads a line `key` with this number of values.
  absl::Status Expect(absl::string_view key, size_t values) {
    if (!Next() || columns_[0] != key || columns_.size() != values + 1) {
      return Error(absl::StrCat("not a line `", key, "` with ", values, values == 1 ? " value" : " values",
                                "; is this a file that `metaprompt episodes --save` wrote?"));
    }
    return absl::OkStatus();
  }

  // Reads a line `key` with a number, which must be `wanted`.
  absl::Status ExpectNumber(absl::string_view key, int64_t wanted, int64_t* number) {
    absl::Status status = Expect(key, 1);
    status.Update(status.ok() ? Number(columns_[1], 1, number) : status);
    if (status.ok() && *number != wanted) {
      return Error(absl::StrCat(key, " is ", *number, "; the spec's episodes.", key, " is ", wanted));
    }
    return status;
  }

  absl::Status Number(absl::string_view text, int64_t least, int64_t* number) const {
    if (!absl::SimpleAtoi(text, number) || *number < least) {
      return Error(absl::StrCat(Quoted(text), " is not a whole number >= ", least));
    }
    return absl::OkStatus();
  }

  absl::Status ReadHead() {
    absl::Status status = Expect(kMagic, 1);
    if (status.ok() && columns_[1] != "1") {
      return Error(absl::StrCat("version ", Quoted(columns_[1]), " of the format; this program reads version 1"));
    }
    status.Update(status.ok() ? Expect("dataset", 2) : status);
    if (status.ok()) {
      manifest_.dataset = std::string(columns_[1]);
      manifest_.content_sha256 = std::string(columns_[2]);
      status = Expect("split", 1);
    }
    if (status.ok() && columns_[1] != needs_.split) {
      return Error(absl::StrCat("the episodes are of the split ", Quoted(columns_[1]), "; those of ", needs_.split,
                                " are needed"));
    }
    if (status.ok()) {
      manifest_.split = std::string(columns_[1]);
      status = Expect("seed", 1);
    }
    if (status.ok() && !absl::SimpleAtoi(columns_[1], &manifest_.seed)) {
      return Error(absl::StrCat(Quoted(columns_[1]), " is not a seed, which is a whole number >= 0"));
    }
    status.Update(status.ok() ? ExpectNumber("ways", needs_.ways, &manifest_.ways) : status);
    status.Update(status.ok() ? ExpectNumber("queries", needs_.queries, &manifest_.queries) : status);
    return status;
  }

  absl::Status ReadEpisode() {
    if (columns_[0] != "episode" || columns_.size() < 3) {
      return Error("not a line `episode`");
    }
    int64_t shots = 0;
    int64_t index = 0;
    absl::Status status = Number(columns_[1], 1, &shots);
    status.Update(status.ok() ? Number(columns_[2], 0, &index) : status);
    if (!status.ok()) {
      return status;
    }
    std::vector<EpisodePlan>& episodes = manifest_.episodes[shots];
    if (index != static_cast<int64_t>(episodes.size())) {
      return Error(absl::StrCat(shots, "-shot episode ", index, " in place of episode ", episodes.size(),
                                "; they are counted from 0"));
    }
    if (static_cast<int64_t>(columns_.size() - 3) != 3 * manifest_.ways) {
      return Error(absl::StrCat(columns_.size() - 3, " columns of classes and texts; ", manifest_.ways,
                                " ways need three each: label, support texts, query texts"));
    }
    EpisodePlan plan;
    plan.index = index;
    for (int64_t way = 0; way < manifest_.ways; ++way) {
      const auto column = static_cast<size_t>(3 + 3 * way);
      const auto found = place_.find(std::string(columns_[column]));
      if (found == place_.end()) {
        return Error(
            absl::StrCat("the class ", Quoted(columns_[column]), " is not in the data's ", needs_.split, " split"));
      }
      for (const int64_t before : plan.classes) {
        if (before == found->second) {
          return Error(absl::StrCat("the class ", Quoted(columns_[column]), " occurs twice in the episode"));
        }
      }
      plan.classes.push_back(found->second);
      std::set<int64_t> seen;
      status = ReadTexts(columns_[column + 1], found->second, shots, "support", &seen, &plan.support);
      status.Update(status.ok()
                        ? ReadTexts(columns_[column + 2], found->second, manifest_.queries, "query", &seen, &plan.query)
                        : status);
      if (!status.ok()) {
        return status;
      }
    }
    episodes.push_back(std::move(plan));
    return absl::OkStatus();
  }

  // Reads `count` different texts of a class, none of which may be in `seen`. Adds them to `seen` and `refs`.
  absl::Status ReadTexts(absl::string_view column, int64_t of_class, int64_t count, absl::string_view part,
                         std::set<int64_t>* seen, std::vector<TextRef>* refs) {
    const TextClass& one = *classes_[static_cast<size_t>(of_class)];
    const std::vector<absl::string_view> texts = absl::StrSplit(column, ' ', absl::SkipEmpty());
    if (static_cast<int64_t>(texts.size()) != count) {
      return Error(
          absl::StrCat(texts.size(), " ", part, " texts of the class ", Quoted(one.label), " instead of ", count));
    }
    for (const absl::string_view text : texts) {
      const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
      TextRef ref;
      ref.of_class = of_class;
      if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &ref.text) || ref.text < 0) {
        return Error(absl::StrCat(Quoted(text), " is not NUMBER:HASH, which identifies a text"));
      }
      if (ref.text >= static_cast<int64_t>(one.texts.size())) {
        return Error(absl::StrCat("text ", ref.text, " of the class ", Quoted(one.label), ", which has ",
                                  one.texts.size(), "; the episodes were saved from other data"));
      }
      if (hashes_.Of(ref) != parts[1]) {
        return Error(absl::StrCat("text ", ref.text, " of the class ", Quoted(one.label), " has the hash ",
                                  hashes_.Of(ref), ", not ", parts[1].substr(0, 40),
                                  "; the episodes were saved from other data"));
      }
      if (!seen->insert(ref.text).second) {
        return Error(
            absl::StrCat("text ", ref.text, " of the class ", Quoted(one.label), " occurs twice in the episode"));
      }
      refs->push_back(ref);
    }
    return absl::OkStatus();
  }

  absl::string_view rest_;
  absl::string_view name_;
  const ManifestNeeds& needs_;
  const std::vector<const TextClass*>& classes_;
  Hashes hashes_;
  std::unordered_map<std::string, int64_t> place_;  // index of a label in classes_
  int64_t number_ = 0;
  std::vector<absl::string_view> columns_;
  EpisodeManifest manifest_;
};

}  // namespace

std::string ManifestText(const EpisodeManifest& manifest, const std::vector<const TextClass*>& classes) {
  std::string text = absl::StrCat(
      kMagic, "\t1\n# episode, shots, number, and for each way: label, support texts, query texts (NUMBER:HASH)\n",
      "dataset\t", manifest.dataset, "\t", manifest.content_sha256, "\nsplit\t", manifest.split, "\nseed\t",
      manifest.seed, "\nways\t", manifest.ways, "\nqueries\t", manifest.queries, "\n");
  Hashes hashes(classes);
  for (const auto& [shots, plans] : manifest.episodes) {
    for (const EpisodePlan& plan : plans) {
      absl::StrAppend(&text, "episode\t", shots, "\t", plan.index);
      for (size_t way = 0; way < plan.classes.size(); ++way) {
        absl::StrAppend(&text, "\t", classes[static_cast<size_t>(plan.classes[way])]->label);
        for (const std::vector<TextRef>* refs : {&plan.support, &plan.query}) {
          const size_t per_way = refs->size() / plan.classes.size();
          for (size_t i = 0; i < per_way; ++i) {
            const TextRef& ref = (*refs)[way * per_way + i];
            absl::StrAppend(&text, i == 0 ? "\t" : " ", ref.text, ":", hashes.Of(ref));
          }
        }
      }
      text += '\n';
    }
  }
  return text;
}

absl::StatusOr<EpisodeManifest> ParseManifest(absl::string_view text, absl::string_view name,
                                              const ManifestNeeds& needs,
                                              const std::vector<const TextClass*>& classes) {
  return Reader(text, name, needs, classes).Read();
}

}  // namespace metaprompt
