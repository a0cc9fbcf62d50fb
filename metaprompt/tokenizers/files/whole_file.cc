#include "metaprompt/tokenizers/files/whole_file.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/tokenizers/files/vocabulary_files.h"

namespace metaprompt {

using Json = nlohmann::json;

namespace {

// The value of an object's key; null if there is none.
const Json& ValueOf(const Json& json, const char* key) {
  static const Json& none = *new Json();
  const auto found = json.find(key);
  return found == json.end() ? none : *found;
}

}  // namespace

WholeFile::WholeFile(const TokenizerJson& json)
    : json_(json.Get("tokenizer.json")), where_(absl::StrCat(json.name, "/tokenizer.json")) {}

absl::Status WholeFile::Wrong(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(where_, ": ", what));
}

const Json& WholeFile::Part(const char* part) const { return ValueOf(json_, part); }

const Json& WholeFile::Model(const char* key) const { return ValueOf(Part("model"), key); }

absl::Status WholeFile::CheckPart(const char* part, const char* type) const {
  const Json& found = Part(part);
  if (type == nullptr) {
    return found.is_null() ? absl::OkStatus() : Wrong(absl::StrCat(part, " must be null"));
  }
  return ValueOf(found, "type") == Json(type) ? absl::OkStatus() : Wrong(absl::StrCat(part, ".type must be ", type));
}

absl::Status WholeFile::CheckSetting(const char* part, const char* key, const std::vector<Json>& allowed) const {
  const Json& value = ValueOf(Part(part), key);
  if (value.is_null() || std::find(allowed.begin(), allowed.end(), value) != allowed.end()) {
    return absl::OkStatus();
  }
  return Wrong(absl::StrCat(part, ".", key, " is not supported unless it is ", allowed[0].dump()));
}

absl::StatusOr<std::vector<std::string>> WholeFile::Pieces() const {
  return VocabJsonPieces(Model("vocab"), absl::StrCat(where_, ": model.vocab"));
}

absl::Status WholeFile::CheckPieces(const std::vector<std::string>& pieces, const char* file) const {
  if (!exists()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> here, Pieces());
  if (here.size() != pieces.size()) {
    return Wrong(absl::StrCat("model.vocab has ", here.size(), " pieces, ", file, " has ", pieces.size()));
  }
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i] != here[i]) {
      return Wrong(
          absl::StrCat("model.vocab has ", Quoted(here[i]), " as piece ", i, ", ", file, " has ", Quoted(pieces[i])));
    }
  }
  return absl::OkStatus();
}

}  // namespace metaprompt
