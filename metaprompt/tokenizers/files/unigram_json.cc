#include "metaprompt/tokenizers/files/unigram_json.h"

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr size_t kUnknown = 3;

// Fields of a protocol buffer are written by hand, because the program does not link sentencepiece's messages.
void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7U) {
    out->push_back(static_cast<char>(value | 0x80U));
  }
  out->push_back(static_cast<char>(value));
}

void AppendNumber(int field, uint64_t value, std::string* out) {
  AppendVarint(static_cast<uint64_t>(field) << 3U, out);
  AppendVarint(value, out);
}

void AppendFloat(int field, float value, std::string* out) {
  AppendVarint(static_cast<uint64_t>(field) << 3U | 5U, out);
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out->push_back(static_cast<char>(bits >> shift & 0xFFU));
  }
}

void AppendBytes(int field, absl::string_view bytes, std::string* out) {
  AppendVarint(static_cast<uint64_t>(field) << 3U | 2U, out);
  AppendVarint(bytes.size(), out);
  out->append(bytes.data(), bytes.size());
}

// In sentencepiece_model.proto, ModelProto has the pieces in field 1, the trainer's spec in 2 and the normalizer's in
// 3.
enum class PieceType { kNormal = 1, kUnknown = 2, kControl = 3 };

void AppendPiece(absl::string_view piece, float score, PieceType type, std::string* model) {
  std::string message;
  AppendBytes(1, piece, &message);
  AppendFloat(2, score, &message);
  AppendNumber(3, static_cast<uint64_t>(type), &message);
  AppendBytes(1, message, model);
}

absl::Status Wrong(const WholeFile& whole, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(whole.where(), ": ", what));
}

// The steps of a part. The part is a single step, an object with a list of steps under `key`, or null (no steps).
std::vector<Json> Steps(const Json& part, const char* key) {
  if (part.is_null()) {
    return {};
  }
  const Json steps = part.is_object() ? part.value(key, Json()) : Json();
  return steps.is_array() ? steps.get<std::vector<Json>>() : std::vector<Json>{part};
}

std::string TypeOf(const Json& step) {
  const Json type = step.is_object() ? step.value("type", Json()) : Json();
  return type.is_string() ? type.get<std::string>() : "";
}

// The character map of the normalizer; empty if there is none. The other steps of the normalizer treat white space as
// sentencepiece does anyway.
absl::StatusOr<std::string> CharacterMap(const WholeFile& whole) {
  std::string map;
  for (const Json& step : Steps(whole.Part("normalizer"), "normalizers")) {
    const std::string type = TypeOf(step);
    if (type == "Precompiled") {
      const Json bytes = step.value("precompiled_charsmap", Json());
      if (!bytes.is_string() || !absl::Base64Unescape(bytes.get_ref<const std::string&>(), &map)) {
        return Wrong(whole, "normalizer: precompiled_charsmap must be text in base 64");
      }
    } else if (type != "Strip" && type != "Replace") {
      return Wrong(whole, absl::StrCat("normalizer: ", Quoted(type), " is not Precompiled, Strip or Replace"));
    }
  }
  return map;
}

absl::Status CheckWords(const WholeFile& whole) {
  bool spaces = false;
  for (const Json& step : Steps(whole.Part("pre_tokenizer"), "pretokenizers")) {
    spaces = spaces || TypeOf(step) == "Metaspace";
    if (TypeOf(step) != "Metaspace" && TypeOf(step) != "WhitespaceSplit") {
      return Wrong(whole,
                   absl::StrCat("pre_tokenizer: ", Quoted(TypeOf(step)), " is not WhitespaceSplit or Metaspace"));
    }
  }
  return spaces ? absl::OkStatus() : Wrong(whole, "pre_tokenizer must have a Metaspace");
}

}  // namespace

absl::StatusOr<std::string> SentencePieceFromJson(FairseqIds ids, const WholeFile& whole) {
  const std::vector<std::string> first = FairseqFirst(ids);
  RETURN_IF_ERROR(whole.CheckPart("model", "Unigram"));
  RETURN_IF_ERROR(whole.CheckSetting("model", "unk_id", {kUnknown}));
  RETURN_IF_ERROR(whole.CheckSetting("model", "byte_fallback", {false}));
  RETURN_IF_ERROR(CheckWords(whole));
  ASSIGN_OR_RETURN(const std::string map, CharacterMap(whole));
  const Json& vocab = whole.Model("vocab");
  if (!vocab.is_array() || vocab.size() <= first.size()) {
    return Wrong(whole, "model.vocab must be a list of pieces with their scores");
  }
  // The model's first pieces, and then the pieces after FairseqFirst. The last one, <mask>, is fairseq's and left out.
  std::string model;
  AppendPiece("<unk>", 0, PieceType::kUnknown, &model);
  AppendPiece("<s>", 0, PieceType::kControl, &model);
  AppendPiece("</s>", 0, PieceType::kControl, &model);
  for (size_t i = 0; i < vocab.size(); ++i) {
    const Json& entry = vocab[i];
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      return Wrong(whole, absl::StrCat("model.vocab: entry ", i, " must be a piece and its score"));
    }
    const auto& piece = entry[0].get_ref<const std::string&>();
    const char* expected = i < first.size() ? first[i].c_str() : i + 1 == vocab.size() ? "<mask>" : nullptr;
    if (expected == nullptr) {
      AppendPiece(piece, entry[1].get<float>(), PieceType::kNormal, &model);
    } else if (piece != expected) {
      return Wrong(whole, absl::StrCat("model.vocab: piece ", i, " must be ", expected, ", not ", Quoted(piece)));
    }
  }
  std::string trainer;
  AppendNumber(3, 1, &trainer);  // model_type: UNIGRAM
  AppendBytes(2, trainer, &model);
  std::string normalizer;
  AppendBytes(1, "tokenizer.json", &normalizer);
  AppendBytes(2, map, &normalizer);
  AppendBytes(3, normalizer, &model);
  return model;
}

}  // namespace metaprompt
