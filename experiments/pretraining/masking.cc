#include "experiments/pretraining/masking.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"

namespace metaprompt {

Masking::Masking(const MaskedSpec& spec, const Tokenizer& tokenizer)
    : spec_(spec), special_(tokenizer.special()), vocab_size_(tokenizer.vocab_size()) {
  std::vector<bool> continues(static_cast<size_t>(vocab_size_));
  for (int64_t id = 0; id < vocab_size_; ++id) {
    continues[static_cast<size_t>(id)] = absl::StartsWith(tokenizer.Piece(id), "##");
    marks_words_ = marks_words_ || continues[static_cast<size_t>(id)];
  }
  if (spec.whole_words()) {
    continues_ = std::move(continues);
  }
}

MaskedTokens Masking::Apply(absl::Span<const int32_t> ids, Random* random) const {
  struct Word {
    size_t first;
    size_t count;
  };
  MaskedTokens masked;
  masked.ids.assign(ids.begin(), ids.end());
  std::vector<Word> words;
  size_t tokens = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (IsSpecial(ids[i])) {
      continue;
    }
    ++tokens;
    const bool continues = !continues_.empty() && continues_[static_cast<size_t>(ids[i])] && !words.empty() &&
                           words.back().first + words.back().count == i;
    if (continues) {
      ++words.back().count;
    } else {
      words.push_back({i, 1});
    }
  }
  if (tokens == 0) {
    return masked;
  }
  const size_t wanted =
      std::max<size_t>(1, static_cast<size_t>(std::lround(spec_.share() * static_cast<double>(tokens))));
  random->PartialShuffle(words.size(), &words);
  size_t chosen = 0;
  for (const Word& word : words) {
    // The first word is always taken. Otherwise a text of one long word would have nothing to predict.
    if (chosen > 0 && chosen + word.count > wanted) {
      continue;
    }
    for (size_t i = word.first; i < word.first + word.count; ++i) {
      masked.places.push_back(static_cast<int64_t>(i));
    }
    chosen += word.count;
    if (chosen >= wanted) {
      break;
    }
  }
  std::sort(masked.places.begin(), masked.places.end());
  for (const int64_t place : masked.places) {
    int64_t& id = masked.ids[static_cast<size_t>(place)];
    masked.labels.push_back(id);
    const double draw = random->Uniform();
    if (draw < spec_.as_mask()) {
      id = special_.mask;
    } else if (draw < spec_.as_mask() + spec_.as_random()) {
      id = static_cast<int64_t>(random->Below(static_cast<uint64_t>(vocab_size_)));
    }
  }
  return masked;
}

MaskedTokens Masking::MaskOne(absl::Span<const int32_t> ids, int64_t place) const {
  MaskedTokens masked;
  masked.ids.assign(ids.begin(), ids.end());
  masked.places = {place};
  masked.labels = {masked.ids[static_cast<size_t>(place)]};
  masked.ids[static_cast<size_t>(place)] = special_.mask;
  return masked;
}

}  // namespace metaprompt
