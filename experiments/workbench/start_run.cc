#include "experiments/workbench/start_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace metaprompt {
namespace {

bool HasMap(const std::vector<ParamInfo>& infos) {
  return std::any_of(infos.begin(), infos.end(), [](const ParamInfo& info) { return info.prompt_map; });
}

}  // namespace

absl::StatusOr<StartRun> StartRun::Open(Part part, const std::string& path, const PromptModel& model,
                                        const std::string& tokenizer_sha256, absl::Span<const int> shots) {
  const std::string field = part == kModel ? "model.init_from_run" : "model.prompt.init_from_run";
  const auto error = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
  };
  absl::StatusOr<FinishedRun> opened = FinishedRun::Open(path);
  if (!opened.ok()) {
    return error(opened.status().message());
  }
  StartRun start(part, *std::move(opened));
  const FinishedRun& run = *start.run_;
  if (part == kModel && run.record().model().tokenizer_sha256() != tokenizer_sha256) {
    return error(absl::StrCat(path, ": its tokenizer is a different one",
                              run.record().spec().model().encoder().has_bert()
                                  ? absl::StrCat("; model.tokenizer.path could be ", path, "/", kSentencePieceFile)
                                  : ""));
  }
  const std::vector<ParamInfo>& theirs = run.model().params();
  const auto in_part = [&](const ParamInfo& info) { return part == kModel || info.group == ParamGroup::kPrompt; };
  for (size_t i = 0; i < model.params().size(); ++i) {
    const ParamInfo& info = model.params()[i];
    if (!in_part(info)) {
      continue;
    }
    const auto found =
        std::find_if(theirs.begin(), theirs.end(), [&](const ParamInfo& one) { return one.name == info.name; });
    if (found == theirs.end()) {
      return error(absl::StrCat(path, ": the run lacks ", info.name, ", which this model has"));
    }
    if (found->shape != info.shape) {
      return error(absl::StrCat(path, ": its ", info.name, " has shape [", absl::StrJoin(found->shape, ", "),
                                "], this model's [", absl::StrJoin(info.shape, ", "), "]"));
    }
    start.places_.emplace_back(i, static_cast<size_t>(found - theirs.begin()));
  }
  start.through_ = part == kPrompt && HasMap(theirs) && !HasMap(model.params());
  for (const ParamInfo& info : theirs) {
    const auto same = [&](const ParamInfo& one) { return one.name == info.name; };
    if (in_part(info) && !(start.through_ && info.prompt_map) &&
        std::none_of(model.params().begin(), model.params().end(), same)) {
      return error(absl::StrCat(path, ": the run has ", info.name, ", which this model lacks"));
    }
  }
  for (const int k : shots) {
    if (const absl::StatusOr<int> found = run.ShotsOf(k); !found.ok()) {
      return error(found.status().message());
    }
    std::string sha256;
    absl::StatusOr<ParamList> params = run.Params(k, &sha256);
    if (!params.ok()) {
      return error(params.status().message());
    }
    for (size_t i = 0; i < params->size(); ++i) {
      if (i >= theirs.size() || !in_part(theirs[i])) {
        (*params)[i] = at::Tensor();
      }
    }
    start.kept_[k] = *std::move(params);
    StartFacts facts;
    facts.set_field(field);
    facts.set_record_sha256(run.record_sha256());
    facts.set_shots(k);
    facts.set_parameters_sha256(sha256);
    start.facts_.push_back(std::move(facts));
  }
  return start;
}

void StartRun::Give(int shots, ParamList* params) const {
  const ParamList& theirs = kept_.at(shots);
  for (const auto& [mine, there] : places_) {
    const bool soft = run_->model().params()[there].name == "prompt.soft";
    (*params)[mine] = soft && through_ ? run_->model().SoftVectors(theirs) : theirs[there];
  }
}

}  // namespace metaprompt
