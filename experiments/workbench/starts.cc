#include "experiments/workbench/starts.h"

#include <ATen/ATen.h>

#include "experiments/workbench/encoder_start.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/prompts/prompt_template.h"

namespace metaprompt {

Starts::Starts(const ExperimentSpec& spec, const AssembledModel* model, TextsToRead texts)
    : spec_(spec),
      model_(model->model.get()),
      texts_(std::move(texts)),
      wanted_(spec.episodes().shots().begin(), spec.episodes().shots().end()) {}

absl::StatusOr<Starts> Starts::Open(const ExperimentSpec& spec, AssembledModel* model,
                                    const std::string& tokenizer_sha256, TextsToRead texts) {
  Starts starts(spec, model, std::move(texts));
  const PromptSpec& prompt = spec.model().prompt();
  if (model->parts.tokenizer != nullptr) {
    ASSIGN_OR_RETURN(starts.init_words_, InitWordIds(prompt, *model->parts.tokenizer, model->prompt->num_soft()));
  }
  const auto open = [&](StartRun::Part part, const std::string& path) {
    return StartRun::Open(part, path, *starts.model_, tokenizer_sha256, spec.episodes().shots());
  };
  const std::string& path = spec.model().init_from_run();
  if (IsEncoderFolder(path)) {
    ASSIGN_OR_RETURN(EncoderStart start, OpenEncoderStart(path, starts.model_->encoder(), tokenizer_sha256));
    starts.encoder_start_ = std::move(start.facts);
    starts.checkpoint_ = std::move(start.params);
  } else if (!path.empty()) {
    ASSIGN_OR_RETURN(starts.model_start_, open(StartRun::kModel, path));
  }
  if (const std::string& run = prompt.init_from_run(); !run.empty()) {
    ASSIGN_OR_RETURN(starts.prompt_start_, open(StartRun::kPrompt, run));
  }
  if (!starts.model_start_.has_value() && !starts.encoder_start_.has_value()) {
    starts.checkpoint_ = std::move(model->parts.params);
  }
  model->parts.params.clear();
  return starts;
}

const char* Starts::name() const {
  if (model_start_.has_value() || encoder_start_.has_value()) {
    return "transferred";
  }
  return spec_.model().encoder().has_checkpoint() ? "pre-trained" : "random";
}

std::vector<StartFacts> Starts::facts() const {
  std::vector<StartFacts> facts;
  if (encoder_start_.has_value()) {
    facts.push_back(*encoder_start_);
  }
  for (const std::optional<StartRun>* const start : {&model_start_, &prompt_start_}) {
    if (start->has_value()) {
      facts.insert(facts.end(), (*start)->facts().begin(), (*start)->facts().end());
    }
  }
  return facts;
}

void Starts::Forget(int shots) {
  wanted_.erase(shots);
  for (std::optional<StartRun>* const start : {&model_start_, &prompt_start_}) {
    if (start->has_value()) {
      (*start)->Forget(shots);
    }
  }
  if (wanted_.empty()) {
    checkpoint_.clear();
    standardised_.clear();
  }
}

void Starts::StartPrompt(int shots, ParamList* params) const {
  if (prompt_start_.has_value()) {
    prompt_start_->Give(shots, params);
    return;
  }
  if (init_words_.empty()) {
    return;
  }
  const at::Tensor& words = (*params)[model_->encoder().layout().words];
  std::vector<at::Tensor> vectors;
  for (const std::vector<int64_t>& ids : init_words_) {
    vectors.push_back(words.index_select(0, at::tensor(at::ArrayRef<int64_t>(ids), at::kLong)).mean(0));
  }
  (*params)[model_->soft_place()] = at::stack(vectors);
}

bool Starts::Standardises() const {
  if (model_start_.has_value()) {
    return false;  // the scale is the run's
  }
  const EncoderSpec& encoder = spec_.model().encoder();
  return encoder.has_checkpoint() ? encoder.checkpoint().standardised_read() && !model_->encoder().layout().has_head()
         : encoder.has_vit()      ? encoder.vit().init_standardised()
                                  : encoder.bert().init_standardised();
}

absl::StatusOr<ParamList> Starts::Standardised(ParamList params) {
  if (!standardised_.empty()) {
    for (const auto& [place, values] : standardised_) {
      params[place] = values;
    }
    return params;
  }
  ASSIGN_OR_RETURN(const std::vector<LocalBatch> texts, texts_());
  ParamList standard = model_->Standardised(params, texts);
  if (!prompt_start_.has_value()) {  // otherwise the prompt, and with it the scale, differs between numbers of shots
    const size_t scale = model_->read_scale_place();
    standardised_ = {{scale, standard[scale]}, {scale + 1, standard[scale + 1]}};
  }
  return standard;
}

absl::StatusOr<ParamList> Starts::Params(int shots) {
  TORCH_CHECK(wanted_.count(shots) > 0, "Starts: parameters for ", shots, " shots, which the spec does not name or ",
              "which were forgotten");
  ParamList params;
  if (model_start_.has_value()) {
    params.resize(model_->params().size());
    model_start_->Give(shots, &params);
  } else if (!checkpoint_.empty()) {
    params = model_->WithSoftPrompt(checkpoint_, spec_.seed());
  } else {
    params = model_->Init(spec_.seed());
  }
  StartPrompt(shots, &params);
  return Standardises() ? Standardised(std::move(params)) : absl::StatusOr<ParamList>(std::move(params));
}

}  // namespace metaprompt
