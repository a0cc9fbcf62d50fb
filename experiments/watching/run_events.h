// The TensorBoard events of a run, in a folder:
//   spec.textproto                the spec, by which a later process recognises the run
//   events.out.tfevents.000000    the spec as a text
//   NAME/train/, NAME/validation/ the numbers of each training, one folder for its steps and one for its validations
// TensorBoard shows each folder as a run of its own, so that a tag of both has two curves in one chart.
//
// They are logs, not part of the record. Each process that works on the run begins new files. Whenever it was killed,
// readers find each step once: a new file declares from which step on the earlier files no longer count.
#ifndef EXPERIMENTS_WATCHING_RUN_EVENTS_H_
#define EXPERIMENTS_WATCHING_RUN_EVENTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/watching/event_file.h"

namespace metaprompt {

// The folder of the events within the folder of a run, unless the user names another.
inline constexpr char kEventsFolder[] = "tensorboard";

class RunEvents;

// The events of one training.
class TrainingEvents {
 public:
  // Whether the folder had validations before; if not, earlier ones can be added now.
  bool continues_validations() const { return validation_->continues(); }

  // Step `step` is the number of updates that are done.
  absl::Status Step(int64_t step, const std::vector<Scalar>& scalars) { return train_->Add(step, scalars); }
  absl::Status Validation(int64_t step, const std::vector<Scalar>& scalars, const std::vector<MarkdownText>& texts) {
    return validation_->Add(step, scalars, texts);
  }
  // Must be called before the state of training is saved, so that the events are never behind it. Calls Keep.
  absl::Status Sync();

 private:
  friend class RunEvents;
  TrainingEvents(RunEvents* run, std::unique_ptr<EventFile> train, std::unique_ptr<EventFile> validation)
      : run_(run), train_(std::move(train)), validation_(std::move(validation)) {}

  RunEvents* run_;
  std::unique_ptr<EventFile> train_;
  std::unique_ptr<EventFile> validation_;
};

// Whether a run writes events, and where.
struct EventsOption {
  bool on = false;
  std::string folder;  // empty: the folder `tensorboard` within that of the run
};

class RunEvents {
 public:
  // Makes the folder, unless it is there, and writes the spec. Returns null if the option is off. `run_folder` is where
  // the run's files are now. It is an error if the folder has the events of a run with another spec. What is made
  // here and by Begin is removed with the object, except what was made before Keep was called.
  static absl::StatusOr<std::unique_ptr<RunEvents>> Open(const EventsOption& option, const std::string& run_folder,
                                                         const std::string& spec_text);

  ~RunEvents();
  RunEvents(const RunEvents&) = delete;
  RunEvents& operator=(const RunEvents&) = delete;

  // The run has come so far that its events are worth keeping.
  void Keep();

  // The events of a training that has done `steps` updates and was last validated after `last_validation` of them
  // (-1: never). `name` is that of its folder, such as "1-shot"; empty: the only training of the run. This object must
  // outlive the result.
  absl::StatusOr<std::unique_ptr<TrainingEvents>> Begin(absl::string_view name, int64_t steps, int64_t last_validation);

 private:
  explicit RunEvents(std::string folder) : folder_(std::move(folder)) {}

  absl::StatusOr<std::unique_ptr<EventFile>> Create(const std::string& folder, int64_t first_step);

  const std::string folder_;
  std::vector<std::string> made_files_;
  std::vector<std::string> made_folders_;
};

// Removes the files of RunEvents below the folder, and the folders that are then empty.
void RemoveEvents(const std::string& folder);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WATCHING_RUN_EVENTS_H_
