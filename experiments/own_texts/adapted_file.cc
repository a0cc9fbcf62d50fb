#include "experiments/own_texts/adapted_file.h"

#include <ATen/ATen.h>
#include <c10/util/accumulate.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/mapped_safetensors.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/model/finite.h"
#include "metaprompt/model/params.h"

namespace metaprompt {
namespace {

using Shape = std::vector<int64_t>;

// The lists of AdaptedParams, by name.
template <typename Adapted>
auto ListsOf(Adapted* adapted) {
  using List = decltype(&adapted->own);
  return std::vector<std::pair<const char*, List>>{{"model", &adapted->model.params},
                                                   {"head", &adapted->model.head},
                                                   {"own", &adapted->own},
                                                   {"fitted", &adapted->fitted}};
}

// The shapes of the tensors that a learner computes from the support set. `rows`: the number of support texts or
// tokens, which the learners that keep them allow to be any.
std::vector<Shape> FittedShapes(const LearnerSpec& learner, int64_t features, int64_t classes, int64_t rows) {
  switch (learner.kind_case()) {
    case LearnerSpec::kProtoNet:
    case LearnerSpec::kMetaPrompter:
      return {{classes, features}};
    case LearnerSpec::kR2D2:
      return {{features, classes}};
    case LearnerSpec::kContrastNet:
      return {{rows, features}, {rows, classes}};
    case LearnerSpec::kInContext:  // the tokens of the support texts with their answers
      return {{rows}};
    case LearnerSpec::kLinearProbe:
      return {{features}, {}, {features, classes}};
    default:
      return {};
  }
}

// OK if the tensors of the list have these shapes. The error names the first tensor with another shape.
absl::Status CheckShapes(const std::string& path, const char* name, const ParamList& list,
                         const std::vector<Shape>& shapes) {
  if (list.size() != shapes.size()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", name, "/ has ", list.size(), " tensors instead of ",
                                                   shapes.size(), "; the classifier cannot be used"));
  }
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].sizes() != at::IntArrayRef(shapes[i])) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": ", name, "/", i, " has the shape [", absl::StrJoin(list[i].sizes(), ", "), "] instead of [",
          absl::StrJoin(shapes[i], ", "), "], which the spec and the number of classes ask for"));
    }
  }
  return absl::OkStatus();
}

// OK if these ids may be tokens of the run's texts. learner.in_context keeps a support set in this form.
absl::Status CheckContext(const std::string& where, const FinishedRun& run, const at::Tensor& ids) {
  const PromptModel& model = run.model();
  const int64_t soft = model.params()[model.soft_place()].shape[0];
  const bool good = ids.scalar_type() == at::kLong && ids.dim() == 1 && ids.numel() > 0 &&
                    ids.min().item<int64_t>() >= -soft &&
                    ids.max().item<int64_t>() < model.encoder().config().vocab_size;
  return good ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrCat(where, " does not hold token ids"));
}

absl::Status CheckSizes(const std::string& path, const FinishedRun& run, int64_t classes,
                        const AdaptedParams& adapted) {
  const std::vector<ParamInfo>& infos = run.infos();
  const size_t of_model = run.model().params().size();
  const ParamList& params = adapted.model.params;
  if (params.size() != of_model) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", params.size(), " of the model's ", of_model, " tensors are in this file"));
  }
  for (size_t i = 0; i < of_model; ++i) {
    if (params[i].numel() != c10::multiply_integers(infos[i].shape)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": model/", i, " has ", params[i].numel(),
                                                     " numbers, which is not the size of ", infos[i].name));
    }
  }
  if (!adapted.model.head.empty()) {
    RETURN_IF_ERROR(CheckShapes(path, "head", adapted.model.head, {{classes, run.model().head_width()}, {classes}}));
  }
  std::vector<Shape> own;
  for (size_t i = of_model; i < infos.size() && !adapted.own.empty(); ++i) {
    own.push_back(infos[i].shape);
  }
  RETURN_IF_ERROR(CheckShapes(path, "own", adapted.own, own));
  const int64_t rows = adapted.fitted.empty() || adapted.fitted[0].dim() == 0 ? 0 : adapted.fitted[0].size(0);
  return CheckShapes(path, "fitted", adapted.fitted,
                     FittedShapes(run.record().spec().learner(), run.model().feature_width(), classes, rows));
}

}  // namespace

absl::Status WriteAdapted(const std::string& path, const AdaptedParams& adapted, BeforeRename before_rename) {
  TensorFile tensors;
  for (const auto& [name, list] : ListsOf(&adapted)) {
    for (size_t i = 0; i < list->size(); ++i) {
      tensors.tensors.emplace_back(absl::StrCat(name, "/", i), (*list)[i].cpu());
    }
  }
  return WriteSafetensors(path, tensors, std::move(before_rename));
}

absl::StatusOr<AdaptedParams> ReadAdapted(const std::string& path, const FinishedRun& run, int64_t classes,
                                          std::string* sha256) {
  ASSIGN_OR_RETURN(const TensorFile file, ReadSafetensors(path, sha256));
  AdaptedParams adapted;
  size_t taken = 0;
  for (const auto& [name, list] : ListsOf(&adapted)) {
    for (;;) {
      const std::string full = absl::StrCat(name, "/", list->size());
      const at::Tensor tensor = file.Find(full);
      if (!tensor.defined()) {
        break;
      }
      if (list == &adapted.fitted && run.record().spec().learner().has_in_context()) {
        RETURN_IF_ERROR(CheckContext(absl::StrCat(path, ": ", full), run, tensor));
      } else if (!tensor.is_floating_point()) {
        return absl::InvalidArgumentError(absl::StrCat(path, ": ", full, " does not hold floating-point numbers"));
      } else {
        RETURN_IF_ERROR(CheckFinite(absl::StrCat(path, ": ", full), tensor));
      }
      list->push_back(tensor.scalar_type() == at::kBFloat16 ? tensor.to(at::kFloat) : tensor);
      ++taken;
    }
  }
  if (taken != file.tensors.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", file.tensors.size() - taken, " tensors in this file are not part of a classifier"));
  }
  RETURN_IF_ERROR(CheckSizes(path, run, classes, adapted));
  return adapted;
}

}  // namespace metaprompt
