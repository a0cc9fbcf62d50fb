// The texts of pre-training, and their token ids.
#ifndef EXPERIMENTS_PRETRAINING_CORPUS_H_
#define EXPERIMENTS_PRETRAINING_CORPUS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/pretraining/pretraining.pb.h"
#include "experiments/pretraining/token_table.h"
#include "experiments/workbench/seen_texts.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// The texts and pairs that a spec names.
struct CorpusTexts {
  std::vector<std::string> texts;
  std::vector<std::pair<std::string, std::string>> pairs;
  int64_t transductive = 0;  // how many texts, also of pairs, are texts of validation or test classes
  SeenTexts seen;            // the transductive and the labelled texts; not sorted
  std::string sha256;

  // Every text, also those of pairs.
  std::vector<std::string> All() const;
};

// Reads the texts and pairs. Errors: those of the files and data sets, with file and line; a line of pairs without
// exactly one tab; a text of a validation or test class, unless the spec is transductive. Such a text is found even if
// its blanks differ, or if the data set keeps only its first words (DatasetSpec.max_words).
absl::StatusOr<CorpusTexts> ReadCorpus(const PretrainingSpec& spec);

// Pairs of inputs, and a number for each text; equal texts have equal numbers.
struct PairTable {
  TokenTable first;
  TokenTable second;
  std::vector<int64_t> first_text;  // the number of each first text
  std::vector<int64_t> second_text;

  size_t size() const { return first_text.size(); }
};

struct Corpus {
  TokenTable train;
  TokenTable valid;
  PairTable train_pairs;
  PairTable valid_pairs;
  CorpusFacts facts;
};

// Turns the texts into inputs of the encoder: [CLS] text [SEP], or the architecture's equivalents. Each text of a pair
// is a separate input, cut to max_tokens. It is an error if there are fewer than two inputs (or pairs) to train with,
// or to validate with.
absl::StatusOr<Corpus> MakeCorpus(const PretrainingSpec& spec, const CorpusTexts& texts, const Tokenizer& tokenizer,
                                  int64_t max_tokens);

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_CORPUS_H_
