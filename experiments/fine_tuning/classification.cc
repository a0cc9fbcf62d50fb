#include "experiments/fine_tuning/classification.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/model/text_inputs.h"
#include "metaprompt/prompts/pack_texts.h"

namespace metaprompt {
namespace {

constexpr int64_t kBatchTokens = 1024;     // per batch of predictions on the CPU, as in commands/encode.cc
constexpr int64_t kGpuBatchTokens = 8192;  // the same on a GPU
constexpr double kLossTie = 1e-9;          // a loss times this is smaller than any difference of two accuracies

// The texts numbered `which`, and their labels.
struct PackedTexts {
  TextInputs inputs;
  at::Tensor labels;  // [B] int64
};

PackedTexts Packed(const TokenizedTexts& all, absl::Span<const int64_t> which, at::Device device) {
  std::vector<PromptedText> texts;
  at::Tensor labels = at::empty({static_cast<int64_t>(which.size())}, at::kLong);
  auto* label = labels.data_ptr<int64_t>();
  for (const int64_t i : which) {
    texts.push_back(all.texts[static_cast<size_t>(i)]);
    *label++ = all.labels[static_cast<size_t>(i)];
  }
  return {OnDevice(PackTexts(texts, Answers()), device), labels.to(device)};
}

// Sorts the indices of texts by length, the longest first; texts of equal length keep their order.
void SortByLength(const TokenizedTexts& all, std::vector<int64_t>* which) {
  const auto length = [&](int64_t i) { return all.texts[static_cast<size_t>(i)].ids.size(); };
  std::stable_sort(which->begin(), which->end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
}

std::vector<std::vector<int64_t>> BatchesByLength(const TokenizedTexts& all, int64_t batch_tokens) {
  std::vector<int64_t> order(all.texts.size());
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
    tokens += static_cast<int64_t>(all.texts[static_cast<size_t>(i)].ids.size());
  }
  return batches;
}

// The cross-entropy of each row [B].
at::Tensor RowLosses(const at::Tensor& logits, const at::Tensor& labels) {
  return -at::log_softmax(logits, 1).gather(1, labels.view({-1, 1})).view({-1});
}

}  // namespace

absl::StatusOr<Predictions> Predict(const TextClassifier& classifier, const ParamList& params,
                                    const TokenizedTexts& texts, at::Device device, const char* what, TaskPool* pool,
                                    Progress* progress) {
  const std::vector<std::vector<int64_t>> batches =
      BatchesByLength(texts, device.is_cpu() ? kBatchTokens : kGpuBatchTokens);
  Predictions predictions;
  predictions.answers.resize(texts.texts.size());
  std::vector<double> losses(texts.texts.size());
  const auto count = static_cast<int64_t>(batches.size());
  const int64_t done = pool->Run(
      count,
      [&](int64_t b) {
        const at::NoGradGuard no_grad;
        const std::vector<int64_t>& which = batches[static_cast<size_t>(b)];
        const PackedTexts packed = Packed(texts, which, device);
        const at::Tensor logits = classifier.Logits(params, packed.inputs, /*dropout_seed=*/nullptr);
        const at::Tensor answers = logits.argmax(1).cpu();
        const at::Tensor of_rows = RowLosses(logits, packed.labels).to(at::kDouble).cpu();
        for (size_t r = 0; r < which.size(); ++r) {
          predictions.answers[static_cast<size_t>(which[r])] = answers.data_ptr<int64_t>()[r];
          losses[static_cast<size_t>(which[r])] = of_rows.data_ptr<double>()[r];
        }
      },
      [&] { progress->Part(absl::StrCat(what, ", ", texts.size(), " texts")); }, TaskPool::FewTasks::kOneThread);
  if (done < count) {
    return absl::CancelledError(absl::StrCat("stopped in ", what));
  }
  if (texts.size() == 0) {
    return predictions;
  }
  const auto all = static_cast<double>(texts.size());
  predictions.loss = std::accumulate(losses.begin(), losses.end(), 0.0) / all;
  for (size_t i = 0; i < texts.labels.size(); ++i) {
    predictions.accuracy += predictions.answers[i] == texts.labels[i] ? 1 / all : 0;
  }
  return predictions;
}

Classification::Classification(const FineTuningSpec& spec, const TextClassifier* classifier,
                               const TokenizedTexts* train, const TokenizedTexts* valid, at::Device device)
    : spec_(spec),
      classifier_(*classifier),
      train_(*train),
      valid_(*valid),
      device_(device),
      order_(spec.seed(), train->texts.size()) {}

int64_t Classification::steps_per_epoch() const {
  return (train_.size() + spec_.train().batch() - 1) / spec_.train().batch();
}

TrainingBatch Classification::Batch(int64_t step) {
  const int64_t epoch = step / steps_per_epoch();
  const int64_t begin = step % steps_per_epoch() * spec_.train().batch();
  const int64_t size = std::min<int64_t>(spec_.train().batch(), train_.size() - begin);
  std::vector<int64_t> texts;
  for (int64_t i = begin; i < begin + size; ++i) {
    texts.push_back(static_cast<int64_t>(order_.At(epoch * train_.size() + i)));
  }
  SortByLength(train_, &texts);
  TrainingBatch batch;
  batch.counted = static_cast<double>(size);
  const int64_t parts = std::min<int64_t>(spec_.train().parts(), size);
  for (int64_t part = 0; part < parts; ++part) {
    std::vector<int64_t> which;
    for (int64_t i = part; i < size; i += parts) {  // so that each part has long and short texts
      which.push_back(texts[static_cast<size_t>(i)]);
    }
    const uint64_t seed = SubSeed(spec_.seed(), "dropout", static_cast<uint64_t>(step * spec_.train().parts() + part));
    batch.parts.emplace_back([this, which = std::move(which), seed, size](const ParamList& params) {
      const PackedTexts packed = Packed(train_, which, device_);
      const at::Tensor logits = classifier_.Logits(params, packed.inputs, &seed);
      PartLoss part_loss;
      part_loss.loss = RowLosses(logits, packed.labels).sum() / static_cast<double>(size);
      part_loss.correct = logits.detach().argmax(1).eq(packed.labels).sum().item<double>();
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
