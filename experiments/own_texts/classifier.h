// A run's initialisation, adapted to a user's classes.
#ifndef EXPERIMENTS_OWN_TEXTS_CLASSIFIER_H_
#define EXPERIMENTS_OWN_TEXTS_CLASSIFIER_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/own_texts/support_classes.h"
#include "experiments/workbench/finished_run.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

class Classifier {
 public:
  // Adapts `initial`, the values of run->infos(), to the classes with the run's learner, as at meta-test. `run` and
  // `pool` must outlive this object. Errors: two classes with the same answer words; a support set that does not fit
  // into memory; an adaptation that diverges, with the step at which it does.
  static absl::StatusOr<Classifier> Adapt(const FinishedRun* run, const ParamList& initial,
                                          const std::vector<SupportClass>& classes, at::Device device, TaskPool* pool);

  // A classifier that was adapted before; `adapted` and `temperature` are what adapted() and temperature() returned
  // then.
  static absl::StatusOr<Classifier> Restore(const FinishedRun* run, AdaptedParams adapted, double temperature,
                                            const std::vector<SupportClass>& classes, at::Device device,
                                            TaskPool* pool);

  const AdaptedParams& adapted() const { return adapted_; }
  // Class scores are divided by this before the softmax; 1 at first.
  double temperature() const { return temperature_; }
  void set_temperature(double temperature) { temperature_ = temperature; }

  // Class probabilities [texts, classes] on the CPU: the softmax of the learner's class scores over the temperature. If
  // the run's template has several texts (names() of its prompt), each of `texts` is an example, joined by JoinTexts.
  // The other texts change a text's probabilities only by rounding, because they determine which texts share a batch.
  // It is an error if a probability is not finite.
  absl::StatusOr<at::Tensor> Probabilities(const std::vector<std::string>& texts);

  // The number of support texts that the adapted model labels correctly.
  int64_t support_right() const { return support_right_; }
  int64_t support_texts() const { return support_texts_; }
  // The number of texts so far that were too long for the prompt and were cut.
  int64_t cut() const { return cut_; }

 private:
  Classifier(const FinishedRun* run, at::Device device, TaskPool* pool) : run_(run), device_(device), pool_(pool) {}

  absl::Status SetAnswers(const std::vector<SupportClass>& classes);
  PromptedText Prompted(const std::string& text);

  const FinishedRun* run_;
  at::Device device_;
  TaskPool* pool_;
  std::vector<std::vector<int64_t>> answer_ids_;  // of each class
  Answers answers_;  // vocabulary ids, because the parameters have all rows of the vocabulary
  AdaptedParams adapted_;
  double temperature_ = 1;
  int64_t support_right_ = 0;
  int64_t support_texts_ = 0;
  int64_t cut_ = 0;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_CLASSIFIER_H_
