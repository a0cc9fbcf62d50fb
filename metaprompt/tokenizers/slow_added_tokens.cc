#include "metaprompt/tokenizers/slow_added_tokens.h"

#include <utility>

#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

absl::string_view Stripped(absl::string_view text, bool left, bool right) {
  for (size_t at = 0; left && !text.empty() && IsPythonSpace(NextCharacter(text, &at)); at = 0) {
    text.remove_prefix(at);
  }
  while (right && !text.empty() && IsPythonSpace(CharacterBefore(text, text.size()))) {
    while ((static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80) {
      text.remove_suffix(1);
    }
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

SlowAddedTokens::SlowAddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::vector<AddedToken> plain;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    by_content_.emplace(tokens_[i].content, i);
    plain.emplace_back();
    plain.back().content = tokens_[i].content;
    plain.back().id = tokens_[i].id;
  }
  plain_ = AddedTokens(std::move(plain));
}

std::vector<SlowAddedTokens::Part> SlowAddedTokens::Split(absl::string_view text) const {
  std::vector<std::string> texts;
  for (const TextPart& part : plain_.Split(text)) {
    texts.emplace_back(part.text);
  }
  ApplyFlags(&texts);
  std::vector<Part> parts;
  for (std::string& one : texts) {
    if (const auto token = by_content_.find(one); token != by_content_.end()) {
      parts.push_back({tokens_[token->second].id, std::move(one)});
    } else if (!one.empty()) {
      parts.push_back({-1, std::move(one)});
    }
  }
  return parts;
}

// In the same order as the Python code.
std::vector<int64_t> SlowAddedTokens::Encode(
    absl::string_view text, absl::FunctionRef<void(absl::string_view, std::vector<int64_t>*)> append) const {
  std::vector<int64_t> ids;
  for (const Part& part : Split(text)) {
    if (part.id >= 0) {
      ids.push_back(part.id);
    } else {
      append(part.text, &ids);
    }
  }
  return ids;
}

void SlowAddedTokens::ApplyFlags(std::vector<std::string>* parts) const {
  for (size_t i = 0; i < parts->size(); ++i) {
    const auto found = by_content_.find((*parts)[i]);
    if (found == by_content_.end()) {
      continue;
    }
    const AddedToken& token = tokens_[found->second];
    std::string* const left = i > 0 && !(*parts)[i - 1].empty() ? &(*parts)[i - 1] : nullptr;
    std::string* const right = i + 1 < parts->size() && !(*parts)[i + 1].empty() ? &(*parts)[i + 1] : nullptr;
    // Before white space is stripped.
    const bool word_left = left != nullptr && left->back() != ' ';
    const bool word_right = right != nullptr && right->front() != ' ';
    if (token.rstrip && right != nullptr) {
      *right = std::string(Stripped(*right, /*left=*/true, /*right=*/false));
    }
    if (token.lstrip && left != nullptr) {
      *left = std::string(Stripped(*left, /*left=*/false, /*right=*/true));
    }
    if (token.single_word && word_left) {
      *left += token.content;
      (*parts)[i].clear();
    } else if (token.single_word && word_right) {
      *right = token.content + *right;
      (*parts)[i].clear();
    }
  }
}

}  // namespace metaprompt
