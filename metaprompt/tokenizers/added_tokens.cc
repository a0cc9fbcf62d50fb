#include "metaprompt/tokenizers/added_tokens.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.content.size() > b.content.size(); });
  for (const AddedToken& token : tokens_) {
    starts_[static_cast<unsigned char>(token.content[0])] = true;
  }
}

const AddedToken* AddedTokens::At(absl::string_view rest) const {
  for (const AddedToken& token : tokens_) {
    if (absl::StartsWith(rest, token.content)) {
      return &token;
    }
  }
  return nullptr;
}

std::vector<TextPart> AddedTokens::Split(absl::string_view text) const {
  std::vector<TextPart> parts;
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    const AddedToken* token = nullptr;
    if (!starts_[static_cast<unsigned char>(text[at])] || (token = At(text.substr(at))) == nullptr) {
      ++at;
      continue;
    }
    size_t begin = at;
    size_t end = at + token->content.size();
    at = end;  // the search continues here, even if the token is rejected
    size_t next = end;
    if (token->single_word && ((begin > 0 && IsWordCharacter(CharacterBefore(text, begin))) ||
                               (end < text.size() && IsWordCharacter(NextCharacter(text, &next))))) {
      continue;
    }
    if (token->lstrip) {
      begin = std::max(done, WithoutTrailingSpace(text.substr(0, begin)).size());
    }
    if (token->rstrip) {
      end = text.size() - WithoutLeadingSpace(text.substr(end)).size();
    }
    if (done < begin) {
      parts.push_back({-1, text.substr(done, begin - done)});
    }
    parts.push_back({token->id, text.substr(begin, end - begin)});
    done = end;
  }
  if (done < text.size()) {
    parts.push_back({-1, text.substr(done)});
  }
  return parts;
}

}  // namespace metaprompt
