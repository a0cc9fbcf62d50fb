// Templates of several texts: the place of each text, how texts are cut, and the text of each error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/random.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "metaprompt/tokenizers/tokenizer.h"
#include "tests/helpers/status_error.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

const std::vector<std::string>& Pair() {
  static const auto* const names = new std::vector<std::string>{"text", "text_b"};
  return *names;
}

const Tokenizer& Bert() {
  static const std::string& folder = *new std::string("tests/goldens/encoders/bert");
  static const auto* const tokenizer = MakeTokenizer(ReadTokenizerFiles(folder).value(), folder).value().release();
  return *tokenizer;
}

PromptTemplate TemplateOf(const std::string& text, int64_t max_tokens, const std::vector<std::string>& names) {
  PromptSpec spec;
  spec.set_template_(text);
  return PromptTemplate::Create(spec, Bert(), max_tokens, names).value();
}

// The pieces of an example in a template, with each text in brackets, and the position of the mask.
std::string Filled(const std::string& text, const std::vector<std::string>& example,
                   const std::vector<std::string>& names, int64_t max_tokens = 40) {
  const PromptTemplate prompt = TemplateOf(text, max_tokens, names);
  const PromptedText filled = prompt.Fill(Bert(), JoinTexts(example));
  std::vector<std::string> pieces;
  for (const int64_t id : filled.ids) {
    pieces.push_back(id < 0 ? absl::StrCat("<", -1 - id, ">") : Bert().Piece(id));
  }
  EXPECT_EQ(pieces.at(static_cast<size_t>(filled.read_at)), "[MASK]");
  for (const TextPlace& place : filled.texts) {
    if (place.end > place.begin) {
      pieces[static_cast<size_t>(place.begin)].insert(0, "(");
      pieces[static_cast<size_t>(place.end - 1)] += ")";
    }
  }
  return absl::StrCat(filled.cut ? "cut: " : "", absl::StrJoin(pieces, " "));
}

TEST(PairTemplateTest, TextsStandWhereTheTemplateHasThem) {
  const std::vector<std::string> example = {"the cat", "a dog"};
  EXPECT_EQ(Filled("{text} is <soft> {mask} , {text_b}", example, Pair()),
            "[CLS] (the cat) is <0> [MASK] , (a dog) [SEP]");
  EXPECT_EQ(Filled("{text_b} [SEP] {mask} {text} <soft:2>", example, Pair()),
            "[CLS] (a dog) [SEP] [MASK] (the cat) <0> <1> [SEP]");
  EXPECT_EQ(Filled("{mask}{text_b}{text}", example, Pair()), "[CLS] [MASK] (a dog) (the cat) [SEP]");
  EXPECT_EQ(Filled("{text_b} is {mask}", example, Pair()), "[CLS] (a dog) is [MASK] [SEP]") << "text is not used";
  EXPECT_EQ(Filled("{the title} {mask} {text} {text_b}", {"the cat", "a dog", "two"}, {"text", "text_b", "the title"}),
            "[CLS] (two) [MASK] (the cat) (a dog) [SEP]");
  const PromptedText spelled = TemplateOf("{text} {mask} {text_b}", 40, Pair()).Fill(Bert(), "the [MASK]\t[MASK]");
  EXPECT_EQ(std::count(spelled.ids.begin(), spelled.ids.end(), Bert().special().mask), 1);
  EXPECT_EQ(Filled("{text} {mask} {text_b}", {"one two one two", "the cat"}, Pair(), 7),
            "cut: [CLS] (one two) [MASK] (the cat) [SEP]");
  EXPECT_THAT(UsedNames("{text_b} {mask} {x}", {"text", "x", "text_b"}), ElementsAre("x", "text_b"));
}

// The special tokens of transformers for a pair, and a mask before the last token.
TEST(PairTemplateTest, PairsAreCutAsTransformersCutsThem) {
  const auto pairs = nlohmann::json::parse(ReadFile("tests/goldens/encoders/pairs.json").value());
  int cut = 0;
  for (const auto& pair : pairs) {
    const std::string example = JoinTexts({pair["a"].get<std::string>(), pair["b"].get<std::string>()});
    for (const auto& [max_tokens, expected] : pair["ids"].items()) {
      const PromptTemplate prompt = TemplateOf("{text} [SEP] {text_b} {mask}", std::stoi(max_tokens) + 1, Pair());
      PromptedText filled = prompt.Fill(Bert(), example);
      cut += filled.cut ? 1 : 0;
      EXPECT_EQ(filled.read_at, static_cast<int64_t>(filled.ids.size()) - 2);
      filled.ids.erase(filled.ids.end() - 2);
      EXPECT_THAT(filled.ids, ElementsAreArray(expected.get<std::vector<int64_t>>())) << example << " " << max_tokens;
    }
  }
  EXPECT_GT(cut, 80);
}

// A slow form of the rule: removes one token at a time from the text that is the longest at that moment. If there are
// several, it takes the one that was the shortest at first; if there are still several, the first one.
TEST(PairTemplateTest, TheLongestTextGivesWayFirst) {
  EXPECT_THAT(SharedRoom({9, 3}, 20), ElementsAre(9, 3));
  EXPECT_THAT(SharedRoom({9, 3}, 8), ElementsAre(5, 3));
  EXPECT_THAT(SharedRoom({9, 9, 9}, 8), ElementsAre(2, 3, 3));
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    std::vector<int64_t> lengths(1 + random.Below(4));
    for (int64_t& length : lengths) {
      length = static_cast<int64_t>(random.Below(12));
    }
    const auto texts = static_cast<int64_t>(lengths.size());
    const int64_t room = texts + static_cast<int64_t>(random.Below(20));
    std::vector<int64_t> left = lengths;
    while (std::accumulate(left.begin(), left.end(), int64_t{0}) > room) {
      size_t longest = 0;
      for (size_t t = 1; t < left.size(); ++t) {
        if (left[t] > left[longest] || (left[t] == left[longest] && lengths[t] < lengths[longest])) {
          longest = t;
        }
      }
      --left[longest];
    }
    EXPECT_EQ(SharedRoom(lengths, room), left) << absl::StrJoin(lengths, " ") << ", room " << room;
  }
}

TEST(PairTemplateTest, ErrorsNameThePlaceholders) {
  const auto error = [](const std::string& text, const std::vector<std::string>& names) {
    return std::string(CheckTemplate(text, names).message());
  };
  EXPECT_EQ(error("{text} {mask}", Pair()), "");
  EXPECT_EQ(error("{text_b} {mask}", Pair()), "");
  EXPECT_EQ(error("{text} {mask} {text_c} .", Pair()),
            "model.prompt.template: '{text_c}' is not one of {text}, {text_b}, {mask}, <soft> and <soft:N>; did you "
            "mean {text_b}?");
  EXPECT_EQ(error("{text} {mask} {text_b}", {"text"}),
            "model.prompt.template: '{text_b}' is not one of {text}, {mask}, <soft> and <soft:N>; dataset.csv and "
            "dataset.jsonl have fields that name the columns of further texts, such as text_b_column");
  EXPECT_EQ(error("{mask}", Pair()), "model.prompt.template: none of {text}, {text_b} occurs; one or more must");
  EXPECT_EQ(error("{text_b} {mask} {text_b}", Pair()),
            "model.prompt.template: {text_b} must occur once; it occurs 2 times");
  EXPECT_EQ(error("{text} {text_b}", Pair()), "model.prompt.template: {mask} must occur once; it occurs 0 times");
  PromptSpec spec;
  spec.set_template_("{text} is {mask} , {text_b}");
  EXPECT_EQ(Error(PromptTemplate::Create(spec, Bert(), 6, Pair())),
            "model.prompt.template: the prompt alone has 5 tokens, and the encoder takes at most 6, so that no text "
            "fits; shorten the prompt");
  EXPECT_TRUE(PromptTemplate::Create(spec, Bert(), 7, Pair()).ok());
}

}  // namespace
}  // namespace metaprompt
