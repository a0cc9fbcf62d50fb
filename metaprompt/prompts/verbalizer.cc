#include "metaprompt/prompts/verbalizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

absl::Status AnswersError(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("model.verbalizer.answers: ", what));
}

}  // namespace

absl::Status CheckAnswers(const VerbalizerSpec& spec, const std::set<std::string>& labels) {
  std::set<std::string> seen;
  for (const AnswerSpec& answer : spec.answers()) {
    if (labels.count(answer.label()) == 0) {
      return AnswersError(absl::StrCat("no class has the label ", Quoted(answer.label())));
    }
    if (!seen.insert(answer.label()).second) {
      return AnswersError(absl::StrCat("two entries have the label ", Quoted(answer.label())));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> UnknownWords(const Tokenizer& tokenizer, absl::string_view text) {
  std::vector<std::string> unknown;
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipWhitespace())) {
    const std::vector<int64_t> pieces = tokenizer.Encode(absl::StrCat(" ", word));
    if (std::all_of(pieces.begin(), pieces.end(), [&](int64_t id) {
          // Before unknown characters, sentencepiece returns its word mark.
          return id == tokenizer.special().unk || tokenizer.Piece(id) == "\xe2\x96\x81";
        })) {
      unknown.emplace_back(word);
    }
  }
  return unknown;
}

namespace {

absl::Status UnknownWord(absl::string_view word, absl::string_view label) {
  return AnswersError(
      absl::StrCat("the tokenizer cannot encode ", Quoted(word), ", an answer of the label ", Quoted(label)));
}

absl::StatusOr<std::vector<int64_t>> SequenceIds(const VerbalizerSpec& spec, const Tokenizer& tokenizer,
                                                 absl::string_view label, absl::string_view class_name) {
  absl::string_view answer = class_name;
  for (const AnswerSpec& one : spec.answers()) {
    if (one.label() != label) {
      continue;
    }
    if (one.words_size() > 1) {
      return AnswersError(absl::StrCat("the label ", Quoted(label), " has ", one.words_size(),
                                       " answers; with model.verbalizer.kind SEQUENCE a class has one"));
    }
    answer = one.words(0);
    if (const std::vector<std::string> unknown = UnknownWords(tokenizer, answer); !unknown.empty()) {
      return UnknownWord(unknown[0], label);
    }
  }
  const std::string words = absl::StrJoin(absl::StrSplit(answer, ' ', absl::SkipWhitespace()), " ");
  std::vector<int64_t> ids = words.empty() ? std::vector<int64_t>() : tokenizer.Encode(absl::StrCat(" ", words));
  if (ids.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("class '", class_name, "': its answer contains no word"));
  }
  if (static_cast<int64_t>(ids.size()) > spec.sequence().max_tokens()) {
    return absl::InvalidArgumentError(absl::StrCat("class '", class_name, "': its answer has ", ids.size(),
                                                   " tokens; model.verbalizer.sequence.max_tokens is ",
                                                   spec.sequence().max_tokens()));
  }
  return ids;
}

}  // namespace

std::vector<int64_t> SeparatorIds(const VerbalizerSpec& spec, const Tokenizer& tokenizer) {
  return spec.kind() == VerbalizerSpec::SEQUENCE ? tokenizer.Encode(spec.sequence().separator())
                                                 : std::vector<int64_t>();
}

absl::StatusOr<std::vector<int64_t>> AnswerIds(const VerbalizerSpec& spec, const Tokenizer& tokenizer,
                                               absl::string_view label, absl::string_view class_name) {
  if (spec.kind() == VerbalizerSpec::SEQUENCE) {
    return SequenceIds(spec, tokenizer, label, class_name);
  }
  std::vector<int64_t> ids;
  const auto add_words = [&](absl::string_view text) {
    const size_t before = ids.size();
    for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipWhitespace())) {
      const std::vector<int64_t> pieces = tokenizer.Encode(absl::StrCat(" ", word));
      const size_t count = spec.pieces() == VerbalizerSpec::FIRST ? std::min<size_t>(1, pieces.size()) : pieces.size();
      ids.insert(ids.end(), pieces.begin(), pieces.begin() + static_cast<int64_t>(count));
    }
    return ids.size() > before;
  };
  for (const AnswerSpec& answer : spec.answers()) {
    if (answer.label() != label) {
      continue;
    }
    for (const std::string& words : answer.words()) {
      if (!add_words(words)) {
        return AnswersError(absl::StrCat(Quoted(words), ", for the label ", Quoted(label), ", contains no word"));
      }
      if (const std::vector<std::string> unknown = UnknownWords(tokenizer, words); !unknown.empty()) {
        return UnknownWord(unknown[0], label);
      }
    }
  }
  if (ids.empty()) {
    add_words(class_name);
  }
  if (ids.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("class '", class_name, "': its name contains no word"));
  }
  return ids;
}

std::optional<std::pair<size_t, size_t>> FirstSameAnswers(const VerbalizerSpec& spec,
                                                          const std::vector<std::vector<int64_t>>& ids_of_classes) {
  std::map<std::vector<int64_t>, size_t> seen;  // from sorted answer ids to the first class that has them
  for (size_t c = 0; c < ids_of_classes.size(); ++c) {
    std::vector<int64_t> ids = ids_of_classes[c];
    if (spec.kind() != VerbalizerSpec::SEQUENCE) {
      std::sort(ids.begin(), ids.end());
    }
    const auto [place, is_new] = seen.try_emplace(std::move(ids), c);
    if (!is_new) {
      return std::make_pair(place->second, c);
    }
  }
  return std::nullopt;
}

Answers PackAnswers(const std::vector<std::vector<int64_t>>& ids_of, at::ScalarType dtype) {
  size_t most_words = 0;
  for (const std::vector<int64_t>& ids : ids_of) {
    most_words = std::max(most_words, ids.size());
  }
  const auto ways = static_cast<int64_t>(ids_of.size());
  const auto words = static_cast<int64_t>(most_words);
  Answers answers;
  answers.ids = at::empty({ways, words}, at::kLong);
  answers.weights = at::zeros({ways, words}, at::TensorOptions().dtype(dtype));
  for (int64_t w = 0; w < ways; ++w) {
    const std::vector<int64_t>& ids = ids_of[static_cast<size_t>(w)];
    auto* row = answers.ids.data_ptr<int64_t>() + w * words;
    for (size_t k = 0; k < most_words; ++k) {
      row[k] = ids[std::min(k, ids.size() - 1)];
    }
    answers.weights.select(0, w)
        .narrow(0, 0, static_cast<int64_t>(ids.size()))
        .fill_(1.0 / static_cast<double>(ids.size()));
  }
  return answers;
}

}  // namespace metaprompt
