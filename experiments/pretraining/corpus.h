// The texts of pre-training as token ids.
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
  int64_t transductive = 0;  // texts and texts of pairs that are those of validation or test classes
  SeenTexts seen;            // those, and the labelled texts; not sorted
  std::string sha256;

  // Every text, those of pairs too.
  std::vector<std::string> All() const;
};

// Reads them. Errors: those of the files and data sets, with file and line; a line of pairs without exactly one tab; a
// text of a validation or test class, unless the spec is transductive. Such a text is found whatever its blanks are,
// and also if the data set has only its first words (DatasetSpec.max_words).
absl::StatusOr<CorpusTexts> ReadCorpus(const PretrainingSpec& spec);

// A pair of inputs, and numbers that equal texts share.
struct PairTable {
  TokenTable first;
  TokenTable second;
  std::vector<int64_t> first_text;  // equal texts have equal numbers
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

// Frames the texts as the encoder's inputs: [CLS] text [SEP], or its architecture's names for these. Of a pair, each
// text is cut to max_tokens. Errors: fewer than two inputs or pairs to train or to validate with.
absl::StatusOr<Corpus> MakeCorpus(const PretrainingSpec& spec, const CorpusTexts& texts, const Tokenizer& tokenizer,
                                  int64_t max_tokens);

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_CORPUS_H_
