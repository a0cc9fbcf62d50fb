#include "metaprompt/tokenizers/tokenizer_folder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/json.h"
#include "metaprompt/base/text.h"
#include "metaprompt/tokenizers/albert_tokenizer.h"
#include "metaprompt/tokenizers/byte_bpe.h"
#include "metaprompt/tokenizers/tokenizer_config.h"
#include "metaprompt/tokenizers/vocabulary_files.h"
#include "metaprompt/tokenizers/wordpiece.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr char kVocabText[] = "vocab.txt";
constexpr char kVocabJson[] = "vocab.json";
constexpr char kMerges[] = "merges.txt";
constexpr char kSentencePiece[] = "spiece.model";
constexpr char kWhole[] = "tokenizer.json";

constexpr SpecialNames kBert = {"", "", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]", false};
constexpr SpecialNames kMpnet = {"<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>", true};
constexpr SpecialNames kRoberta = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>", true};
constexpr SpecialNames kAlbert = {"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]", true};

struct Architecture {
  const char* model_type;
  const char* tokenizer_class;  // of the slow one; the fast one's name has Fast behind it
  const SpecialNames* names;
};

constexpr std::array<Architecture, 5> kArchitectures = {{{"bert", "BertTokenizer", &kBert},
                                                         {"distilbert", "DistilBertTokenizer", &kBert},
                                                         {"mpnet", "MPNetTokenizer", &kMpnet},
                                                         {"roberta", "RobertaTokenizer", &kRoberta},
                                                         {"albert", "AlbertTokenizer", &kAlbert}}};

absl::Status Wrong(absl::string_view where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

absl::StatusOr<const Architecture*> ArchitectureOf(const TokenizerJson& json) {
  const std::string where = absl::StrCat(json.name, "/config.json");
  const Json& config = json.Get("config.json");
  if (config.is_null()) {
    return Wrong(where, "No such file or directory");
  }
  const Json type = config.value("model_type", Json());
  if (!type.is_string()) {
    return Wrong(where, "model_type must be a text");
  }
  const Json& settings = json.Get("tokenizer_config.json");
  const Json named = settings.is_object() ? settings.value("tokenizer_class", Json()) : Json();
  const auto name = type.get<std::string>();
  const Architecture* by_type = nullptr;
  const Architecture* by_class = nullptr;
  for (const Architecture& one : kArchitectures) {
    if (name == one.model_type) {
      by_type = &one;
    }
    if (named.is_string() && absl::StripSuffix(named.get<std::string>(), "Fast") == one.tokenizer_class) {
      by_class = &one;
    }
  }
  if (by_type == nullptr) {
    return Wrong(where, absl::StrCat("model_type ", Quoted(name),
                                     " is not supported; known: bert, distilbert, mpnet, roberta, albert"));
  }
  if (!named.is_null() && by_class == nullptr) {
    return Wrong(absl::StrCat(json.name, "/tokenizer_config.json"),
                 absl::StrCat("tokenizer_class ", named.is_string() ? Quoted(named.get<std::string>()) : "",
                              " is not supported; known: BertTokenizer, DistilBertTokenizer, MPNetTokenizer, "
                              "RobertaTokenizer, AlbertTokenizer"));
  }
  return by_class != nullptr ? by_class : by_type;
}

// tokenizer.json, whose parts must be those that our algorithms are.
class WholeFile {
 public:
  explicit WholeFile(const TokenizerJson& json)
      : json_(json.Get(kWhole)), where_(absl::StrCat(json.name, "/", kWhole)) {}

  bool exists() const { return json_.is_object(); }
  const std::string& where() const { return where_; }
  // A setting of the model, or null.
  Json Model(const char* key) const {
    const Json model = exists() ? json_.value("model", Json()) : Json();
    return model.is_object() ? model.value(key, Json()) : Json();
  }

  absl::Status CheckPart(const char* part, const char* type) const {
    const Json found = json_.value(part, Json());
    const Json is = found.is_object() ? found.value("type", Json()) : Json();
    return type == nullptr ? (found.is_null() ? absl::OkStatus() : Wrong(where_, absl::StrCat(part, " must be null")))
           : is == Json(type) ? absl::OkStatus()
                              : Wrong(where_, absl::StrCat(part, ".type must be ", type));
  }
  // Each setting of a part must be absent, null or one of `allowed`.
  absl::Status CheckSetting(const char* part, const char* key, const std::vector<Json>& allowed) const {
    const Json found = json_.value(part, Json());
    const Json value = found.is_object() ? found.value(key, Json()) : Json();
    if (value.is_null() || std::find(allowed.begin(), allowed.end(), value) != allowed.end()) {
      return absl::OkStatus();
    }
    return Wrong(where_, absl::StrCat(part, ".", key, " is not supported unless it is ", allowed[0].dump()));
  }
  absl::StatusOr<std::vector<std::string>> Pieces() const {
    return VocabJsonPieces(Model("vocab"), absl::StrCat(where_, ": model.vocab"));
  }
  // Two files that both hold the vocabulary must agree.
  absl::Status CheckPieces(const std::vector<std::string>& pieces, const char* file) const {
    if (!exists()) {
      return absl::OkStatus();
    }
    const absl::StatusOr<std::vector<std::string>> own = Pieces();
    if (!own.ok()) {
      return own.status();
    }
    if (own->size() != pieces.size()) {
      return Wrong(where_, absl::StrCat("model.vocab has ", own->size(), " pieces, ", file, " has ", pieces.size()));
    }
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (pieces[i] != (*own)[i]) {
        return Wrong(where_, absl::StrCat("model.vocab has ", Quoted((*own)[i]), " as piece ", i, ", ", file, " has ",
                                          Quoted(pieces[i])));
      }
    }
    return absl::OkStatus();
  }

 private:
  const Json& json_;
  std::string where_;
};

// The first error, or OK.
absl::Status First(std::initializer_list<absl::Status> all) {
  for (const absl::Status& status : all) {
    if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Finish(std::vector<std::string> pieces, const TokenizerJson& json, const SpecialNames& names,
                    TokenizerParts* parts) {
  parts->pieces = std::move(pieces);
  parts->model_pieces = parts->pieces.size();
  return AddTokens(json, names, parts);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> WordPieceOf(const TokenizerJson& json, const SpecialNames& names,
                                                       TokenizerParts parts) {
  const WholeFile whole(json);
  WordPieceOptions options;
  absl::StatusOr<std::vector<std::string>> pieces;
  const auto text = parts.files.find(kVocabText);
  if (text == parts.files.end() && !whole.exists()) {
    return Wrong(json.name, "neither vocab.txt nor tokenizer.json is there");
  }
  if (whole.exists()) {
    const absl::Status status =
        First({whole.CheckPart("model", "WordPiece"), whole.CheckSetting("model", "continuing_subword_prefix", {"##"}),
               whole.CheckPart("normalizer", "BertNormalizer"), whole.CheckSetting("normalizer", "clean_text", {true}),
               whole.CheckPart("pre_tokenizer", "BertPreTokenizer")});
    if (!status.ok()) {
      return status;
    }
    if (const Json most = whole.Model("max_input_chars_per_word"); most.is_number_unsigned()) {
      options.max_word_length = most.get<size_t>();
    }
  }
  if (text != parts.files.end()) {
    pieces = VocabTextPieces(text->second, absl::StrCat(json.name, "/", kVocabText));
    if (const absl::Status status = pieces.ok() ? whole.CheckPieces(*pieces, kVocabText) : pieces.status();
        !status.ok()) {
      return status;
    }
  } else {
    pieces = whole.Pieces();
    if (!pieces.ok()) {
      return pieces.status();
    }
  }
  const absl::StatusOr<bool> lower = json.Flag("do_lower_case", true);
  // Where strip_accents is absent or null, accents go with upper case.
  const absl::StatusOr<bool> strip = lower.ok() ? json.Flag("strip_accents", *lower) : lower;
  const absl::StatusOr<bool> cjk = json.Flag("tokenize_chinese_chars", true);
  const absl::Status status =
      First({lower.status(), strip.status(), cjk.status(), Finish(*std::move(pieces), json, names, &parts)});
  if (!status.ok()) {
    return status;
  }
  options.lower_case = *lower;
  options.strip_accents = *strip;
  options.split_cjk = *cjk;
  return MakeWordPiece(std::move(parts), options);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> ByteBpeOf(const TokenizerJson& json, const SpecialNames& names,
                                                     TokenizerParts parts) {
  const WholeFile whole(json);
  const auto vocab = parts.files.find(kVocabJson);
  const auto merges_text = parts.files.find(kMerges);
  if (!whole.exists()) {
    for (const auto& [found, file] : {std::make_pair(vocab, kVocabJson), std::make_pair(merges_text, kMerges)}) {
      if (found == parts.files.end()) {
        return Wrong(json.name, absl::StrCat("neither ", file, " nor tokenizer.json is there"));
      }
    }
  } else {
    const absl::Status status = First(
        {whole.CheckPart("model", "BPE"), whole.CheckSetting("model", "dropout", {nullptr, 0.0}),
         whole.CheckSetting("model", "continuing_subword_prefix", {""}),
         whole.CheckSetting("model", "end_of_word_suffix", {""}), whole.CheckSetting("model", "byte_fallback", {false}),
         whole.CheckSetting("model", "ignore_merges", {false}), whole.CheckPart("normalizer", nullptr),
         whole.CheckPart("pre_tokenizer", "ByteLevel"), whole.CheckSetting("pre_tokenizer", "use_regex", {true})});
    if (!status.ok()) {
      return status;
    }
  }
  absl::StatusOr<std::vector<std::string>> pieces;
  absl::StatusOr<BpeMerges> merges;
  std::string merges_name;
  size_t first_line = 1;
  if (vocab != parts.files.end() && merges_text != parts.files.end()) {
    const std::string where = absl::StrCat(json.name, "/", kVocabJson);
    const absl::StatusOr<Json> parsed = ParseJson(vocab->second, where);
    pieces = parsed.ok() ? VocabJsonPieces(*parsed, where) : parsed.status();
    if (const absl::Status status = pieces.ok() ? whole.CheckPieces(*pieces, kVocabJson) : pieces.status();
        !status.ok()) {
      return status;
    }
    merges_name = absl::StrCat(json.name, "/", kMerges);
    merges = MergesTextPairs(merges_text->second, merges_name);
    first_line = 2;
  } else {
    pieces = whole.Pieces();
    merges_name = absl::StrCat(whole.where(), ": model.merges");
    merges = MergesJsonPairs(whole.Model("merges"), merges_name);
  }
  ByteBpeOptions options;
  const absl::StatusOr<bool> prefix = json.Flag("add_prefix_space", false);
  const absl::Status status = First({pieces.status(), merges.status(), prefix.status()});
  if (!status.ok()) {
    return status;
  }
  options.add_prefix_space = *prefix;
  if (const absl::Status added = Finish(*std::move(pieces), json, names, &parts); !added.ok()) {
    return added;
  }
  return MakeByteBpe(std::move(parts), *merges, options, merges_name, first_line);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> AlbertOf(const TokenizerJson& json, const SpecialNames& names,
                                                    TokenizerParts parts) {
  const auto model = parts.files.find(kSentencePiece);
  if (model == parts.files.end()) {
    return Wrong(absl::StrCat(json.name, "/", kSentencePiece), "No such file or directory");
  }
  absl::StatusOr<std::unique_ptr<Tokenizer>> inner =
      LoadSentencePiece(model->second, absl::StrCat(json.name, "/", kSentencePiece));
  if (!inner.ok()) {
    return inner.status();
  }
  std::vector<std::string> pieces;
  for (int64_t id = 0; id < (*inner)->vocab_size(); ++id) {
    pieces.push_back((*inner)->Piece(id));
  }
  AlbertOptions options;
  const absl::StatusOr<bool> lower = json.Flag("do_lower_case", options.lower_case);
  const absl::StatusOr<bool> space = json.Flag("remove_space", options.remove_space);
  const absl::StatusOr<bool> accents = json.Flag("keep_accents", options.keep_accents);
  const absl::Status status =
      First({lower.status(), space.status(), accents.status(), Finish(std::move(pieces), json, names, &parts)});
  if (!status.ok()) {
    return status;
  }
  options.lower_case = *lower;
  options.remove_space = *space;
  options.keep_accents = *accents;
  return MakeAlbert(*std::move(inner), std::move(parts), options);
}

}  // namespace

absl::StatusOr<TokenizerFiles> ReadTokenizerFiles(const std::string& folder) {
  if (const absl::Status status = CheckFolder(folder); !status.ok()) {
    return status;
  }
  TokenizerFiles files;
  for (const char* file : {"config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                           kVocabText, kVocabJson, kMerges, kSentencePiece, kWhole}) {
    absl::StatusOr<std::string> bytes = ReadFile(absl::StrCat(folder, "/", file));
    if (bytes.ok()) {
      files[file] = *std::move(bytes);
    } else if (!absl::IsNotFound(bytes.status()) || std::strcmp(file, "config.json") == 0) {
      return bytes.status();
    }
  }
  return files;
}

absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(const TokenizerFiles& files, absl::string_view name) {
  const absl::StatusOr<TokenizerJson> json = TokenizerJson::Parse(files, name);
  if (!json.ok()) {
    return json.status();
  }
  const absl::StatusOr<const Architecture*> architecture = ArchitectureOf(*json);
  if (!architecture.ok()) {
    return architecture.status();
  }
  TokenizerParts parts;
  parts.files = files;
  const SpecialNames& names = *(*architecture)->names;
  if (&names == &kRoberta) {
    return ByteBpeOf(*json, names, std::move(parts));
  }
  if (&names == &kAlbert) {
    return AlbertOf(*json, names, std::move(parts));
  }
  return WordPieceOf(*json, names, std::move(parts));
}

}  // namespace metaprompt
