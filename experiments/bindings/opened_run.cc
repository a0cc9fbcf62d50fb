#include "experiments/bindings/opened_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/splits/class_split.h"
#include "experiments/host/device.h"
#include "experiments/host/threads.h"
#include "experiments/own_texts/classifier_start.h"
#include "experiments/own_texts/support_file.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

// The example whose texts are these, with collapsed blanks. `names`: those of the texts that an example must have.
absl::StatusOr<std::string> ExampleOf(const std::vector<std::string>& texts, const std::vector<std::string>& names) {
  if (texts.size() != names.size()) {
    return absl::InvalidArgumentError(absl::StrCat(texts.size(), texts.size() == 1 ? " text" : " texts", " instead of ",
                                                   names.size(), ": an example of this run has ",
                                                   absl::StrJoin(names, ", ")));
  }
  std::vector<std::string> collapsed;
  for (const std::string& text : texts) {
    collapsed.push_back(CollapseBlanks(text));
  }
  return JoinTexts(collapsed);
}

absl::StatusOr<std::vector<SupportClass>> ClassesOf(const std::vector<LabelledText>& texts,
                                                    const std::vector<std::string>& names) {
  std::vector<SupportClass> classes;
  std::map<std::string, size_t> place;  // index of a label in `classes`
  for (size_t i = 0; i < texts.size(); ++i) {
    std::string label = CollapseBlanks(texts[i].label);
    absl::StatusOr<std::string> text = ExampleOf(texts[i].texts, names);
    if (!text.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("support text ", i, ": ", text.status().message()));
    }
    const std::vector<absl::string_view> parts = SplitTexts(*text);
    if (label.empty() || std::find(parts.begin(), parts.end(), "") != parts.end()) {
      return absl::InvalidArgumentError(absl::StrCat("support text ", i, ": empty ", label.empty() ? "label" : "text"));
    }
    const auto [found, is_new] = place.try_emplace(label, classes.size());
    if (is_new) {
      const std::string name = CollapseBlanks(texts[i].name);
      classes.push_back(SupportClass{label, name.empty() ? DefaultName(label) : name, {}});
    }
    classes[found->second].texts.push_back(*std::move(text));
  }
  if (classes.empty()) {
    return absl::InvalidArgumentError("the support set has no text");
  }
  if (classes.size() == 1) {
    return absl::InvalidArgumentError(absl::StrCat("all texts are of one class, ", Quoted(classes[0].label),
                                                   "; add at least one text of another class"));
  }
  return classes;
}

}  // namespace

absl::StatusOr<std::shared_ptr<OpenedRun>> OpenedRun::Open(const std::string& path, const std::string& precision) {
  if (!precision.empty() && precision != "FLOAT32" && precision != "BFLOAT16") {
    return absl::InvalidArgumentError(absl::StrCat("precision is ", Quoted(precision), "; FLOAT32 or BFLOAT16"));
  }
  ASSIGN_OR_RETURN(FinishedRun run, FinishedRun::Open(path));
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

absl::StatusOr<std::unique_ptr<AdaptedRun>> AdaptedRun::Adapt(std::shared_ptr<OpenedRun> run,
                                                              const std::vector<LabelledText>& texts,
                                                              const AdaptOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<SupportClass> classes, ClassesOf(texts, run->run().prompt().names()));
  ASSIGN_OR_RETURN(const at::Device device, DeviceOf(options.device));
  const FinishedRun& finished = run->run();
  ASSIGN_OR_RETURN(const int shots,
                   finished.ShotsOf(options.shots > 0 ? options.shots : NearestShots(finished.record(), classes)));
  ASSIGN_OR_RETURN(const ParamList params, run->Params(shots));
  std::unique_ptr<AdaptedRun> adapted(new AdaptedRun(std::move(run), device.is_cpu() ? ThreadsOr(options.threads) : 1));
  adapted->shots_ = shots;
  for (const SupportClass& one : classes) {
    adapted->labels_.push_back(one.label);
  }
  absl::StatusOr<Classifier> classifier = Classifier::Adapt(&finished, params, classes, device, &adapted->pool_);
  RETURN_IF_ERROR(classifier);
  adapted->classifier_ = *std::move(classifier);
  return adapted;
}

absl::StatusOr<std::vector<float>> AdaptedRun::Probabilities(const std::vector<std::vector<std::string>>& examples) {
  SetOperationThreads(pool_.threads());  // another run may have set it since
  std::vector<std::string> collapsed;
  collapsed.reserve(examples.size());
  for (size_t i = 0; i < examples.size(); ++i) {
    absl::StatusOr<std::string> example = ExampleOf(examples[i], run_->run().prompt().names());
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
