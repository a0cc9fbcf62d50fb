// Selecting rows of batches, with packed texts and with points.
#include "metaprompt/model/batch.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "metaprompt/base/random.h"
#include "metaprompt/prompts/pack_texts.h"

namespace metaprompt {
namespace {

constexpr int64_t kSoft = 2;

// Texts of these lengths with two soft vectors, and the mask at different positions.
std::vector<PromptedText> RandomTexts(const std::vector<int64_t>& lengths, int64_t vocab, Random* random) {
  std::vector<PromptedText> texts;
  for (const int64_t length : lengths) {
    PromptedText text;
    for (int64_t t = 0; t < length; ++t) {
      text.ids.push_back(static_cast<int64_t>(random->Below(static_cast<uint64_t>(vocab))));
    }
    text.ids[1] = -1;
    text.ids[3] = -2;
    text.read_at = texts.size() % 2 == 0 ? 2 : length - 1;
    texts.push_back(std::move(text));
  }
  return texts;
}

Answers TwoAnswers(at::ScalarType type) {
  return {at::tensor({7, 8, 9, 9}, at::kLong).view({2, 2}), at::tensor({0.5, 0.5, 1.0, 0.0}, type).view({2, 2})};
}

TEST(SelectRowsTest, GivesTheBatchOfThoseRows) {
  Random random(9);
  std::vector<PromptedText> texts = RandomTexts({5, 12, 7, 7, 9}, 30, &random);
  const int64_t uncounted = texts[0].ids[4];
  texts[2].ids[5] = uncounted;
  const std::vector<int64_t> labels = {1, 0, 2, 1, 0};
  const auto pack = [&](const std::vector<PromptedText>& of, const std::vector<int64_t>& labels_of_rows,
                        const Answers& answers, const std::vector<int64_t>& repeats) {
    Batch batch = PackBatch(of, labels_of_rows, answers, repeats);
    batch.inputs = PackTexts(of, answers, uncounted);
    return batch;
  };
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const Answers answers = TwoAnswers(type);
    const Batch batch = pack(texts, labels, answers, {});
    // The same with the third text three times: rows 2 to 4.
    const std::vector<int64_t> text_of = {0, 1, 2, 2, 2, 3, 4};
    const std::vector<int64_t> labels_of = {1, 0, 2, 2, 2, 1, 0};
    const Batch repeated = pack(texts, labels_of, answers, text_of);
    EXPECT_EQ(RowsOf(repeated), 7);
    EXPECT_EQ(CountOf(repeated.inputs), 5);
    struct Case {
      bool of_repeated;
      std::vector<int64_t> rows;
      std::vector<int64_t> texts;
      std::vector<int64_t> repeats;  // none: each text once
    };
    for (const Case& one : {Case{false, {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}, {}},
                            {false, {3, 2}, {3, 2}, {}},
                            {false, {4, 0, 2}, {4, 0, 2}, {}},
                            {false, {0}, {0}, {}},
                            {false, {2, 4, 2}, {2, 4}, {0, 1, 0}},
                            {true, {0, 1, 2, 5, 6}, {0, 1, 2, 3, 4}, {}},
                            {true, {4, 6, 3, 2, 0}, {2, 4, 0}, {0, 1, 0, 0, 2}}}) {
      std::vector<PromptedText> chosen;
      for (const int64_t text : one.texts) {
        chosen.push_back(texts[static_cast<size_t>(text)]);
      }
      std::vector<int64_t> chosen_labels;
      for (const int64_t row : one.rows) {
        chosen_labels.push_back((one.of_repeated ? labels_of : labels)[static_cast<size_t>(row)]);
      }
      const Batch expected = pack(chosen, chosen_labels, answers, one.repeats);
      const Batch found = SelectRows(one.of_repeated ? repeated : batch, one.rows);
      ASSERT_EQ(found.repeats.defined(), !one.repeats.empty());
      EXPECT_TRUE(one.repeats.empty() || at::equal(found.repeats, expected.repeats));
      EXPECT_EQ(found.tasks, 1);
      EXPECT_EQ(found.ways, expected.ways);
      EXPECT_EQ(TextsOf(found).longest(), TextsOf(expected).longest());
      EXPECT_EQ(found.cached, nullptr);
      const auto fields = [](const Batch& of) {
        const TextInputs& inputs = TextsOf(of);
        const Packing& packing = inputs.packing();
        return std::vector<std::pair<std::string, at::Tensor>>({{"ids", inputs.ids()},
                                                                {"spans", inputs.spans()},
                                                                {"read_at", inputs.read_at()},
                                                                {"positions", packing.positions},
                                                                {"padded_from", packing.padded_from},
                                                                {"packed_from", packing.packed_from},
                                                                {"read_from", packing.read_from},
                                                                {"read_to", packing.read_to},
                                                                {"attention_bias", packing.attention_bias},
                                                                {"is_soft", packing.is_soft},
                                                                {"labels", of.labels},
                                                                {"answers.ids", inputs.answers().ids},
                                                                {"answers.weights", inputs.answers().weights}});
      };
      const auto its = fields(found);
      const auto to_be = fields(expected);
      for (size_t i = 0; i < its.size(); ++i) {
        const auto& [name, tensor] = its[i];
        EXPECT_EQ(tensor.scalar_type(), to_be[i].second.scalar_type()) << name;
        EXPECT_TRUE(at::equal(tensor, to_be[i].second)) << name;
      }
    }
    EXPECT_THROW(SelectRows(batch, {5}), c10::Error);
  }
}

TEST(SelectRowsTest, OfPoints) {
  Batch batch;
  batch.inputs = PointInputs{at::tensor({0.5, 1.5, 2.5}, at::kDouble)};
  batch.labels = at::tensor({5.0, 6.0, 7.0}, at::kDouble);
  const Batch found = SelectRows(batch, {2, 0, 2});
  EXPECT_TRUE(at::equal(std::get<PointInputs>(found.inputs).x, at::tensor({2.5, 0.5}, at::kDouble)));
  EXPECT_TRUE(at::equal(found.repeats, at::tensor({0, 1, 0}, at::kLong)));
  EXPECT_TRUE(at::equal(found.labels, at::tensor({7.0, 5.0, 7.0}, at::kDouble)));
  EXPECT_THROW(TextsOf(batch), c10::Error);
}

}  // namespace
}  // namespace metaprompt
