// What pre-training minimises: the loss of masked language modelling, the loss of pairs, or both.
#ifndef EXPERIMENTS_PRETRAINING_PRETRAINING_OBJECTIVE_H_
#define EXPERIMENTS_PRETRAINING_PRETRAINING_OBJECTIVE_H_

#include <cstdint>
#include <vector>

#include "experiments/pretraining/corpus.h"
#include "experiments/pretraining/masking.h"
#include "experiments/pretraining/pretraining.pb.h"
#include "experiments/pretraining/text_pairs.h"
#include "experiments/training/epochs.h"
#include "experiments/training/objective.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/operations/dropout.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// With both losses, the accuracy is that of the masked tokens.
class PretrainingObjective : public Objective {
 public:
  // All arguments except `spec` must outlive the object.
  PretrainingObjective(const PretrainingSpec& spec, const Encoder* encoder, const Tokenizer& tokenizer,
                       const Corpus* corpus, at::Device device);

  const std::vector<ParamInfo>& infos() const override { return encoder_->params(); }
  TrainingBatch Batch(int64_t step) override;
  absl::StatusOr<Validation> Validate(const ParamList& params, TaskPool* pool, Progress* progress) override;

  // exp of the mean of -log p(token | all others) over the tokens of the first `inputs` validation inputs, each masked
  // by itself (Salazar et al. 2020, eq. 4).
  absl::StatusOr<double> PseudoPerplexity(const ParamList& params, int64_t inputs, TaskPool* pool,
                                          Progress* progress) const;

 private:
  struct Sums {  // over a chunk of validation inputs
    double loss = 0;
    double correct = 0;
    int64_t count = 0;
  };

  Dropout DropoutOf(int64_t step, size_t part) const;
  void AddMasked(int64_t step, TrainingBatch* batch);
  // First computes the vectors of all parts, without a graph. The loss of the batch gives a gradient for each vector.
  // Each part then computes its vectors again, with a graph, and back-propagates these gradients into the parameters
  // (Gao et al. 2021, section 3).
  void AddPairs(int64_t step, TrainingBatch* batch);
  struct PairsOfStep;
  void ComputeLoss(PairsOfStep* step) const;
  Sums ValidMasked(const ParamList& params, size_t begin, size_t end) const;
  Sums ValidPairs(const ParamList& params, size_t begin, size_t end) const;
  // Packs the texts of these pairs of a table: all first texts, then all second texts.
  TextInputs Pack(const PairTable& table, const std::vector<size_t>& which) const;
  // Splits `vectors` [2 P, D], those of the first texts and then those of the second texts, into these P pairs.
  PairVectors PairsWith(const at::Tensor& vectors, const PairTable& table, const std::vector<size_t>& which) const;

  const PretrainingSpec spec_;
  const Encoder* const encoder_;
  const Corpus* const corpus_;
  const at::Device device_;
  const Masking masking_;
  const bool bfloat16_;
  Dropout dropout_;  // rates
  Epochs texts_;
  Epochs pairs_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_PRETRAINING_OBJECTIVE_H_
