// A finished run, or a checkpoint, for other languages. After adaptation to labelled texts, it labels new texts.
#ifndef EXPERIMENTS_BINDINGS_OPENED_RUN_H_
#define EXPERIMENTS_BINDINGS_OPENED_RUN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/own_texts/classifier.h"
#include "experiments/own_texts/support_classes.h"
#include "experiments/result.pb.h"
#include "experiments/workbench/finished_run.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

class OpenedRun {
 public:
  // `precision`: FLOAT32 or BFLOAT16, of the encoder's matrix products; empty: the run's.
  static absl::StatusOr<std::shared_ptr<OpenedRun>> Open(const std::string& path, const std::string& precision);

  const FinishedRun& run() const { return run_; }

  // The run's parameters for that number of shots, as FinishedRun::Params. The last result stays in memory.
  absl::StatusOr<ParamList> Params(int shots);

 private:
  explicit OpenedRun(FinishedRun run) : run_(std::move(run)) {}

  FinishedRun run_;
  int shots_ = 0;  // of params_; 0: none
  ParamList params_;
};

struct LabelledExample {
  std::string label;
  std::string name;                // of the class, from which the answer words come; empty: DefaultName(label)
  std::vector<std::string> texts;  // of the example: one, or as many as the run's template has
};

struct AdaptOptions {
  int shots = 0;  // 0: the run's number of shots nearest to the texts per class; if two are equally near, the larger
  std::string device = "cpu";
  int threads = 0;  // 0: one per core that this process may use
};

// Only one call at a time in the whole process, because the number of threads of an operation is a setting of the
// process.
class AdaptedRun {
 public:
  // Adapts to the texts. Their blanks are collapsed, as in the files that the command line reads. Classes are in the
  // order of their first texts. Errors: those of SupportClasses; an empty text or label; those of Classifier::Adapt.
  static absl::StatusOr<std::unique_ptr<AdaptedRun>> Adapt(const std::shared_ptr<OpenedRun>& run,
                                                           const std::vector<LabelledExample>& texts,
                                                           const AdaptOptions& options);

  // The same with the checkpoint in a Hugging Face folder, as StartOfCheckpoint. An example has one text, or two for
  // pairs. `precision`: FLOAT32 or BFLOAT16; empty: FLOAT32. `options.shots` is not used.
  static absl::StatusOr<std::unique_ptr<AdaptedRun>> AdaptCheckpoint(const std::string& folder,
                                                                     const std::string& precision,
                                                                     const std::vector<LabelledExample>& texts,
                                                                     const AdaptOptions& options);

  const std::vector<std::string>& labels() const { return labels_; }
  int shots() const { return shots_; }  // of the run's parameters; 0: a checkpoint has none
  int64_t support_right() const { return classifier_->support_right(); }
  // [examples, classes] by rows, in the order of labels(). `examples` has the texts of each example. It is an error if
  // a probability is not finite.
  absl::StatusOr<std::vector<float>> Probabilities(const std::vector<std::vector<std::string>>& examples);

 private:
  AdaptedRun(std::shared_ptr<const FinishedRun> run, int shots, int threads)
      : run_(std::move(run)), pool_(threads), shots_(shots) {}
  static absl::StatusOr<std::unique_ptr<AdaptedRun>> AdaptParams(std::shared_ptr<const FinishedRun> run,
                                                                 const ParamList& params, int shots,
                                                                 const std::vector<SupportClass>& classes,
                                                                 const AdaptOptions& options);

  std::shared_ptr<const FinishedRun> run_;
  TaskPool pool_;
  std::vector<std::string> labels_;
  int shots_ = 0;
  std::optional<Classifier> classifier_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_BINDINGS_OPENED_RUN_H_
