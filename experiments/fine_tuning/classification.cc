#include "experiments/fine_tuning/classification.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/model/inputs.h"

namespace metaprompt {
namespace {

constexpr int64_t kBatchTokens = 1024;     // per batch of predictions on the CPU, as in commands/encode.cc
constexpr int64_t kGpuBatchTokens = 8192;  // the same on a GPU
constexpr double kLossTie = 1e-9;          // a loss times this is smaller than any difference of two accuracies

// Some of the examples, and their labels.
struct LabelledBatch {
  Inputs inputs;
  at::Tensor labels;  // [B] int64
};

// The examples with the indices `which`, for a model with these parameters.
LabelledBatch BatchOf(const LabelledInputs& all, absl::Span<const int64_t> which, const ParamList& params,
                      at::Device device) {
  at::Tensor labels = at::empty({static_cast<int64_t>(which.size())}, at::kLong);
  auto* label = labels.data_ptr<int64_t>();
  for (const int64_t i : which) {
    *label++ = all.labels()[static_cast<size_t>(i)];
  }
  return {OnDevice(all.Of(which, params[0].scalar_type()), device), labels.to(device)};
}

// Sorts the indices of examples by length, the longest first; examples of equal length keep their order.
void SortByLength(const LabelledInputs& all, std::vector<int64_t>* which) {
  std::stable_sort(which->begin(), which->end(),
                   [&](int64_t a, int64_t b) { return all.TokensOf(a) > all.TokensOf(b); });
}

std::vector<std::vector<int64_t>> BatchesByLength(const LabelledInputs& all, int64_t batch_tokens) {
  std::vector<int64_t> order(all.labels().size());
  std::iota(order.begin(), order.end(), 0);
  SortByLength(all, &order);
  std::vector<std::vector<int64_t>> batches;
  int64_t tokens = batch_tokens;
  for (const int64_t i : order) {
    if (tokens >= batch_tokens) {
      batches.emplace_back();
      tokens = 0;
    }
    batches.back().push_back(i);
    tokens += all.TokensOf(i);
  }
  return batches;
}

// The cross-entropy of each row [B].
at::Tensor RowLosses(const at::Tensor& logits, const at::Tensor& labels) {
  return -at::log_softmax(logits, 1).gather(1, labels.view({-1, 1})).view({-1});
}

}  // namespace

absl::StatusOr<Predictions> Predict(const EncoderClassifier& classifier, const ParamList& params,
                                    const LabelledInputs& examples, at::Device device, const char* what, TaskPool* pool,
                                    Progress* progress) {
  const std::vector<std::vector<int64_t>> batches =
      BatchesByLength(examples, device.is_cpu() ? kBatchTokens : kGpuBatchTokens);
  Predictions predictions;
  predictions.answers.resize(examples.labels().size());
  std::vector<double> losses(examples.labels().size());
  const auto count = static_cast<int64_t>(batches.size());
  const int64_t done = pool->Run(
      count,
      [&](int64_t b) {
        const at::NoGradGuard no_grad;
        const std::vector<int64_t>& which = batches[static_cast<size_t>(b)];
        const LabelledBatch batch = BatchOf(examples, which, params, device);
        const at::Tensor logits = classifier.Logits(params, batch.inputs, /*dropout_seed=*/nullptr);
        const at::Tensor answers = logits.argmax(1).cpu();
        const at::Tensor of_rows = RowLosses(logits, batch.labels).to(at::kDouble).cpu();
        for (size_t r = 0; r < which.size(); ++r) {
          predictions.answers[static_cast<size_t>(which[r])] = answers.data_ptr<int64_t>()[r];
          losses[static_cast<size_t>(which[r])] = of_rows.data_ptr<double>()[r];
        }
      },
      [&] { progress->Part(absl::StrCat(what, ", ", examples.size(), " ", examples.kind())); },
      TaskPool::FewTasks::kOneThread);
  if (done < count) {
    return absl::CancelledError(absl::StrCat("stopped in ", what));
  }
  if (examples.size() == 0) {
    return predictions;
  }
  const auto all = static_cast<double>(examples.size());
  predictions.loss = std::accumulate(losses.begin(), losses.end(), 0.0) / all;
  for (size_t i = 0; i < predictions.answers.size(); ++i) {
    predictions.accuracy += predictions.answers[i] == examples.labels()[i] ? 1 / all : 0;
  }
  predictions.accuracy = std::min(predictions.accuracy, 1.0);  // nine times 1 / 9 is above 1 by rounding
  return predictions;
}

Classification::Classification(const FineTuningSpec& spec, const EncoderClassifier* classifier,
                               const LabelledInputs* train, const LabelledInputs* valid, at::Device device)
    : spec_(spec),
      classifier_(*classifier),
      train_(*train),
      valid_(*valid),
      device_(device),
      order_(spec.seed(), train->labels().size()) {}

int64_t Classification::steps_per_epoch() const {
  return (train_.size() + spec_.train().batch() - 1) / spec_.train().batch();
}

TrainingBatch Classification::Batch(int64_t step) {
  const int64_t epoch = step / steps_per_epoch();
  const int64_t begin = step % steps_per_epoch() * spec_.train().batch();
  const int64_t size = std::min<int64_t>(spec_.train().batch(), train_.size() - begin);
  std::vector<int64_t> examples;
  for (int64_t i = begin; i < begin + size; ++i) {
    examples.push_back(static_cast<int64_t>(order_.At(epoch * train_.size() + i)));
  }
  SortByLength(train_, &examples);
  TrainingBatch batch;
  batch.counted = static_cast<double>(size);
  const int64_t parts = std::min<int64_t>(spec_.train().parts(), size);
  for (int64_t part = 0; part < parts; ++part) {
    std::vector<int64_t> which;
    for (int64_t i = part; i < size; i += parts) {  // so that each part has long and short texts
      which.push_back(examples[static_cast<size_t>(i)]);
    }
    const uint64_t seed = SubSeed(spec_.seed(), "dropout", static_cast<uint64_t>(step * spec_.train().parts() + part));
    batch.parts.emplace_back([this, which = std::move(which), seed, size](const ParamList& params) {
      const LabelledBatch some = BatchOf(train_, which, params, device_);
      const at::Tensor logits = classifier_.Logits(params, some.inputs, &seed);
      PartLoss part_loss;
      part_loss.loss = RowLosses(logits, some.labels).sum() / static_cast<double>(size);
      part_loss.correct = logits.detach().argmax(1).eq(some.labels).sum().item<double>();
      return part_loss;
    });
  }
  return batch;
}

absl::StatusOr<Validation> Classification::Validate(const ParamList& params, TaskPool* pool, Progress* progress) {
  Validation validation;
  if (valid_.size() == 0) {
    validation.empty = true;
    return validation;
  }
  ASSIGN_OR_RETURN(const Predictions predictions,
                   Predict(classifier_, params, valid_, device_, "validation", pool, progress));
  validation.loss = predictions.loss;
  validation.accuracy = predictions.accuracy;
  validation.score = predictions.accuracy - kLossTie * predictions.loss;
  return validation;
}

}  // namespace metaprompt
