#include "metaprompt/prompts/prompt_template.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/text.h"
#include "metaprompt/prompts/framing.h"

namespace metaprompt {
namespace {

struct Part {
  enum Kind { kWords, kText, kMask, kSoft } kind;
  std::string words;          // with one space before them if the template has spaces there
  int64_t count = 0;          // number of soft vectors
  bool space_before = false;  // whether a space precedes the text
};

absl::Status TemplateError(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("model.prompt.template: ", what));
}

// If `text` begins with `<soft>` or `<soft:N>`, returns the length of that slot and sets `count` to N, or to 1.
// Otherwise returns 0.
size_t SoftSlot(absl::string_view text, int64_t* count) {
  absl::string_view rest = text;
  if (!absl::ConsumePrefix(&rest, "<soft")) {
    return 0;
  }
  const size_t end = rest.find('>');
  if (end == absl::string_view::npos) {
    return 0;
  }
  *count = 1;
  if (end > 0 && (rest[0] != ':' || !absl::SimpleAtoi(rest.substr(1, end - 1), count))) {
    return 0;
  }
  return text.size() - rest.size() + end + 1;
}

absl::StatusOr<std::vector<Part>> ParseTemplate(absl::string_view text) {
  std::vector<Part> parts;
  int texts = 0;
  int masks = 0;
  std::string words;
  const auto is_space = [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); };
  // Ends the current words, if there are any. Returns whether a space precedes the next part.
  const auto end_words = [&] {
    const bool space = !words.empty() && is_space(words.back());
    if (const absl::string_view bare = absl::StripAsciiWhitespace(words); !bare.empty()) {
      parts.push_back(Part{Part::kWords, absl::StrCat(is_space(words[0]) ? " " : "", bare)});
    }
    words.clear();
    return space;
  };
  while (!text.empty()) {
    int64_t count = 0;
    if (absl::ConsumePrefix(&text, "{text}")) {
      const bool space = end_words();
      parts.push_back(Part{Part::kText, "", 0, space});
      ++texts;
    } else if (absl::ConsumePrefix(&text, "{mask}")) {
      end_words();
      parts.push_back(Part{Part::kMask, ""});
      ++masks;
    } else if (const size_t length = SoftSlot(text, &count); length > 0) {
      if (count < 1 || count > 1000) {
        return TemplateError(absl::StrCat(text.substr(0, length), " must have 1 to 1000 vectors"));
      }
      end_words();
      parts.push_back(Part{Part::kSoft, "", count});
      text.remove_prefix(length);
    } else if (text[0] == '{' || absl::StartsWith(text, "<soft")) {
      return TemplateError(
          absl::StrCat("'", text.substr(0, text.find(' ')), "' is not one of {text}, {mask}, <soft> and <soft:N>"));
    } else {
      words.push_back(text[0]);
      text.remove_prefix(1);
    }
  }
  end_words();
  if (texts != 1 || masks != 1) {
    return TemplateError(absl::StrCat(texts != 1 ? "{text}" : "{mask}", " must occur once; it occurs ",
                                      texts != 1 ? texts : masks, " times"));
  }
  return parts;
}

}  // namespace

absl::Status CheckTemplate(absl::string_view text) { return ParseTemplate(text).status(); }

absl::StatusOr<PromptTemplate> PromptTemplate::Create(const PromptSpec& spec, const Tokenizer& tokenizer,
                                                      int64_t max_tokens) {
  const Framing framing = FramingOf(tokenizer);
  absl::StatusOr<std::vector<Part>> parts = ParseTemplate(spec.template_());
  if (!parts.ok()) {
    return parts.status();
  }
  PromptTemplate result;
  result.before_ = framing.before;
  std::vector<int64_t>* ids = &result.before_;
  for (const Part& part : *parts) {
    switch (part.kind) {
      case Part::kText:
        ids = &result.after_;
        result.text_prefix_ = part.space_before ? " " : "";
        break;
      case Part::kMask:
        result.mask_ = static_cast<int64_t>((ids == &result.after_ ? result.before_.size() : 0) + ids->size());
        ids->push_back(framing.slot);
        break;
      case Part::kSoft:
        for (int64_t i = 0; i < part.count; ++i) {
          ids->push_back(-1 - result.num_soft_++);
        }
        break;
      case Part::kWords:
        for (const int64_t id : tokenizer.EncodeWithSpecial(part.words)) {
          ids->push_back(id);
        }
        break;
    }
  }
  result.after_.insert(result.after_.end(), framing.after.begin(), framing.after.end());
  const auto used = static_cast<int64_t>(result.before_.size() + result.after_.size());
  result.max_text_ = max_tokens - used;
  if (result.max_text_ < 1) {
    return TemplateError(absl::StrCat("the prompt alone has ", used, " tokens, and the encoder takes at most ",
                                      max_tokens, ", so that no text fits; shorten the prompt"));
  }
  return result;
}

PromptedText PromptTemplate::Apply(const std::vector<int64_t>& text) const {
  const auto length = std::min(static_cast<int64_t>(text.size()), max_text_);
  const auto before = static_cast<int64_t>(before_.size());
  PromptedText prompted;
  prompted.ids.reserve(before_.size() + static_cast<size_t>(length) + after_.size());
  prompted.ids = before_;
  prompted.ids.insert(prompted.ids.end(), text.begin(), text.begin() + length);
  prompted.ids.insert(prompted.ids.end(), after_.begin(), after_.end());
  prompted.text_begin = before;
  prompted.text_end = before + length;
  prompted.read_at = mask_ < before ? mask_ : mask_ + length;
  return prompted;
}

absl::StatusOr<std::vector<std::vector<int64_t>>> InitWordIds(const PromptSpec& spec, const Tokenizer& tokenizer,
                                                              int64_t num_soft) {
  std::vector<std::vector<int64_t>> ids;
  for (absl::string_view word : absl::StrSplit(spec.init_words(), ' ', absl::SkipWhitespace())) {
    ids.push_back(tokenizer.Encode(absl::StrCat(" ", word)));
    if (ids.back().empty() ||
        std::find(ids.back().begin(), ids.back().end(), tokenizer.special().unk) != ids.back().end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("model.prompt.init_words: the tokenizer cannot encode ", Quoted(word)));
    }
  }
  if (ids.size() == 1) {
    ids.resize(static_cast<size_t>(num_soft), std::vector<int64_t>(ids[0]));
  }
  if (!spec.init_words().empty() && static_cast<int64_t>(ids.size()) != num_soft) {
    return absl::InvalidArgumentError(absl::StrCat("model.prompt.init_words has ", ids.size(),
                                                   " words; the template has ", num_soft,
                                                   " soft vectors: give one word for all, or one word per vector"));
  }
  return ids;
}

}  // namespace metaprompt
