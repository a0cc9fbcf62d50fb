#include "metaprompt/prompts/prompt_template.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/nearest_name.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/prompts/framing.h"

namespace metaprompt {
namespace {

struct Part {
  enum Kind { kWords, kText, kMask, kSoft } kind;
  std::string words;          // with one space before them if the template has spaces there
  int64_t count = 0;          // number of soft vectors
  size_t place = 0;           // index of a text's name in the list of names
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

// If `text` begins with a name in braces, removes it and returns the index of the name. Otherwise returns nothing.
std::optional<size_t> ConsumeName(absl::string_view* text, const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (absl::ConsumePrefix(text, absl::StrCat("{", names[i], "}"))) {
      return i;
    }
  }
  return std::nullopt;
}

std::string InBraces(const std::vector<std::string>& names) {
  return absl::StrJoin(names, ", ",
                       [](std::string* out, const std::string& name) { absl::StrAppend(out, "{", name, "}"); });
}

// Whether `text` begins with something like <sof> or <Soft:2>. The other words in angle brackets may be special tokens
// of a checkpoint, such as <s>.
bool IsAlmostSoft(absl::string_view text) {
  const size_t end = text.find('>');
  if (text[0] != '<' || end == absl::string_view::npos) {
    return false;
  }
  const absl::string_view name = text.substr(1, end - 1);
  return name.size() > 2 && !NearestName(name.substr(0, name.find(':')), {"soft"}).empty();
}

// The error for a slot at the start of `text` that is not one of the known ones.
absl::Status UnknownSlot(absl::string_view text, const std::vector<std::string>& names) {
  const bool braced = text[0] == '{';
  const size_t closing = braced || IsAlmostSoft(text) ? text.find(braced ? '}' : '>') : absl::string_view::npos;
  const size_t length = closing == absl::string_view::npos ? text.find(' ') : closing + 1;
  std::vector<std::string> known = names;
  known.emplace_back("mask");
  const std::string meant = braced ? NearestName(absl::StripSuffix(text.substr(1, length - 1), "}"), known) : "";
  std::string hint;
  if (!meant.empty()) {
    hint = absl::StrCat("; did you mean {", meant, "}?");
  } else if (braced && names.size() == 1) {
    hint = "; dataset.csv and dataset.jsonl have fields that name the columns of further texts, such as text_b_column";
  } else if (!absl::StartsWith(text, "<soft") && !braced) {
    hint = "; did you mean <soft>?";
  }
  return TemplateError(absl::StrCat("'", text.substr(0, length), "' is not one of ", InBraces(names),
                                    ", {mask}, <soft> and <soft:N>", hint));
}

// Checks how often each text and the mask occur.
absl::Status CheckCounts(const std::vector<Part>& parts, const std::vector<std::string>& names) {
  std::vector<int> texts(names.size(), 0);
  int masks = 0;
  for (const Part& part : parts) {
    masks += part.kind == Part::kMask ? 1 : 0;
    texts[part.place] += part.kind == Part::kText ? 1 : 0;
  }
  const bool none = std::count(texts.begin(), texts.end(), 0) == static_cast<std::ptrdiff_t>(texts.size());
  if (none && names.size() > 1) {
    return TemplateError(absl::StrCat("none of ", InBraces(names), " occurs; one or more must"));
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (none || texts[i] > 1) {
      return TemplateError(absl::StrCat("{", names[i], "} must occur once; it occurs ", texts[i], " times"));
    }
  }
  return masks == 1 ? absl::OkStatus()
                    : TemplateError(absl::StrCat("{mask} must occur once; it occurs ", masks, " times"));
}

absl::StatusOr<std::vector<Part>> ParseTemplate(absl::string_view text, const std::vector<std::string>& names) {
  std::vector<Part> parts;
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
    if (const std::optional<size_t> name = ConsumeName(&text, names); name.has_value()) {
      const bool space = end_words();
      parts.push_back(Part{Part::kText, "", 0, *name, space});
    } else if (absl::ConsumePrefix(&text, "{mask}")) {
      end_words();
      parts.push_back(Part{Part::kMask, ""});
    } else if (const size_t length = SoftSlot(text, &count); length > 0) {
      if (count < 1 || count > 1000) {
        return TemplateError(absl::StrCat(text.substr(0, length), " must have 1 to 1000 vectors"));
      }
      end_words();
      parts.push_back(Part{Part::kSoft, "", count});
      text.remove_prefix(length);
    } else if (text[0] == '{' || absl::StartsWith(text, "<soft") || IsAlmostSoft(text)) {
      return UnknownSlot(text, names);
    } else {
      words.push_back(text[0]);
      text.remove_prefix(1);
    }
  }
  end_words();
  RETURN_IF_ERROR(CheckCounts(parts, names));
  return parts;
}

}  // namespace

absl::Status CheckTemplate(absl::string_view text, const std::vector<std::string>& names) {
  return ParseTemplate(text, names).status();
}

std::vector<std::string> UsedNames(absl::string_view text, const std::vector<std::string>& names) {
  const absl::StatusOr<std::vector<Part>> parts = ParseTemplate(text, names);
  if (!parts.ok()) {
    return names;
  }
  std::vector<std::string> used;
  for (size_t i = 0; i < names.size(); ++i) {
    if (std::any_of(parts->begin(), parts->end(),
                    [&](const Part& part) { return part.kind == Part::kText && part.place == i; })) {
      used.push_back(names[i]);
    }
  }
  return used;
}

std::vector<int64_t> SharedRoom(const std::vector<int64_t>& lengths, int64_t room) {
  std::vector<size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return lengths[a] < lengths[b]; });
  std::vector<int64_t> kept = lengths;
  for (size_t i = 0; i < order.size(); ++i) {  // the longer texts share the room that a short text leaves
    const int64_t share = room / static_cast<int64_t>(order.size() - i);
    kept[order[i]] = std::min(lengths[order[i]], share);
    room -= kept[order[i]];
  }
  return kept;
}

absl::StatusOr<PromptTemplate> PromptTemplate::Create(const PromptSpec& spec, const Tokenizer& tokenizer,
                                                      int64_t max_tokens, const std::vector<std::string>& names) {
  const Framing framing = FramingOf(tokenizer);
  ASSIGN_OR_RETURN(const std::vector<Part> parts, ParseTemplate(spec.template_(), names));
  PromptTemplate result;
  result.names_ = names;
  result.decoder_ = framing.decoder;
  const bool has_slot = framing.read == Framing::Read::kSlot;
  if (!has_slot && parts.back().kind != Part::kMask) {
    return TemplateError("{mask} must be the end of the template: a causal model continues a text");
  }
  result.words_.push_back(framing.before);
  for (const Part& part : parts) {
    std::vector<int64_t>& ids = result.words_.back();
    switch (part.kind) {
      case Part::kText:
        result.slots_.push_back(Slot{part.place, part.space_before ? " " : ""});
        result.words_.emplace_back();
        break;
      case Part::kMask:
        result.mask_words_ = result.words_.size() - 1;
        result.mask_ = static_cast<int64_t>(ids.size()) - (has_slot ? 0 : 1);
        if (has_slot) {
          ids.push_back(framing.slot);
        }
        break;
      case Part::kSoft:
        for (int64_t i = 0; i < part.count; ++i) {
          ids.push_back(-1 - result.num_soft_++);
        }
        break;
      case Part::kWords:
        for (const int64_t id : tokenizer.EncodeWithSpecial(part.words)) {
          ids.push_back(id);
        }
        break;
    }
  }
  result.words_.back().insert(result.words_.back().end(), framing.after.begin(), framing.after.end());
  int64_t used = 0;
  for (const std::vector<int64_t>& words : result.words_) {
    used += static_cast<int64_t>(words.size());
  }
  if (used == 0) {
    return TemplateError(
        "a causal model reads the answer at a token before {mask}, and an empty text has none; write a word, a special "
        "token of the checkpoint or <soft> into the template");
  }
  result.max_text_ = max_tokens - used;
  if (result.max_text_ < static_cast<int64_t>(result.slots_.size())) {
    return TemplateError(absl::StrCat("the prompt alone has ", used, " tokens, and the encoder takes at most ",
                                      max_tokens, ", so that no text fits; shorten the prompt"));
  }
  return result;
}

PromptedText PromptTemplate::Fill(const Tokenizer& tokenizer, absl::string_view example) const {
  const std::vector<absl::string_view> texts =
      names_.size() == 1 ? std::vector<absl::string_view>{example} : SplitTexts(example);
  TORCH_CHECK(texts.size() == names_.size(), "PromptTemplate::Fill: an example of ", texts.size(), " texts; ",
              names_.size(), " are expected");
  std::vector<std::vector<int64_t>> ids;
  ids.reserve(slots_.size());
  for (const Slot& slot : slots_) {
    ids.push_back(tokenizer.Encode(absl::StrCat(slot.prefix, texts[slot.place])));
  }
  return Assemble(ids);
}

PromptedText PromptTemplate::Apply(const std::vector<int64_t>& text) const { return Assemble({text}); }

PromptedText PromptTemplate::Assemble(const std::vector<std::vector<int64_t>>& texts) const {
  TORCH_CHECK(texts.size() == slots_.size(), "PromptTemplate::Assemble: ", texts.size(), " texts; the template has ",
              slots_.size());
  std::vector<int64_t> lengths;
  lengths.reserve(texts.size());
  for (const std::vector<int64_t>& text : texts) {
    lengths.push_back(static_cast<int64_t>(text.size()));
  }
  const std::vector<int64_t> kept = SharedRoom(lengths, max_text_);
  PromptedText prompted;
  prompted.cut = kept != lengths;
  prompted.texts.reserve(texts.size());
  for (size_t i = 0; i < words_.size(); ++i) {
    const auto begin = static_cast<int64_t>(prompted.ids.size());
    prompted.read_at = i == mask_words_ ? begin + mask_ : prompted.read_at;
    prompted.ids.insert(prompted.ids.end(), words_[i].begin(), words_[i].end());
    if (i < texts.size()) {
      const auto text_begin = static_cast<int64_t>(prompted.ids.size());
      prompted.ids.insert(prompted.ids.end(), texts[i].begin(), texts[i].begin() + kept[i]);
      prompted.texts.push_back(TextPlace{text_begin, text_begin + kept[i]});
    }
  }
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
