#include "metaprompt/tokenizers/files/sentencepiece_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/tokenizers/albert_tokenizer.h"
#include "metaprompt/tokenizers/files/unigram_json.h"
#include "metaprompt/tokenizers/files/whole_file.h"
#include "metaprompt/tokenizers/renumbered_sentencepiece.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr SpecialNames kDeberta = {"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]", false};
constexpr SpecialNames kAlbert = {"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]", true};
constexpr SpecialNames kT5 = {"", "</s>", "<unk>", "</s>", "<pad>", "", "<extra_id_0>", true, false, true};

absl::Status Wrong(absl::string_view where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

// The sentencepiece model in a file that must be there, and its pieces. `plain`: without [CLS], [SEP] and [MASK].
absl::StatusOr<std::unique_ptr<Tokenizer>> ModelOf(const char* file, const TokenizerJson& json, bool plain,
                                                   const TokenizerParts& parts, std::vector<std::string>* pieces) {
  const std::string path = absl::StrCat(json.name, "/", file);
  const auto model = parts.files.find(file);
  if (model == parts.files.end()) {
    return Wrong(path, "No such file or directory");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> inner,
                   plain ? LoadPlainSentencePiece(model->second, path) : LoadSentencePiece(model->second, path));
  for (int64_t id = 0; id < inner->vocab_size(); ++id) {
    pieces->push_back(inner->Piece(id));
  }
  return inner;
}

// The model with its own ids.
std::unique_ptr<Tokenizer> WithOwnIds(std::unique_ptr<Tokenizer> inner, TokenizerParts parts) {
  std::vector<int64_t> as_they_are(static_cast<size_t>(inner->vocab_size()));
  std::iota(as_they_are.begin(), as_they_are.end(), 0);
  return MakeRenumberedSentencePiece(std::move(inner), std::move(as_they_are), std::move(parts));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> AlbertTokenizer(const TokenizerJson& json, TokenizerParts parts) {
  std::vector<std::string> pieces;
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> inner, ModelOf(kAlbertModel, json, /*plain=*/false, parts, &pieces));
  AlbertOptions options;
  ASSIGN_OR_RETURN(options.lower_case, json.Flag("do_lower_case", options.lower_case));
  ASSIGN_OR_RETURN(options.remove_space, json.Flag("remove_space", options.remove_space));
  ASSIGN_OR_RETURN(options.keep_accents, json.Flag("keep_accents", options.keep_accents));
  RETURN_IF_ERROR(AddTokens(std::move(pieces), json, kAlbert, &parts));
  return MakeAlbert(std::move(inner), std::move(parts), options);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> FairseqTokenizer(FairseqIds ids, const TokenizerJson& json,
                                                            TokenizerParts parts) {
  const WholeFile whole(json);
  const auto file = parts.files.find(kFairseqModel);
  std::string path = absl::StrCat(json.name, "/", kFairseqModel);
  std::string model;
  if (file != parts.files.end()) {
    model = file->second;
  } else if (whole.exists()) {
    path = whole.where();
    ASSIGN_OR_RETURN(model, SentencePieceFromJson(ids, whole));
  } else {
    return Wrong(json.name, absl::StrCat("neither ", kFairseqModel, " nor tokenizer.json is there"));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> inner, LoadPlainSentencePiece(std::move(model), path));
  ASSIGN_OR_RETURN(std::vector<std::string> pieces, FairseqPieces(ids, *inner, path));
  RETURN_IF_ERROR(AddTokens(std::move(pieces), json, kRoberta, &parts));
  return MakeFairseq(ids, std::move(inner), std::move(parts));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> DebertaTokenizer(const TokenizerJson& json, TokenizerParts parts) {
  for (const char* option : {"do_lower_case", "split_by_punct"}) {
    ASSIGN_OR_RETURN(const bool on, json.Flag(option, false));
    if (on) {
      return Wrong(absl::StrCat(json.name, "/tokenizer_config.json"),
                   absl::StrCat(option, " is true; only tokenizers without it are supported"));
    }
  }
  std::vector<std::string> pieces;
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> inner, ModelOf(kDebertaModel, json, /*plain=*/true, parts, &pieces));
  if (std::find(pieces.begin(), pieces.end(), kDeberta.mask) == pieces.end()) {
    pieces.emplace_back(kDeberta.mask);
  }
  RETURN_IF_ERROR(AddTokens(std::move(pieces), json, kDeberta, &parts));
  return WithOwnIds(std::move(inner), std::move(parts));
}

// The sentinels <extra_id_0>, <extra_id_1>, ... have the last ids, in descending order.
absl::StatusOr<std::unique_ptr<Tokenizer>> T5Tokenizer(const TokenizerJson& json, TokenizerParts parts) {
  std::vector<std::string> pieces;
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> inner, ModelOf(kAlbertModel, json, /*plain=*/true, parts, &pieces));
  const Json& settings = json.Get("tokenizer_config.json");
  const Json extra = settings.is_object() ? settings.value("extra_ids", Json(100U)) : Json(100U);
  if (!extra.is_number_unsigned() || extra.get<uint64_t>() < 1 || extra.get<uint64_t>() > 10000) {
    return Wrong(absl::StrCat(json.name, "/tokenizer_config.json"), "extra_ids must be a whole number from 1 to 10000");
  }
  for (auto left = extra.get<int64_t>(); left > 0; --left) {
    std::string sentinel = absl::StrCat("<extra_id_", left - 1, ">");
    if (std::find(pieces.begin(), pieces.begin() + inner->vocab_size(), sentinel) !=
        pieces.begin() + inner->vocab_size()) {
      return Wrong(absl::StrCat(json.name, "/", kAlbertModel),
                   absl::StrCat("it has the piece ", sentinel, ", which must come after its pieces"));
    }
    pieces.push_back(std::move(sentinel));
  }
  const auto first = static_cast<size_t>(inner->vocab_size());
  const std::vector<std::string> sentinels(pieces.begin() + inner->vocab_size(), pieces.end());
  RETURN_IF_ERROR(AddTokens(std::move(pieces), json, kT5, &parts));
  for (size_t i = 0; i < sentinels.size(); ++i) {
    const bool known = std::any_of(parts.added.begin(), parts.added.end(),
                                   [&](const AddedToken& token) { return token.content == sentinels[i]; });
    if (!known) {
      AddedToken token;
      token.content = sentinels[i];
      token.id = static_cast<int64_t>(first + i);
      token.lstrip = token.rstrip = token.special = true;
      parts.added.push_back(std::move(token));
    }
  }
  return WithOwnIds(std::move(inner), std::move(parts));
}

}  // namespace metaprompt
