#include "experiments/bindings/opened_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "datasets/readers/texts_by_label.h"
#include "experiments/host/device.h"
#include "experiments/host/threads.h"
#include "experiments/own_texts/classifier_start.h"
#include "experiments/own_texts/support_classes.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

// CollapsedExample with checks. `names`: the names of the texts that an example must have.
absl::StatusOr<std::string> ExampleWith(const std::vector<std::string>& names, const std::vector<std::string>& texts) {
  if (texts.size() != names.size()) {
    return absl::InvalidArgumentError(absl::StrCat(texts.size(), texts.size() == 1 ? " text" : " texts", " instead of ",
                                                   names.size(), ": an example of this run has ",
                                                   absl::StrJoin(names, ", ")));
  }
  return CollapsedExample(texts);
}

// Adds an example. Errors give a reason, but not which example it is.
absl::Status AddExample(const LabelledExample& one, const std::vector<std::string>& names, SupportClasses* classes) {
  const std::string label = CollapseBlanks(one.label);
  ASSIGN_OR_RETURN(std::string example, ExampleWith(names, one.texts));
  const std::vector<absl::string_view> parts = SplitTexts(example);
  if (label.empty() || std::find(parts.begin(), parts.end(), "") != parts.end()) {
    return absl::InvalidArgumentError(absl::StrCat("empty ", label.empty() ? "label" : "text"));
  }
  return classes->Add(label, CollapseBlanks(one.name), std::move(example));
}

absl::StatusOr<std::vector<SupportClass>> ClassesOf(const std::vector<LabelledExample>& texts,
                                                    const std::vector<std::string>& names) {
  SupportClasses classes;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (const absl::Status added = AddExample(texts[i], names, &classes); !added.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("support text ", i, ": ", added.message()));
    }
  }
  if (classes.empty()) {
    return absl::InvalidArgumentError("the support set has no text");
  }
  return std::move(classes).Finish();
}

absl::Status CheckPrecision(const std::string& precision) {
  return precision.empty() || precision == "FLOAT32" || precision == "BFLOAT16"
             ? absl::OkStatus()
             : absl::InvalidArgumentError(absl::StrCat("precision is ", Quoted(precision), "; FLOAT32 or BFLOAT16"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<OpenedRun>> OpenedRun::Open(const std::string& path, const std::string& precision) {
  RETURN_IF_ERROR(CheckPrecision(precision));
  ASSIGN_OR_RETURN(FinishedRun run, FinishedRun::Open(path));
  RETURN_IF_ERROR(run.CheckTexts("adapting to texts"));
  if (!precision.empty()) {
    run.set_bfloat16(precision == "BFLOAT16");
  }
  return std::shared_ptr<OpenedRun>(new OpenedRun(std::move(run)));
}

absl::StatusOr<ParamList> OpenedRun::Params(int shots) {
  if (shots != shots_) {
    ASSIGN_OR_RETURN(params_, run_.Params(shots));
    shots_ = shots;
  }
  return params_;
}

absl::StatusOr<std::unique_ptr<AdaptedRun>> AdaptedRun::AdaptParams(std::shared_ptr<const FinishedRun> run,
                                                                    const ParamList& params, int shots,
                                                                    const std::vector<SupportClass>& classes,
                                                                    const AdaptOptions& options) {
  ASSIGN_OR_RETURN(const at::Device device, DeviceOf(options.device));
  const int threads = device.is_cpu() ? ThreadsOr(options.threads) : 1;
  std::unique_ptr<AdaptedRun> adapted(new AdaptedRun(std::move(run), shots, threads));
  for (const SupportClass& one : classes) {
    adapted->labels_.push_back(one.label);
  }
  absl::StatusOr<Classifier> classifier =
      Classifier::Adapt(adapted->run_.get(), params, classes, device, &adapted->pool_);
  RETURN_IF_ERROR(classifier);
  adapted->classifier_ = *std::move(classifier);
  return adapted;
}

absl::StatusOr<std::unique_ptr<AdaptedRun>> AdaptedRun::Adapt(const std::shared_ptr<OpenedRun>& run,
                                                              const std::vector<LabelledExample>& texts,
                                                              const AdaptOptions& options) {
  const FinishedRun& finished = run->run();
  ASSIGN_OR_RETURN(const std::vector<SupportClass> classes, ClassesOf(texts, finished.prompt().names()));
  ASSIGN_OR_RETURN(const int shots,
                   finished.ShotsOf(options.shots > 0 ? options.shots : NearestShots(finished.record(), classes)));
  ASSIGN_OR_RETURN(const ParamList params, run->Params(shots));
  return AdaptParams(std::shared_ptr<const FinishedRun>(run, &finished), params, shots, classes, options);
}

absl::StatusOr<std::unique_ptr<AdaptedRun>> AdaptedRun::AdaptCheckpoint(const std::string& folder,
                                                                        const std::string& precision,
                                                                        const std::vector<LabelledExample>& texts,
                                                                        const AdaptOptions& options) {
  RETURN_IF_ERROR(CheckPrecision(precision));
  std::vector<std::string> names = {"text"};
  if (!texts.empty() && texts[0].texts.size() == 2) {
    names.emplace_back("text_b");
  }
  ASSIGN_OR_RETURN(const std::vector<SupportClass> classes, ClassesOf(texts, names));
  ASSIGN_OR_RETURN(ClassifierStart start, StartOfCheckpoint(folder, classes, names));
  start.run.set_bfloat16(precision == "BFLOAT16");
  return AdaptParams(std::make_shared<const FinishedRun>(std::move(start.run)), start.params, /*shots=*/0, classes,
                     options);
}

absl::StatusOr<std::vector<float>> AdaptedRun::Probabilities(const std::vector<std::vector<std::string>>& examples) {
  SetOperationThreads(pool_.threads());  // another run may have changed it
  std::vector<std::string> collapsed;
  collapsed.reserve(examples.size());
  for (size_t i = 0; i < examples.size(); ++i) {
    absl::StatusOr<std::string> example = ExampleWith(run_->prompt().names(), examples[i]);
    if (!example.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("text ", i, ": ", example.status().message()));
    }
    collapsed.push_back(*std::move(example));
  }
  ASSIGN_OR_RETURN(const at::Tensor computed, classifier_->Probabilities(collapsed));
  const at::Tensor probabilities = computed.contiguous();
  const auto* begin = probabilities.data_ptr<float>();
  return std::vector<float>(begin, begin + probabilities.numel());
}

}  // namespace metaprompt
