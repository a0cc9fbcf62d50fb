// Tokenizers that runs train, prompts and answer words, and the text of each error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/prompts/verbalizer.h"
#include "metaprompt/tokenizers/tokenizer.h"
#include "tests/helpers/status_error.h"
#include "tests/helpers/trained_tokenizer.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

TEST(TokenizerTest, ATextIsItsPiecesAndNeverASpecialOne) {
  const Tokenizer& tokenizer = Trained();
  EXPECT_EQ(tokenizer.vocab_size(), 150);
  EXPECT_EQ(tokenizer.files().at(kSentencePieceFile), TrainedBytes());
  EXPECT_EQ(tokenizer.Piece(tokenizer.special().mask), "[MASK]");
  EXPECT_EQ(tokenizer.Piece(tokenizer.special().cls), "[CLS]");
  EXPECT_EQ(tokenizer.Piece(tokenizer.special().sep), "[SEP]");
  EXPECT_EQ(Pieces(tokenizer, tokenizer.Encode("Library  MUSIC")), "▁library ▁music");
  EXPECT_THAT(tokenizer.Encode(""), ElementsAre());
  const SpecialIds special = tokenizer.special();
  const std::string nul("a\0b", 3);
  for (const std::string& text :
       {std::string("[MASK]"), std::string("music [MASK] . [CLS][SEP]"), std::string("\xff\xfe music \x80"), nul,
        std::string("<unk><pad>"), std::string(5000, 'x'), std::string("日本語 🎵 ﬁ")}) {
    const std::vector<int64_t> ids = tokenizer.Encode(text);
    EXPECT_FALSE(ids.empty()) << text;
    for (const int64_t id : ids) {
      EXPECT_GE(id, 0);
      EXPECT_LT(id, tokenizer.vocab_size());
      EXPECT_TRUE(id != special.mask && id != special.cls && id != special.sep) << text;
    }
    EXPECT_EQ(tokenizer.Encode(text), ids);
  }
}

TEST(TokenizerTest, LoadingRejectsWhatIsNoTokenizer) {
  EXPECT_EQ(Error(LoadSentencePiece("", "empty.model")), "empty.model: not a sentencepiece model");
  EXPECT_EQ(Error(LoadSentencePiece("not a protobuf", "text.model")), "text.model: not a sentencepiece model");
  EXPECT_EQ(Error(LoadSentencePiece(TrainedBytes().substr(0, 500), "cut.model")),
            "cut.model: not a sentencepiece model");
  for (const char* piece : {"[MASK]", "[CLS]", "[SEP]"}) {
    std::string renamed = TrainedBytes();
    const size_t at = renamed.find(piece);
    ASSERT_NE(at, std::string::npos);
    renamed[at + 1] = 'X';
    const size_t again = renamed.find(piece, at + 1);  // the trainer's settings in the file name it, too
    if (again != std::string::npos) {
      renamed[again + 1] = 'X';
    }
    EXPECT_EQ(Error(LoadSentencePiece(renamed, "old.model")),
              absl::StrCat("old.model: the sentencepiece model has no piece ", piece));
  }
  EXPECT_THAT(Error(TrainSentencePiece({"a b c", "b c d"}, 1000)),
              StartsWith("model.tokenizer.vocab_size is 1000; sentencepiece's message: "));
}

std::string TemplateError(const std::string& text) { return std::string(CheckTemplate(text).message()); }

TEST(PromptTest, TemplateErrorsSayWhatIsWrong) {
  EXPECT_EQ(TemplateError("{text} is {mask}"), "");
  EXPECT_EQ(TemplateError("<soft:1000>{mask}{text}"), "");
  EXPECT_EQ(TemplateError("a < b {text} is {mask} <softly"),
            "model.prompt.template: '<softly' is not one of {text}, {mask}, <soft> and <soft:N>");
  EXPECT_EQ(TemplateError("{text} is"), "model.prompt.template: {mask} must occur once; it occurs 0 times");
  EXPECT_EQ(TemplateError("{text} {mask} or {mask}"),
            "model.prompt.template: {mask} must occur once; it occurs 2 times");
  EXPECT_EQ(TemplateError(""), "model.prompt.template: {text} must occur once; it occurs 0 times");
  EXPECT_EQ(TemplateError("{mask} {label}"),
            "model.prompt.template: '{label}' is not one of {text}, {mask}, <soft> and <soft:N>; dataset.csv and "
            "dataset.jsonl have fields that name the columns of further texts, such as text_b_column");
  for (const auto& [wrong, meant] :
       {std::make_pair("{txt}", "{text}"), std::make_pair("{masks}", "{mask}"), std::make_pair("{Mask}", "{mask}"),
        std::make_pair("<sof>", "<soft>"), std::make_pair("<Soft>", "<soft>"), std::make_pair("<sort:2>", "<soft>")}) {
    EXPECT_EQ(TemplateError(absl::StrCat("{mask} ", wrong, " {text}")),
              absl::StrCat("model.prompt.template: '", wrong,
                           "' is not one of {text}, {mask}, <soft> and <soft:N>; did you mean ", meant, "?"));
  }
  // These may be words, or special tokens of a checkpoint.
  for (const char* token : {"<s>", "</s>", "<extra_id_1>", "<sep>", "<|endoftext|>", "<unused0>", "< soft", "1 < 2"}) {
    EXPECT_EQ(TemplateError(absl::StrCat("{mask} ", token, " {text}")), "") << token;
  }
  for (const char* slot : {"<soft:0>", "<soft:-2>", "<soft:1001>"}) {
    EXPECT_EQ(TemplateError(absl::StrCat(slot, " {text} {mask}")),
              absl::StrCat("model.prompt.template: ", slot, " must have 1 to 1000 vectors"));
  }
  for (const char* slot : {"<soft:>", "<soft:x>", "<soft3>", "<soft:99999999999999999999>", "<soft"}) {
    EXPECT_EQ(TemplateError(absl::StrCat("{text} {mask} ", slot)),
              absl::StrCat("model.prompt.template: '", slot, "' is not one of {text}, {mask}, <soft> and <soft:N>"));
  }
  PromptSpec spec;
  spec.set_template_("{text} music music music {mask}");
  EXPECT_EQ(Error(PromptTemplate::Create(spec, Trained(), 6)),
            "model.prompt.template: the prompt alone has 6 tokens, and the encoder takes at most 6, so that no text "
            "fits; shorten the prompt");
  EXPECT_TRUE(PromptTemplate::Create(spec, Trained(), 7).ok());
}

TEST(PromptTest, TemplatesInPieces) {
  const auto apply = [](const char* text, int64_t max_tokens) {
    PromptSpec spec;
    spec.set_template_(text);
    const PromptTemplate prompt = *PromptTemplate::Create(spec, Trained(), max_tokens);
    const PromptedText prompted = prompt.Apply(Trained().Encode("game editor mail"));
    return absl::StrCat(prompt.num_soft(), " ", prompted.read_at, ": ", Pieces(Trained(), prompted.ids));
  };
  EXPECT_EQ(apply("{text} music <soft> {mask} .", 20), "1 6: [CLS] ▁game ▁editor ▁mail ▁music <0> [MASK] ▁. [SEP]");
  EXPECT_EQ(apply("<soft:3> {mask} music{text}<soft>", 20),
            "4 4: [CLS] <0> <1> <2> [MASK] ▁music ▁game ▁editor ▁mail <3> [SEP]");
  EXPECT_EQ(apply("{mask}{text}", 5), "0 1: [CLS] [MASK] ▁game ▁editor [SEP]");
  EXPECT_EQ(apply("{text}{mask}", 4), "0 2: [CLS] ▁game [MASK] [SEP]");
}

TEST(PromptTest, OnlyTheTextIsEverCut) {
  for (const char* text : {"{text} music <soft> {mask} .", "music <soft:2> {mask} : {text} . <soft>"}) {
    for (int64_t max_tokens = 10; max_tokens < 15; ++max_tokens) {
      PromptSpec spec;
      spec.set_template_(text);
      const PromptTemplate prompt = *PromptTemplate::Create(spec, Trained(), max_tokens);
      const std::vector<int64_t> alone = prompt.Apply({}).ids;
      for (int64_t length = 0; length < 12; ++length) {
        std::vector<int64_t> words(static_cast<size_t>(length));
        for (int64_t i = 0; i < length; ++i) {
          words[static_cast<size_t>(i)] = 20 + i;
        }
        const PromptedText prompted = prompt.Apply(words);
        const auto used = static_cast<int64_t>(alone.size());
        const int64_t kept = std::min(length, max_tokens - used);
        ASSERT_EQ(prompted.ids.size(), used + kept);
        EXPECT_EQ(prompted.cut, kept < length);
        EXPECT_EQ(prompted.ids[static_cast<size_t>(prompted.read_at)], Trained().special().mask);
        EXPECT_EQ(std::vector<int64_t>(prompted.ids.begin() + prompted.texts.at(0).begin,
                                       prompted.ids.begin() + prompted.texts.at(0).end),
                  std::vector<int64_t>(words.begin(), words.begin() + kept));
        // After removing the kept words, which are the first words and adjacent, only the prompt is left.
        std::vector<int64_t> rest = prompted.ids;
        if (kept > 0) {
          const auto begin = std::search(rest.begin(), rest.end(), words.begin(), words.begin() + kept);
          ASSERT_NE(begin, rest.end());
          rest.erase(begin, begin + kept);
        }
        EXPECT_EQ(rest, alone);
      }
    }
  }
}

TEST(PromptTest, AnswerIdsAreAllPiecesOrTheFirstOfEachWord) {
  VerbalizerSpec spec;
  const auto answer = [&](absl::string_view name) {
    const absl::StatusOr<std::vector<int64_t>> ids = AnswerIds(spec, Trained(), "label", name);
    return ids.ok() ? Pieces(Trained(), *ids) : std::string(ids.status().message());
  };
  const std::string first = Pieces(Trained(), {Trained().Encode("gamexyz")[0]});
  const std::string all = Pieces(Trained(), Trained().Encode("gamexyz"));
  ASSERT_NE(first, all);
  EXPECT_EQ(answer("Music  mail"), "▁music ▁mail");
  EXPECT_EQ(answer("music gamexyz"), absl::StrCat("▁music ", all));
  spec.set_pieces(VerbalizerSpec::FIRST);
  EXPECT_EQ(answer("Music  mail"), "▁music ▁mail");
  EXPECT_EQ(answer("music gamexyz"), absl::StrCat("▁music ", first));
  EXPECT_EQ(answer(" "), "class ' ': its name contains no word");
  EXPECT_THAT(UnknownWords(Trained(), "music \xe2\x98\x83 gamexyz"), ::testing::ElementsAre("\xe2\x98\x83"));
  // The spec's own answers replace those of the name; the answers of another label are not used.
  AnswerSpec& other = *spec.add_answers();
  other.set_label("other");
  other.add_words("mail");
  EXPECT_EQ(answer("music"), "▁music");
  AnswerSpec& own = *spec.add_answers();
  own.set_label("label");
  own.add_words("mail");
  own.add_words("gamexyz music");
  EXPECT_EQ(answer(" "), absl::StrCat("▁mail ", first, " ▁music"));
  spec.set_pieces(VerbalizerSpec::MEAN);
  EXPECT_EQ(answer("music"), absl::StrCat("▁mail ", all, " ▁music"));
  EXPECT_TRUE(CheckAnswers(spec, {"label", "other", "third"}).ok());
  EXPECT_EQ(CheckAnswers(spec, {"label", "third"}).message(),
            "model.verbalizer.answers: no class has the label 'other'");
  *spec.add_answers() = other;
  EXPECT_EQ(CheckAnswers(spec, {"label", "other", "third"}).message(),
            "model.verbalizer.answers: two entries have the label 'other'");
  own.set_words(1, "music \xe2\x98\x83");
  EXPECT_EQ(answer("music"),
            "model.verbalizer.answers: the tokenizer cannot encode '\xe2\x98\x83', an answer of the label 'label'");
  own.set_words(1, "music");
  own.add_words(" ");
  EXPECT_EQ(answer("music"), "model.verbalizer.answers: ' ', for the label 'label', contains no word");
}

}  // namespace
}  // namespace metaprompt
