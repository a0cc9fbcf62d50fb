#include "learners/inner_loop.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

namespace metaprompt {

std::vector<bool> InScope(const std::vector<ParamInfo>& infos, Scope scope) {
  std::vector<bool> in;
  in.reserve(infos.size());
  for (const ParamInfo& info : infos) {
    in.push_back(scope == BOTH || (scope == PROMPT) == (info.group == ParamGroup::kPrompt));
  }
  return in;
}

TaskParams StartTask(const Model& model, const ParamList& params, const Answers& answers, const InnerRateSpec& rates) {
  TaskParams task;
  task.params = params;
  const std::vector<bool> in = InScope(model.params(), rates.adapts);
  for (size_t i = 0; i < in.size(); ++i) {
    const double rate = model.params()[i].group == ParamGroup::kPrompt ? rates.prompt_lr : rates.encoder_lr;
    task.rates.push_back(in[i] ? rate : 0.0);
  }
  if (rates.class_lr > 0) {
    for (const at::Tensor& tensor : model.ClassHead(params, answers)) {
      task.params.push_back(tensor);
      task.rates.push_back(rates.class_lr);
    }
  }
  return task;
}

ParamList Leaves(const ParamList& params, const std::vector<bool>& wanted) {
  ParamList leaves;
  leaves.reserve(params.size());
  for (size_t i = 0; i < params.size(); ++i) {
    leaves.push_back(params[i].detach().requires_grad_(wanted[i]));
  }
  return leaves;
}

StepResult GradientStep(const Model& model, const ParamList& params, const Batch& batch,
                        const std::vector<double>& rates, bool differentiable) {
  const at::AutoGradMode with_graph(true);
  std::vector<at::Tensor> adapted;
  for (size_t i = 0; i < params.size(); ++i) {
    if (rates[i] != 0) {
      adapted.push_back(params[i]);
    }
  }
  const ModelOutput output = model.Forward(params, batch);
  const at::Tensor loss = model.Loss(output, batch);
  StepResult result;
  result.params = params;
  result.loss = loss.item<double>();
  result.accuracy = Accuracy(output.logits, batch.labels);
  if (adapted.empty()) {
    return result;
  }
  const std::vector<at::Tensor> grads =
      torch::autograd::grad({loss}, adapted, {}, /*retain_graph=*/differentiable, /*create_graph=*/differentiable,
                            /*allow_unused=*/true);
  const at::AutoGradMode keep(differentiable);
  size_t next = 0;
  for (size_t i = 0; i < params.size(); ++i) {
    if (rates[i] == 0) {
      continue;
    }
    const at::Tensor& grad = grads[next++];
    const at::Tensor theta = differentiable ? params[i] : params[i].detach();
    result.params[i] = grad.defined() ? theta.sub(grad, rates[i]) : theta;
  }
  return result;
}

ParamList Descend(const Model& model, const ParamList& params, const Batch& batch, const std::vector<double>& rates,
                  int steps) {
  std::vector<bool> adapted;
  adapted.reserve(rates.size());
  for (const double rate : rates) {
    adapted.push_back(rate != 0);
  }
  ParamList theta = params;
  for (int k = 0; k < steps; ++k) {
    theta = GradientStep(model, Leaves(theta, adapted), batch, rates, /*differentiable=*/false).params;
  }
  return theta;
}

double Accuracy(const at::Tensor& logits, const at::Tensor& labels) {
  if (!logits.defined()) {
    return 0;
  }
  return logits.detach().argmax(-1).eq(labels).sum().item<double>() / static_cast<double>(labels.size(0));
}

}  // namespace metaprompt
