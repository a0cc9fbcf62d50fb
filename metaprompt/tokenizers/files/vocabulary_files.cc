#include "metaprompt/tokenizers/files/vocabulary_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

absl::Status Wrong(absl::string_view where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> VocabTextPieces(absl::string_view text, const std::string& where) {
  std::vector<std::string> pieces;
  absl::flat_hash_map<absl::string_view, size_t> lines;
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");  // a byte-order mark
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const absl::string_view piece = text.substr(0, end);
    text.remove_prefix(std::min(end + (absl::StartsWith(text.substr(end), "\r\n") ? 2 : 1), text.size()));
    const size_t line = pieces.size() + 1;
    if (const absl::Status status = CheckUtf8(piece); !status.ok()) {
      return Wrong(absl::StrCat(where, ":", line), status.message());
    }
    if (const auto [old, is_new] = lines.emplace(piece, line); !is_new) {
      return Wrong(absl::StrCat(where, ":", line),
                   absl::StrCat("piece ", Quoted(piece), " stands in line ", old->second, " already"));
    }
    pieces.emplace_back(piece);
  }
  return pieces;
}

absl::StatusOr<std::vector<std::string>> VocabJsonPieces(const Json& vocab, const std::string& where) {
  if (!vocab.is_object()) {
    return Wrong(where, "expected an object of pieces and ids");
  }
  std::vector<const std::string*> by_id(vocab.size());
  for (auto entry = vocab.begin(); entry != vocab.end(); ++entry) {
    const Json& id = entry.value();
    if (!id.is_number_unsigned()) {
      return Wrong(where, absl::StrCat("the id of piece ", Quoted(entry.key()), " must be a whole number"));
    }
    if (id.get<uint64_t>() >= by_id.size()) {
      return Wrong(where, absl::StrCat("piece ", Quoted(entry.key()), " has the id ", id.get<uint64_t>(), ", but the ",
                                       by_id.size(), " pieces must have the ids from 0 to ", by_id.size() - 1));
    }
    const std::string*& place = by_id[id.get<size_t>()];
    if (place != nullptr) {
      return Wrong(where, absl::StrCat("pieces ", Quoted(*place), " and ", Quoted(entry.key()), " have the same id, ",
                                       id.get<uint64_t>()));
    }
    place = &entry.key();
  }
  std::vector<std::string> pieces;
  pieces.reserve(by_id.size());
  for (const std::string* piece : by_id) {
    pieces.push_back(*piece);
  }
  return pieces;
}

absl::StatusOr<BpeMerges> MergesTextPairs(absl::string_view text, const std::string& where) {
  if (!absl::StartsWith(text, "#version")) {
    return Wrong(absl::StrCat(where, ":1"), "expected a line that begins with #version");
  }
  BpeMerges merges;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    if (++number == 1) {
      continue;
    }
    absl::ConsumeSuffix(&line, "\r");
    const std::vector<std::string> pair = absl::StrSplit(line, ' ');
    if (pair.size() != 2 || pair[0].empty() || pair[1].empty()) {
      return Wrong(absl::StrCat(where, ":", number),
                   absl::StrCat("expected two pieces and a space between them, not ", Quoted(line)));
    }
    merges.emplace_back(pair[0], pair[1]);
  }
  return merges;
}

absl::StatusOr<BpeMerges> MergesJsonPairs(const Json& list, const std::string& where) {
  if (!list.is_array()) {
    return Wrong(where, "expected a list");
  }
  BpeMerges merges;
  for (const Json& entry : list) {
    std::vector<std::string> pair;
    if (entry.is_string()) {
      pair = absl::StrSplit(entry.get<std::string>(), ' ');
    } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
      pair = {entry[0].get<std::string>(), entry[1].get<std::string>()};
    }
    if (pair.size() != 2 || pair[0].empty() || pair[1].empty()) {
      return Wrong(absl::StrCat(where, ":", merges.size() + 1), "expected two pieces: \"a b\" or [\"a\", \"b\"]");
    }
    merges.emplace_back(std::move(pair[0]), std::move(pair[1]));
  }
  return merges;
}

}  // namespace metaprompt
