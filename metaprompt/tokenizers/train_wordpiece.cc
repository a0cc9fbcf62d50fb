#include "metaprompt/tokenizers/train_wordpiece.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr char kStart[] = "\xE2\x96\x81";  // U+2581, by which sentencepiece marks the start of a word

bool IsOneCharacter(absl::string_view piece) {
  size_t characters = 0;
  for (const char byte : piece) {
    characters += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80 ? 1 : 0;
  }
  return characters == 1;
}

// The pieces of the vocabulary, made from those of a sentencepiece model.
std::vector<std::string> BertPieces(const Tokenizer& trained, size_t size) {
  std::vector<std::string> pieces = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  const int64_t first = static_cast<int64_t>(pieces.size());
  std::set<std::string> known(pieces.begin(), pieces.end());
  const auto add = [&](const std::string& piece) {
    if (known.insert(piece).second) {
      pieces.push_back(piece);
    }
  };
  for (int64_t id = first; id < trained.vocab_size(); ++id) {
    if (const std::string piece = trained.Piece(id); IsOneCharacter(piece) && piece != kStart) {
      add(piece);
      add("##" + piece);
    }
  }
  for (int64_t id = first; id < trained.vocab_size() && pieces.size() < size; ++id) {
    const std::string piece = trained.Piece(id);
    if (absl::StartsWith(piece, kStart)) {
      if (piece != kStart) {
        add(std::string(absl::StripPrefix(piece, kStart)));
      }
    } else {
      add("##" + piece);
    }
  }
  return pieces;
}

}  // namespace

absl::StatusOr<TokenizerFiles> TrainWordPiece(const std::vector<std::string>& texts, int size,
                                              const WordPieceOptions& options, absl::string_view field) {
  const BertWords words(options);
  std::vector<std::string> spaced;
  spaced.reserve(texts.size());
  for (const std::string& text : texts) {
    std::string line;
    words.ForEach(words.Normalized(text), [&](absl::string_view word) {
      if (word.size() <= options.max_word_length) {
        absl::StrAppend(&line, line.empty() ? "" : " ", word);
      }
    });
    if (!line.empty()) {
      spaced.push_back(std::move(line));
    }
  }
  ASSIGN_OR_RETURN(std::string model, TrainSentencePiece(spaced, size, "identity", field));
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> trained, LoadPlainSentencePiece(std::move(model), field));
  const std::vector<std::string> pieces = BertPieces(*trained, static_cast<size_t>(size));
  if (pieces.size() > static_cast<size_t>(size)) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " is ", size, "; the characters of the texts alone need ", pieces.size(), " pieces"));
  }
  return BertTokenizerFiles(options, absl::StrJoin(pieces, "\n") + "\n");
}

TokenizerFiles BertTokenizerFiles(const WordPieceOptions& options, std::string vocabulary) {
  nlohmann::json settings;
  settings["tokenizer_class"] = "BertTokenizer";
  settings["do_lower_case"] = options.lower_case;
  settings["strip_accents"] = options.strip_accents;
  settings["tokenize_chinese_chars"] = options.split_cjk;
  return {{"config.json", "{\"model_type\": \"bert\"}\n"},
          {"tokenizer_config.json", settings.dump(2) + "\n"},
          {"vocab.txt", std::move(vocabulary)}};
}

}  // namespace metaprompt
