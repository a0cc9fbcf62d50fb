#include "metaprompt/tokenizers/files/tokenizer_folder.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/json.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/tokenizers/byte_bpe.h"
#include "metaprompt/tokenizers/files/sentencepiece_folder.h"
#include "metaprompt/tokenizers/files/tokenizer_config.h"
#include "metaprompt/tokenizers/files/vocabulary_files.h"
#include "metaprompt/tokenizers/files/whole_file.h"
#include "metaprompt/tokenizers/llama_words.h"
#include "metaprompt/tokenizers/wordpiece.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr char kVocabText[] = "vocab.txt";
constexpr char kVocabJson[] = "vocab.json";
constexpr char kMerges[] = "merges.txt";
constexpr char kWhole[] = "tokenizer.json";

constexpr SpecialNames kBert = {"", "", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]", false};
constexpr SpecialNames kMpnet = {"<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>", true};
constexpr SpecialNames kLlama = {"", "", "", "", "", "", "", false, true};
constexpr SpecialNames kGpt2 = {"<|endoftext|>", "<|endoftext|>", "<|endoftext|>", "", "", "", "", false, true};

absl::Status Wrong(absl::string_view where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

// "BertTokenizer, DistilBertTokenizer, ...", without duplicates.
std::string KnownClasses() {
  std::vector<absl::string_view> classes;
  for (const Architecture& architecture : Architectures()) {
    if (architecture.tokenizer != TokenizerKind::kNone &&
        std::find(classes.begin(), classes.end(), architecture.tokenizer_class) == classes.end()) {
      classes.push_back(architecture.tokenizer_class);
    }
  }
  return absl::StrJoin(classes, ", ");
}

// The kind of tokenizer, by tokenizer_class in tokenizer_config.json or, if it is missing, by model_type in
// config.json.
absl::StatusOr<TokenizerKind> KindOf(const TokenizerJson& json) {
  const std::string where = absl::StrCat(json.name, "/config.json");
  const Json& config = json.Get("config.json");
  if (config.is_null()) {
    return Wrong(where, "No such file or directory");
  }
  const Json type = config.value("model_type", Json());
  if (!type.is_string()) {
    return Wrong(where, "model_type must be a text");
  }
  const Architecture* by_type = FindArchitecture(type.get_ref<const std::string&>());
  if (by_type == nullptr) {
    const std::string known = absl::StrJoin(
        Architectures(), ", ", [](std::string* out, const Architecture& one) { absl::StrAppend(out, one.model_type); });
    return Wrong(where, absl::StrCat("model_type ", Quoted(type.get_ref<const std::string&>()),
                                     " is not supported; known: ", known));
  }
  const Json& settings = json.Get("tokenizer_config.json");
  const Json named = settings.is_object() ? settings.value("tokenizer_class", Json()) : Json();
  if (named.is_null()) {
    return by_type->tokenizer;
  }
  const std::string name = named.is_string() ? named.get<std::string>() : "";
  if (name == "PreTrainedTokenizerFast" || name == "TokenizersBackend") {  // any tokenizer.json may have these
    return by_type->tokenizer;
  }
  for (const Architecture& architecture : Architectures()) {
    if (architecture.tokenizer != TokenizerKind::kNone &&
        absl::StripSuffix(name, "Fast") == architecture.tokenizer_class) {
      return architecture.tokenizer;
    }
  }
  return Wrong(absl::StrCat(json.name, "/tokenizer_config.json"),
               absl::StrCat("tokenizer_class ", named.is_string() ? Quoted(name) : "",
                            " is not supported; known: ", KnownClasses()));
}

// If texts are lower-cased, pieces with capitals never occur. So a vocabulary with many of them is probably that of a
// cased model, and the folder must have a value for do_lower_case.
absl::Status CheckCase(const TokenizerJson& json, const std::vector<std::string>& pieces) {
  if (json.Has("do_lower_case")) {
    return absl::OkStatus();
  }
  const auto is_cased = [](const std::string& piece) {
    return !absl::StartsWith(piece, "[") && std::any_of(piece.begin(), piece.end(), [](char c) {
      return absl::ascii_isupper(static_cast<unsigned char>(c));
    });
  };
  const auto cased = std::count_if(pieces.begin(), pieces.end(), is_cased);
  if (cased <= static_cast<std::ptrdiff_t>(10 + pieces.size() / 100)) {
    return absl::OkStatus();
  }
  return Wrong(json.name,
               absl::StrCat("the vocabulary has ", cased, " pieces with capitals, such as ",
                            Quoted(*std::find_if(pieces.begin(), pieces.end(), is_cased)),
                            ", but no file specifies whether texts are lower-cased; put \"do_lower_case\": false "
                            "(for a cased model) or true into tokenizer_config.json"));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> WordPieceOf(const TokenizerJson& json, const SpecialNames& names,
                                                       TokenizerParts parts) {
  const WholeFile whole(json);
  WordPieceOptions options;
  const auto text = parts.files.find(kVocabText);
  if (text == parts.files.end() && !whole.exists()) {
    return Wrong(json.name, "neither vocab.txt nor tokenizer.json is there");
  }
  if (whole.exists()) {
    RETURN_IF_ERROR(whole.CheckPart("model", "WordPiece"));
    RETURN_IF_ERROR(whole.CheckSetting("model", "continuing_subword_prefix", {"##"}));
    RETURN_IF_ERROR(whole.CheckPart("normalizer", "BertNormalizer"));
    RETURN_IF_ERROR(whole.CheckSetting("normalizer", "clean_text", {true}));
    RETURN_IF_ERROR(whole.CheckPart("pre_tokenizer", "BertPreTokenizer"));
    if (const Json& most = whole.Model("max_input_chars_per_word"); most.is_number_unsigned()) {
      options.max_word_length = most.get<size_t>();
    }
  }
  std::vector<std::string> pieces;
  if (text != parts.files.end()) {
    ASSIGN_OR_RETURN(pieces, VocabTextPieces(text->second, absl::StrCat(json.name, "/", kVocabText)));
    RETURN_IF_ERROR(whole.CheckPieces(pieces, kVocabText));
  } else {
    ASSIGN_OR_RETURN(pieces, whole.Pieces());
  }
  RETURN_IF_ERROR(CheckCase(json, pieces));
  ASSIGN_OR_RETURN(options.lower_case, json.Flag("do_lower_case", true));
  // If strip_accents is missing or null, accents are removed if texts are lower-cased.
  ASSIGN_OR_RETURN(options.strip_accents, json.Flag("strip_accents", options.lower_case));
  ASSIGN_OR_RETURN(options.split_cjk, json.Flag("tokenize_chinese_chars", true));
  RETURN_IF_ERROR(AddTokens(std::move(pieces), json, names, &parts));
  return MakeWordPiece(std::move(parts), options);
}

// The first part of this type in a sequence of parts. If `part` is not a sequence, `part` itself if it has this type.
// Otherwise null.
Json PartOfType(const Json& part, const char* list, const char* type) {
  if (part.is_object() && part.value("type", Json()) == "Sequence" && part.value(list, Json()).is_array()) {
    for (const Json& one : part[list]) {
      if (one.is_object() && one.value("type", Json()) == type) {
        return one;
      }
    }
    return Json();
  }
  return part.is_object() && part.value("type", Json()) == type ? part : Json();
}

// Sets the options for splitting texts into words, from the tokenizer.json of a Llama or Qwen2.
absl::Status ReadLlamaWords(const WholeFile& whole, ByteBpeOptions* options) {
  const Json& cut = whole.Part("pre_tokenizer");
  const Json split = PartOfType(cut, "pretokenizers", "Split");
  const Json bytes = PartOfType(cut, "pretokenizers", "ByteLevel");
  const bool known = split.is_object() && bytes.is_object() && cut["pretokenizers"].size() == 2 &&
                     split.value("behavior", Json()) == "Isolated" && split.value("invert", Json()) == false &&
                     bytes.value("use_regex", Json()) == false && bytes.value("add_prefix_space", Json()) == false;
  const Json pattern = known ? split.value("pattern", Json()) : Json();
  const Json regex = pattern.is_object() ? pattern.value("Regex", Json()) : Json();
  options->llama_digits = regex == kLlama3Pattern ? 3 : regex == kQwen2Pattern ? 1 : 0;
  return options->llama_digits > 0
             ? absl::OkStatus()
             : Wrong(whole.where(), "pre_tokenizer must cut texts as Llama 3 or Qwen2 does, by Split and ByteLevel");
}

// The tokens that tokenizer.json puts around every text.
struct Around {
  std::vector<std::string> before;
  std::vector<std::string> after;
};

// `pieces`: the vocabulary, in which each token must have the id that the file gives it.
absl::StatusOr<Around> TokensAround(const WholeFile& whole, const std::vector<std::string>& pieces) {
  const Json& part = whole.Part("post_processor");
  const bool sequence = part.is_object() && part.value("type", Json()) == "Sequence";
  const Json list = sequence ? part.value("processors", Json()) : part.is_null() ? Json::array() : Json::array({part});
  Json added;
  for (const Json& one : list) {
    const Json type = one.is_object() ? one.value("type", Json()) : Json();
    if (type == "TemplateProcessing" && added.is_null()) {
      added = one;
    } else if (type != "ByteLevel") {
      return Wrong(whole.where(), "post_processor must be one TemplateProcessing, beside ByteLevel, or null");
    }
  }
  const Json single = added.is_object() ? added.value("single", Json()) : Json();
  const Json tokens = added.is_object() ? added.value("special_tokens", Json()) : Json();
  Around around;
  bool text = false;
  for (const Json& one : single.is_array() ? single : Json::array()) {
    const Json token = one.is_object() ? one.value("SpecialToken", Json()) : Json();
    if (!token.is_object()) {
      text = true;
      continue;
    }
    const Json name = token.value("id", Json());
    const Json of_name =
        name.is_string() && tokens.is_object() ? tokens.value(name.get<std::string>(), Json()) : Json();
    const auto found =
        name.is_string() ? std::find(pieces.begin(), pieces.end(), name.get<std::string>()) : pieces.end();
    if (found == pieces.end() || !of_name.is_object() ||
        of_name.value("ids", Json()) != Json::array({found - pieces.begin()})) {
      return Wrong(whole.where(), absl::StrCat("post_processor: ", name.dump(),
                                               " must be a token of the vocabulary, with its id in special_tokens"));
    }
    (text ? around.after : around.before).push_back(*found);
  }
  return around;
}

// Checks the tokens around a text, or for Llama and Qwen2, which may have none, sets the one before it.
absl::Status ReadTokensAround(const WholeFile& whole, bool llama, TokenizerParts* parts) {
  ASSIGN_OR_RETURN(const Around around, TokensAround(whole, parts->pieces));
  if (llama) {
    if (around.before.size() > 1 || !around.after.empty()) {
      return Wrong(whole.where(), "post_processor may put one token before a text, and none after it");
    }
    const auto found =
        std::find(parts->pieces.begin(), parts->pieces.end(), around.before.empty() ? std::string() : around.before[0]);
    parts->special.cls = around.before.empty() ? -1 : found - parts->pieces.begin();
    return absl::OkStatus();
  }
  const auto piece = [&](int64_t id) { return parts->pieces[static_cast<size_t>(id)]; };
  const std::string cls = piece(parts->special.cls);
  const std::string sep = piece(parts->special.sep);
  return around.before == std::vector<std::string>{cls} && around.after == std::vector<std::string>{sep}
             ? absl::OkStatus()
             : Wrong(whole.where(),
                     absl::StrCat("post_processor must put ", cls, " before a text and ", sep, " after it"));
}

absl::Status CheckByteBpe(const WholeFile& whole, ByteBpeOptions* options) {
  RETURN_IF_ERROR(whole.CheckPart("model", "BPE"));
  RETURN_IF_ERROR(whole.CheckSetting("model", "dropout", {nullptr, 0.0}));
  RETURN_IF_ERROR(whole.CheckSetting("model", "continuing_subword_prefix", {""}));
  RETURN_IF_ERROR(whole.CheckSetting("model", "end_of_word_suffix", {""}));
  RETURN_IF_ERROR(whole.CheckSetting("model", "byte_fallback", {false}));
  if (options->llama_digits == 0) {
    RETURN_IF_ERROR(whole.CheckSetting("model", "ignore_merges", {false}));
  }
  if (!whole.Part("normalizer").is_null()) {
    RETURN_IF_ERROR(whole.CheckPart("normalizer", "NFC"));
  }
  if (options->llama_digits > 0) {
    options->ignore_merges = whole.Model("ignore_merges") == true;
    return ReadLlamaWords(whole, options);
  }
  RETURN_IF_ERROR(whole.CheckPart("pre_tokenizer", "ByteLevel"));
  return whole.CheckSetting("pre_tokenizer", "use_regex", {true});
}

absl::StatusOr<std::unique_ptr<Tokenizer>> ByteBpeOf(const TokenizerJson& json, const SpecialNames& names,
                                                     TokenizerParts parts, ByteBpeOptions options = {}) {
  const WholeFile whole(json);
  const bool llama = options.llama_digits > 0;
  // Where transformers has no class for the tokenizer, tokenizer.json alone counts.
  const bool by_whole = whole.exists() && (options.added_words || options.llama_digits == 3);
  const auto vocab = parts.files.find(kVocabJson);
  const auto merges_text = parts.files.find(kMerges);
  if (whole.exists()) {
    RETURN_IF_ERROR(CheckByteBpe(whole, &options));
  } else {
    for (const auto& [found, file] : {std::make_pair(vocab, kVocabJson), std::make_pair(merges_text, kMerges)}) {
      if (found == parts.files.end()) {
        return Wrong(json.name, absl::StrCat("neither ", file, " nor tokenizer.json is there"));
      }
    }
  }
  std::vector<std::string> pieces;
  BpeMerges merges;
  std::string merges_name;
  size_t first_line = 1;
  if (vocab != parts.files.end() && merges_text != parts.files.end()) {
    const std::string where = absl::StrCat(json.name, "/", kVocabJson);
    ASSIGN_OR_RETURN(const Json parsed, ParseJson(vocab->second, where));
    ASSIGN_OR_RETURN(pieces, VocabJsonPieces(parsed, where));
    RETURN_IF_ERROR(whole.CheckPieces(pieces, kVocabJson));
    merges_name = absl::StrCat(json.name, "/", kMerges);
    ASSIGN_OR_RETURN(merges, MergesTextPairs(merges_text->second, merges_name));
    first_line = 2;
  } else {
    ASSIGN_OR_RETURN(pieces, whole.Pieces());
    merges_name = absl::StrCat(whole.where(), ": model.merges");
    ASSIGN_OR_RETURN(merges, MergesJsonPairs(whole.Model("merges"), merges_name));
  }
  options.compose = whole.exists() ? !whole.Part("normalizer").is_null() : options.compose;
  if (by_whole) {
    const Json bytes = PartOfType(whole.Part("pre_tokenizer"), "pretokenizers", "ByteLevel");
    options.add_prefix_space = bytes.is_object() && bytes.value("add_prefix_space", Json()) == true;
  } else {
    ASSIGN_OR_RETURN(options.add_prefix_space, json.Flag("add_prefix_space", false));
  }
  RETURN_IF_ERROR(AddTokens(std::move(pieces), json, names, &parts));
  if (whole.exists() && (llama || options.added_words)) {
    RETURN_IF_ERROR(ReadTokensAround(whole, llama, &parts));
  } else if (llama) {
    parts.special.cls = -1;
  }
  return MakeByteBpe(std::move(parts), merges, options, merges_name, first_line);
}

// Whether there is no file with the vocabulary of a published tokenizer.
bool LacksVocabulary(const TokenizerFiles& files) {
  return std::none_of(files.begin(), files.end(), [](const auto& file) {
    const std::string& name = file.first;
    return name == kVocabText || name == kVocabJson || name == kAlbertModel || name == kDebertaModel ||
           name == kFairseqModel || name == kWhole;
  });
}

// The tokenizer of this kind.
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeKind(TokenizerKind kind, const TokenizerJson& json,
                                                    const TokenizerFiles& files) {
  TokenizerParts parts;
  parts.files = files;
  switch (kind) {
    case TokenizerKind::kWordPiece:
      return WordPieceOf(json, kBert, std::move(parts));
    case TokenizerKind::kMpnetWordPiece:
      return WordPieceOf(json, kMpnet, std::move(parts));
    case TokenizerKind::kByteBpe:
      return ByteBpeOf(json, kRoberta, std::move(parts));
    case TokenizerKind::kModernByteBpe: {
      ByteBpeOptions options;
      options.added_words = true;
      return ByteBpeOf(json, kBert, std::move(parts), options);
    }
    case TokenizerKind::kGpt2ByteBpe:
      return ByteBpeOf(json, kGpt2, std::move(parts));
    case TokenizerKind::kLlamaByteBpe:
    case TokenizerKind::kQwen2ByteBpe: {
      ByteBpeOptions options;
      options.llama_digits = kind == TokenizerKind::kQwen2ByteBpe ? 1 : 3;
      // The default; tokenizer.json has this setting.
      options.compose = kind == TokenizerKind::kQwen2ByteBpe;
      return ByteBpeOf(json, kLlama, std::move(parts), options);
    }
    case TokenizerKind::kAlbertSentencePiece:
      return AlbertTokenizer(json, std::move(parts));
    case TokenizerKind::kDebertaSentencePiece:
      return DebertaTokenizer(json, std::move(parts));
    case TokenizerKind::kFairseqSentencePiece:
      return FairseqTokenizer(FairseqIds::kXlmRoberta, json, std::move(parts));
    case TokenizerKind::kCamembertSentencePiece:
      return FairseqTokenizer(FairseqIds::kCamembert, json, std::move(parts));
    case TokenizerKind::kT5SentencePiece:
      return T5Tokenizer(json, std::move(parts));
    case TokenizerKind::kNone:
      return Wrong(absl::StrCat(json.name, "/config.json"), "this encoder reads images; it has no tokenizer for texts");
  }
  return absl::InternalError("no such kind of tokenizer");
}

// An error if config.json has more than twice as many ids as the tokenizer has pieces: vocabularies may be padded to a
// round number, but not to twice their size.
absl::Status CheckNotCut(const TokenizerJson& json, const Tokenizer& tokenizer) {
  const Json& config = json.Get("config.json");
  const auto size = config.find("vocab_size");
  if (size == config.end() || !size->is_number_integer() || size->get<int64_t>() / 2 <= tokenizer.vocab_size()) {
    return absl::OkStatus();
  }
  return Wrong(json.name,
               absl::StrCat("the tokenizer has ", tokenizer.vocab_size(), " pieces, but config.json's vocab_size is ",
                            size->get<int64_t>(), "; the vocabulary is cut short or another checkpoint's"));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> Made(const TokenizerFiles& files, absl::string_view name) {
  if (const auto trained = files.find(kSentencePieceFile); trained != files.end() && LacksVocabulary(files)) {
    return LoadSentencePiece(trained->second, absl::StrCat(name, "/", kSentencePieceFile));
  }
  ASSIGN_OR_RETURN(const TokenizerJson json, TokenizerJson::Parse(files, name));
  ASSIGN_OR_RETURN(const TokenizerKind kind, KindOf(json));
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, MakeKind(kind, json, files));
  RETURN_IF_ERROR(CheckNotCut(json, *tokenizer));
  return tokenizer;
}

}  // namespace

absl::StatusOr<TokenizerFiles> ReadTokenizerFiles(const std::string& folder) {
  RETURN_IF_ERROR(CheckFolder(folder));
  TokenizerFiles files;
  for (const char* file : {"config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                           kVocabText, kVocabJson, kMerges, kAlbertModel, kDebertaModel, kFairseqModel, kWhole}) {
    absl::StatusOr<std::string> bytes = ReadFile(absl::StrCat(folder, "/", file));
    if (bytes.ok()) {
      files[file] = *std::move(bytes);
    } else if (!absl::IsNotFound(bytes.status()) || std::strcmp(file, "config.json") == 0) {
      return bytes.status();
    }
  }
  if (LacksVocabulary(files)) {
    absl::StatusOr<std::string> bytes = ReadFile(absl::StrCat(folder, "/", kSentencePieceFile));
    if (bytes.ok()) {
      files[kSentencePieceFile] = *std::move(bytes);
    } else if (!absl::IsNotFound(bytes.status())) {
      return bytes.status();
    }
  }
  return files;
}

absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(const TokenizerFiles& files, absl::string_view name) {
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = Made(files, name);
  for (auto file = files.begin(); file != files.end() && !tokenizer.ok(); ++file) {
    if (const std::string cause = LikelyCause(file->second); !cause.empty()) {
      const absl::Status& error = tokenizer.status();
      return absl::Status(error.code(), absl::StrCat(error.message(), "\n", name, "/", file->first, ": ", cause));
    }
  }
  return tokenizer;
}

}  // namespace metaprompt
