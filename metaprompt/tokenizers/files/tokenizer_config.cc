#include "metaprompt/tokenizers/files/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/json.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr char kConfig[] = "tokenizer_config.json";
constexpr char kMap[] = "special_tokens_map.json";
constexpr char kAdded[] = "added_tokens.json";
constexpr char kWhole[] = "tokenizer.json";
constexpr int64_t kNoId = -1;

// A token and the file that declares it.
struct Named {
  AddedToken token;  // with its id in the file, or kNoId
  std::string where;
};

absl::Status Wrong(absl::string_view where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

// {"content": "<mask>", "lstrip": true, ...}. A missing flag is false, except that a missing `normalized` is the
// opposite of `special`.
absl::StatusOr<AddedToken> ParseToken(const Json& json, bool special, const std::string& where) {
  const auto content = json.is_object() ? json.find("content") : json.end();
  if (!json.is_object() || content == json.end() || !content->is_string()) {
    return Wrong(where, "expected a token, an object with its `content`");
  }
  AddedToken token;
  token.content = content->get<std::string>();
  token.special = special;
  const std::array<std::pair<const char*, bool*>, 5> flags = {{{"special", &token.special},
                                                               {"lstrip", &token.lstrip},
                                                               {"rstrip", &token.rstrip},
                                                               {"single_word", &token.single_word},
                                                               {"normalized", &token.normalized}}};
  for (const auto& [key, flag] : flags) {
    if (flag == &token.normalized) {
      token.normalized = !token.special;
    }
    const auto value = json.find(key);
    if (value == json.end()) {
      continue;
    }
    if (!value->is_boolean()) {
      return Wrong(where, absl::StrCat(key, " of token ", Quoted(token.content), " must be true or false"));
    }
    *flag = value->get<bool>();
  }
  if (token.content.empty()) {
    return Wrong(where, "a token is empty");
  }
  return token;
}

absl::StatusOr<int64_t> ParseId(const Json& json, const std::string& content, const std::string& where) {
  if (!json.is_number_unsigned() || json.get<uint64_t>() > (1U << 30U)) {
    return Wrong(where, absl::StrCat("the id of token ", Quoted(content), " must be a whole number"));
  }
  return json.get<int64_t>();
}

class Resolver {
 public:
  Resolver(const TokenizerJson& json, const SpecialNames& names, TokenizerParts* parts)
      : json_(json), names_(names), parts_(parts) {
    for (size_t i = 0; i < parts->pieces.size(); ++i) {
      ids_.emplace(parts->pieces[i], static_cast<int64_t>(i));
    }
  }

  absl::Status Run() {
    settings_ = json_.Get(kConfig).is_null() ? Json::object() : json_.Get(kConfig);
    std::vector<Named> whole;
    RETURN_IF_ERROR(ReadWhole(&whole));
    std::vector<Named> declared;
    if (const auto decoder = settings_.find("added_tokens_decoder"); decoder != settings_.end()) {
      RETURN_IF_ERROR(ReadDecoder(*decoder, &declared));
    } else {
      if (json_.Get(kMap).is_object()) {
        for (const auto& [key, value] : json_.Get(kMap).items()) {
          settings_[key] = value;
          from_map_ = true;
        }
      }
      RETURN_IF_ERROR(ReadAdded(&declared));
      declared.insert(declared.end(), whole.begin(), whole.end());
    }
    const auto by_id = [](const Named& a, const Named& b) { return a.token.id < b.token.id; };
    std::stable_sort(declared.begin(), declared.end(), by_id);
    std::stable_sort(whole.begin(), whole.end(), by_id);
    for (const std::vector<Named>* list : {&whole, &declared}) {
      for (const Named& named : *list) {
        RETURN_IF_ERROR(Declare(named));
      }
    }
    return AddSpecial(declared);
  }

 private:
  std::string Where(const char* file) const { return absl::StrCat(json_.name, "/", file); }

  absl::Status ReadWhole(std::vector<Named>* tokens) const {
    const Json& whole = json_.Get(kWhole);
    const auto added = whole.is_object() ? whole.find("added_tokens") : whole.end();
    if (!whole.is_object() || added == whole.end()) {
      return absl::OkStatus();
    }
    const std::string where = Where(kWhole);
    if (!added->is_array()) {
      return Wrong(where, "added_tokens must be a list");
    }
    for (const Json& entry : *added) {
      ASSIGN_OR_RETURN(AddedToken token, ParseToken(entry, /*special=*/false, where));
      ASSIGN_OR_RETURN(token.id, ParseId(entry.value("id", Json()), token.content, where));
      tokens->push_back({std::move(token), where});
    }
    return absl::OkStatus();
  }

  absl::Status ReadDecoder(const Json& decoder, std::vector<Named>* tokens) const {
    const std::string where = absl::StrCat(Where(kConfig), ": added_tokens_decoder");
    if (!decoder.is_object()) {
      return Wrong(where, "expected an object of ids and tokens");
    }
    for (const auto& [key, value] : decoder.items()) {
      ASSIGN_OR_RETURN(AddedToken token, ParseToken(value, /*special=*/false, where));
      if (!absl::SimpleAtoi(key, &token.id) || token.id < 0) {
        return Wrong(where, absl::StrCat(Quoted(key), " is not an id"));
      }
      tokens->push_back({std::move(token), where});
    }
    return absl::OkStatus();
  }

  absl::Status ReadAdded(std::vector<Named>* tokens) const {
    if (json_.Get(kAdded).is_null()) {
      return absl::OkStatus();
    }
    for (const auto& [content, value] : json_.Get(kAdded).items()) {
      AddedToken token;
      token.content = content;
      ASSIGN_OR_RETURN(token.id, ParseId(value, content, Where(kAdded)));
      token.special = IsNamedSpecial(content);
      token.normalized = !token.special;
      if (content.empty()) {
        return Wrong(Where(kAdded), "a token is empty");
      }
      tokens->push_back({std::move(token), Where(kAdded)});
    }
    return absl::OkStatus();
  }

  // Whether a file names the token as a special token. (The defaults of the architecture do not count.)
  bool IsNamedSpecial(const std::string& content) const {
    const auto same = [&](const Json& value) {
      return value.is_string() ? value.get<std::string>() == content
                               : value.is_object() && value.value("content", Json()) == Json(content);
    };
    for (const auto& [key, value] : settings_.items()) {
      if (key == "additional_special_tokens" && value.is_array()) {
        if (std::any_of(value.begin(), value.end(), same)) {
          return true;
        }
      } else if (key.size() > 6 && key.substr(key.size() - 6) == "_token" && same(value)) {
        return true;
      }
    }
    return false;
  }

  // Adds a token, or replaces its id and flags. A special token keeps its first value of `normalized`, and stays
  // special.
  void Put(AddedToken token) {
    const auto [at, is_new] = places_.try_emplace(token.content, parts_->added.size());
    if (is_new) {
      parts_->added.push_back(std::move(token));
      return;
    }
    AddedToken& old = parts_->added[at->second];
    if (old.special) {
      token.normalized = old.normalized;
      token.special = true;
    }
    old = std::move(token);
  }

  absl::Status Declare(const Named& named) {
    const auto [known, is_new] = ids_.try_emplace(named.token.content, static_cast<int64_t>(parts_->pieces.size()));
    if (named.token.id != known->second) {
      return Wrong(named.where,
                   absl::StrCat("token ", Quoted(named.token.content), " has the id ", named.token.id,
                                is_new ? "; the next free one is " : "; as a piece it has ", known->second));
    }
    if (is_new) {
      parts_->pieces.push_back(named.token.content);
    }
    Put(named.token);
    return absl::OkStatus();
  }

  // Adds a special token from its setting. Returns its id, or kNoId if it is not a piece.
  absl::StatusOr<int64_t> AddOne(const Json& value, bool takes_space, const std::vector<Named>& declared,
                                 const std::string& where, std::string* content) {
    AddedToken token;
    bool as_text = value.is_string();
    if (as_text) {
      token.content = value.get<std::string>();
      token.special = true;
      token.lstrip = takes_space;
      as_text = !takes_space;
    } else {
      ASSIGN_OR_RETURN(token, ParseToken(value, /*special=*/from_map_, where));
      token.special = true;
    }
    for (const Named& named : declared) {
      if (named.token.content == token.content) {
        token = named.token;
        token.special = true;
        as_text = false;
      }
    }
    *content = token.content;
    const auto id = ids_.find(token.content);
    if (id == ids_.end()) {
      return kNoId;
    }
    token.id = id->second;
    // A setting that is only a name does not change an existing token.
    if (!as_text || places_.find(token.content) == places_.end()) {
      Put(token);
    }
    return token.id;
  }

  absl::Status AddSpecial(const std::vector<Named>& declared) {
    int64_t bos = kNoId;
    int64_t eos = kNoId;
    SpecialIds& special = parts_->special;
    special.cls = special.sep = special.mask = kNoId;
    struct Role {
      const char* key;
      const char* otherwise;
      int64_t* id;
      bool needed;
    };
    const std::array<Role, 7> roles = {{{"bos_token", names_.bos, &bos, false},
                                        {"eos_token", names_.eos, &eos, false},
                                        {"unk_token", names_.unk, &special.unk, true},
                                        {"sep_token", names_.sep, &special.sep, true},
                                        {"pad_token", names_.pad, &special.pad, names_.decodes},
                                        {"cls_token", names_.cls, &special.cls, !names_.decodes},
                                        {"mask_token", names_.mask, &special.mask, true}}};
    for (const Role& role : roles) {
      const auto setting = settings_.find(role.key);
      const Json value = setting != settings_.end() ? *setting
                         : *role.otherwise != '\0'  ? Json(role.otherwise)
                                                    : Json();
      std::string content;
      if (!value.is_null()) {
        ASSIGN_OR_RETURN(*role.id, AddOne(value, role.id == &special.mask && names_.mask_takes_space, declared,
                                          absl::StrCat(Where(from_map_ ? kMap : kConfig), ": ", role.key), &content));
      }
      if (role.needed && *role.id < 0 && !names_.causal) {
        return Wrong(json_.name, content.empty() ? absl::StrCat("the tokenizer has no ", role.key)
                                                 : absl::StrCat("the vocabulary has no ", content, ", its ", role.key));
      }
    }
    if (names_.causal) {
      ASSIGN_OR_RETURN(const bool adds_bos, json_.Flag("add_bos_token", false));
      special.cls = adds_bos ? bos : kNoId;
      special.sep = special.mask = kNoId;
    }
    if (names_.decodes) {
      special.cls = kNoId;
      special.decoder_start = special.pad;
    }
    const auto more = settings_.find("additional_special_tokens");
    if (more == settings_.end() || more->is_null()) {
      return absl::OkStatus();
    }
    const std::string where = absl::StrCat(Where(from_map_ ? kMap : kConfig), ": additional_special_tokens");
    if (!more->is_array()) {
      return Wrong(where, "expected a list");
    }
    for (const Json& value : *more) {
      std::string content;
      ASSIGN_OR_RETURN(const int64_t id, AddOne(value, /*takes_space=*/false, declared, where, &content));
      if (id < 0) {
        return Wrong(where, absl::StrCat("the vocabulary has no ", Quoted(content)));
      }
    }
    return absl::OkStatus();
  }

  const TokenizerJson& json_;
  const SpecialNames& names_;
  TokenizerParts* parts_;
  Json settings_;
  bool from_map_ = false;                            // whether settings_ include special_tokens_map.json
  absl::flat_hash_map<std::string, int64_t> ids_;    // of pieces
  absl::flat_hash_map<std::string, size_t> places_;  // in parts_->added
};

}  // namespace

absl::StatusOr<TokenizerJson> TokenizerJson::Parse(const TokenizerFiles& files, absl::string_view name) {
  TokenizerJson json;
  json.name = std::string(name);
  for (const char* file : {"config.json", kConfig, kMap, kAdded, kWhole}) {
    const auto found = files.find(file);
    if (found == files.end()) {
      json.files[file] = Json();
      continue;
    }
    ASSIGN_OR_RETURN(Json parsed, ParseJson(found->second, absl::StrCat(name, "/", file)));
    if (!parsed.is_object()) {
      return Wrong(absl::StrCat(name, "/", file), "expected a JSON object");
    }
    json.files[file] = std::move(parsed);
  }
  return json;
}

const Json& TokenizerJson::Get(const char* file) const { return files.at(file); }

bool TokenizerJson::Has(const char* key) const {
  const Json& config = Get(kConfig);
  return config.is_object() && config.contains(key) && !config[key].is_null();
}

absl::StatusOr<bool> TokenizerJson::Flag(const char* key, bool otherwise) const {
  if (!Has(key)) {
    return otherwise;
  }
  const Json& value = Get(kConfig)[key];
  if (!value.is_boolean()) {
    return Wrong(absl::StrCat(name, "/", kConfig), absl::StrCat(key, " must be true or false"));
  }
  return value.get<bool>();
}

absl::Status AddTokens(std::vector<std::string> pieces, const TokenizerJson& json, const SpecialNames& names,
                       TokenizerParts* parts) {
  parts->pieces = std::move(pieces);
  parts->model_pieces = parts->pieces.size();
  return Resolver(json, names, parts).Run();
}

}  // namespace metaprompt
