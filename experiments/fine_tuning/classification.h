// Classification of texts or images: the training objective, and predictions.
#ifndef EXPERIMENTS_FINE_TUNING_CLASSIFICATION_H_
#define EXPERIMENTS_FINE_TUNING_CLASSIFICATION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/fine_tuning/encoder_classifier.h"
#include "experiments/fine_tuning/fine_tuning.pb.h"
#include "experiments/fine_tuning/labelled_inputs.h"
#include "experiments/host/progress.h"
#include "experiments/training/epochs.h"
#include "experiments/training/objective.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct Predictions {
  std::vector<int64_t> answers;  // the class with the largest logit of each example
  double loss = 0;               // mean cross-entropy; 0 without examples
  double accuracy = 0;           // 0 without examples
};

// Classifies all examples, without dropout, in batches of similar length. The result does not depend on the number of
// threads, unless there are fewer batches than threads (see TaskPool). `what` names the work in progress lines.
// Cancelled: the pool was asked to stop.
absl::StatusOr<Predictions> Predict(const EncoderClassifier& classifier, const ParamList& params,
                                    const LabelledInputs& examples, at::Device device, const char* what, TaskPool* pool,
                                    Progress* progress);

// The mean cross-entropy of a batch. Each epoch uses all training examples once, in an order that depends only on seed
// and epoch; its last batch may be smaller. Several threads may call the parts of a batch, but nothing else, at
// the same time.
class Classification : public Objective {
 public:
  // Owns none of its arguments; all must outlive it.
  Classification(const FineTuningSpec& spec, const EncoderClassifier* classifier, const LabelledInputs* train,
                 const LabelledInputs* valid, at::Device device);

  const std::vector<ParamInfo>& infos() const override { return classifier_.infos(); }
  TrainingBatch Batch(int64_t step) override;
  // The score is the accuracy; of equal accuracies, the one with the smaller loss is better.
  absl::StatusOr<Validation> Validate(const ParamList& params, TaskPool* pool, Progress* progress) override;

  int64_t steps_per_epoch() const;

 private:
  const FineTuningSpec& spec_;
  const EncoderClassifier& classifier_;
  const LabelledInputs& train_;
  const LabelledInputs& valid_;
  const at::Device device_;
  Epochs order_;  // of the training examples
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_CLASSIFICATION_H_
