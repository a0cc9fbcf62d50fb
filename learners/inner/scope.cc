#include "learners/inner/scope.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace metaprompt {

int TopLayer(const std::vector<ParamInfo>& infos) {
  int top = 0;
  for (const ParamInfo& info : infos) {
    top = std::max(top, info.layer);
  }
  return top;
}

std::vector<bool> InScope(const std::vector<ParamInfo>& infos, const ScopeSpec& scope) {
  const int top = TopLayer(infos);
  std::vector<bool> in;
  in.reserve(infos.size());
  for (const ParamInfo& info : infos) {
    const bool prompt = info.group == ParamGroup::kPrompt;
    bool named = false;
    switch (scope.part()) {
      case ScopeSpec::ALL:
        named = true;
        break;
      case ScopeSpec::PROMPT:
        named = prompt;
        break;
      case ScopeSpec::ENCODER:
        named = !prompt;
        break;
      case ScopeSpec::LAST_LAYERS:
        named = prompt || info.layer >= top - scope.layers();
        break;
      case ScopeSpec::BIASES:
        named = prompt || absl::EndsWith(info.name, "bias");
        break;
      case ScopeSpec::LORA:
        named = prompt || info.group == ParamGroup::kLora;
        break;
      case ScopeSpec::VECTORS:
        named = prompt && !info.prompt_map;
        break;
      case ScopeSpec::NONE:
        break;
    }
    const bool empty =
        std::find(info.shape.begin(), info.shape.end(), 0) != info.shape.end();  // such as a prompt without vectors
    in.push_back(named && !empty);
  }
  return in;
}

double ConstantRate(const InnerSpec& inner, ParamGroup group) {
  switch (group) {
    case ParamGroup::kEncoder:
      return inner.encoder_lr();
    case ParamGroup::kPrompt:
      return inner.prompt_lr();
    case ParamGroup::kLora:
      return inner.lora_lr();
    case ParamGroup::kLearner:
      break;
  }
  return 0;
}

std::vector<size_t> MovedPlaces(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts) {
  const std::vector<bool> in = InScope(model.params(), adapts);
  std::vector<size_t> places;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] && ConstantRate(inner, model.params()[i].group) != 0) {
      places.push_back(i);
    }
  }
  return places;
}

bool MovesPerTask(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts) {
  const std::vector<size_t> moved = MovedPlaces(model, inner, adapts);
  return std::all_of(moved.begin(), moved.end(), [&](size_t i) { return model.PerTask(i); });
}

}  // namespace metaprompt
