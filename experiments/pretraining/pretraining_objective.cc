#include "experiments/pretraining/pretraining_objective.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/pretraining/masked_language.h"
#include "experiments/pretraining/text_pairs.h"
#include "learners/inner/gradients.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/encoders/dropout_rates.h"

namespace metaprompt {
namespace {

constexpr int64_t kValidInputs = 64;  // per chunk of validation

// Cuts inputs of these lengths into at most `parts` parts with about equally many tokens. Returns the end of each part.
std::vector<size_t> CutEvenly(const std::vector<size_t>& lengths, size_t parts) {
  const size_t total = std::accumulate(lengths.begin(), lengths.end(), size_t{0});
  std::vector<size_t> ends;
  size_t tokens = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    tokens += lengths[i];
    if (tokens * parts >= total * (ends.size() + 1)) {
      ends.push_back(i + 1);
    }
  }
  return ends;
}

// The indices begin ... end - 1.
struct Range {
  size_t begin;
  size_t end;
};

// Part `part` of `count` indices, divided into `parts` parts whose sizes differ by at most one.
Range PartOf(size_t count, int64_t part, int64_t parts) {
  const auto size = static_cast<int64_t>(count);
  return {static_cast<size_t>(size * part / parts), static_cast<size_t>(size * (part + 1) / parts)};
}

// Calls `sums` for each of `chunks` chunks in parallel, each on one thread, and calls `add` with the results in the
// order of the chunks.
template <typename Sums>
absl::Status SumChunks(const char* what, int64_t chunks, TaskPool* pool, Progress* progress,
                       const std::function<Sums(int64_t)>& sums, const std::function<void(const Sums&)>& add) {
  std::vector<Sums> results(static_cast<size_t>(chunks));
  std::atomic<int64_t> finished{0};
  const int64_t done = pool->Run(
      chunks,
      [&](int64_t chunk) {
        const at::NoGradGuard no_grad;
        results[static_cast<size_t>(chunk)] = sums(chunk);
        ++finished;
      },
      [&] { progress->Part(absl::StrCat(what, ": ", finished.load(), "/", chunks, " parts")); },
      TaskPool::FewTasks::kOneThread);
  if (done < chunks) {
    return absl::CancelledError("stopped in validation");
  }
  for (const Sums& one : results) {
    add(one);
  }
  return absl::OkStatus();
}

}  // namespace

// The pairs of a step, which its parts share.
struct PretrainingObjective::PairsOfStep {
  std::vector<size_t> which;
  std::vector<at::Tensor> vectors;  // of each part: [2 P, D], those of the first texts and then of the second ones
  std::once_flag once;              // computes the members below, when all vectors are there
  ParamList gradients;              // of the sum of the losses, for each of `vectors`
  PairsLoss loss;
};

PretrainingObjective::PretrainingObjective(const PretrainingSpec& spec, const Encoder* encoder,
                                           const Tokenizer& tokenizer, const Corpus* corpus, at::Device device)
    : spec_(spec),
      encoder_(encoder),
      corpus_(corpus),
      device_(device),
      masking_(spec.masked(), tokenizer),
      bfloat16_(spec.precision() == ExperimentSpec::BFLOAT16),
      texts_(SubSeed(spec.seed(), "texts"), corpus->train.size()),
      pairs_(SubSeed(spec.seed(), "pairs"), corpus->train_pairs.size()) {
  dropout_ = RatesOf(spec.dropout(), encoder->config());
}

Dropout PretrainingObjective::DropoutOf(int64_t step, size_t part) const {
  Dropout dropout = dropout_;
  dropout.seed = SubSeed(SubSeed(spec_.seed(), "dropout", static_cast<uint64_t>(step)), "part", part);
  return dropout;
}

void PretrainingObjective::AddMasked(int64_t step, TrainingBatch* batch) {
  const int64_t size = spec_.masked().batch();
  std::vector<MaskedTokens> inputs;
  int64_t predicted = 0;
  for (int64_t i = 0; i < size; ++i) {
    const int64_t position = step * size + i;
    Random random(SubSeed(spec_.seed(), "mask", static_cast<uint64_t>(position)));
    inputs.push_back(masking_.Apply(corpus_->train[texts_.At(position)], &random));
    predicted += static_cast<int64_t>(inputs.back().places.size());
  }
  // Groups inputs of similar length, for less padding where texts are padded.
  std::stable_sort(inputs.begin(), inputs.end(),
                   [](const MaskedTokens& a, const MaskedTokens& b) { return a.ids.size() < b.ids.size(); });
  std::vector<size_t> lengths;
  for (const MaskedTokens& input : inputs) {
    lengths.push_back(input.ids.size());
  }
  const double scale = spec_.masked().weight() / static_cast<double>(std::max<int64_t>(predicted, 1));
  const auto all = std::make_shared<const std::vector<MaskedTokens>>(std::move(inputs));
  size_t begin = 0;
  for (const size_t end : CutEvenly(lengths, static_cast<size_t>(spec_.train().parts()))) {
    const Dropout dropout = DropoutOf(step, batch->parts.size());
    batch->parts.emplace_back([this, all, begin, end, scale, dropout](const ParamList& params) {
      const MaskedBatch packed = PackMasked(absl::MakeSpan(*all).subspan(begin, end - begin), device_);
      const MaskedLoss loss = LossOfMasked(*encoder_, params, packed, dropout, bfloat16_);
      return PartLoss{loss.sum * scale, static_cast<double>(loss.correct)};
    });
    begin = end;
  }
  batch->counted += static_cast<double>(predicted);
}

TextInputs PretrainingObjective::Pack(const PairTable& table, const std::vector<size_t>& which) const {
  std::vector<std::vector<int64_t>> ids;
  for (const TokenTable* const side : {&table.first, &table.second}) {
    for (const size_t i : which) {
      ids.emplace_back((*side)[i].begin(), (*side)[i].end());
    }
  }
  return PackIds(ids, device_);
}

PairVectors PretrainingObjective::PairsWith(const at::Tensor& vectors, const PairTable& table,
                                            const std::vector<size_t>& which) const {
  std::vector<int64_t> first;
  std::vector<int64_t> second;
  for (const size_t i : which) {
    first.push_back(table.first_text[i]);
    second.push_back(table.second_text[i]);
  }
  const auto pairs = static_cast<int64_t>(which.size());
  return {vectors.slice(0, 0, pairs), vectors.slice(0, pairs), at::tensor(first, at::kLong).to(device_),
          at::tensor(second, at::kLong).to(device_)};
}

void PretrainingObjective::AddPairs(int64_t step, TrainingBatch* batch) {
  const int64_t size = spec_.pairs().batch();
  const int64_t parts = std::min<int64_t>(spec_.train().parts(), size);
  const auto whole = std::make_shared<PairsOfStep>();
  whole->vectors.resize(static_cast<size_t>(parts));
  for (int64_t i = 0; i < size; ++i) {
    whole->which.push_back(pairs_.At(step * size + i));
  }
  const bool counts = !spec_.has_masked();
  const double scale = spec_.pairs().weight() / static_cast<double>(size);
  for (int64_t part = 0; part < parts; ++part) {
    const Range range = PartOf(static_cast<size_t>(size), part, parts);
    const auto at = static_cast<size_t>(part);
    const std::vector<size_t> which(whole->which.begin() + static_cast<std::ptrdiff_t>(range.begin),
                                    whole->which.begin() + static_cast<std::ptrdiff_t>(range.end));
    const Dropout dropout = DropoutOf(step, batch->parts.size());
    const auto vectors = [this, which, dropout](const ParamList& params) {
      return VectorsOfTexts(*encoder_, params, Pack(corpus_->train_pairs, which), dropout, bfloat16_);
    };
    if (parts == 1) {
      batch->parts.emplace_back([this, whole, vectors, scale, counts](const ParamList& params) {
        const at::Tensor own = vectors(params);
        const PairsLoss loss =
            LossOfPairs(PairsWith(own, corpus_->train_pairs, whole->which), spec_.pairs().temperature());
        return PartLoss{loss.each.sum() * scale, counts ? loss.found.sum().item<double>() : 0};
      });
      break;
    }
    batch->before.emplace_back([whole, at, vectors](const ParamList& params) { whole->vectors[at] = vectors(params); });
    batch->parts.emplace_back([this, whole, at, vectors, range, scale, counts](const ParamList& params) {
      std::call_once(whole->once, [&] { ComputeLoss(whole.get()); });
      // The gradient of `loss` is that of the batch's loss with respect to these vectors; its value is these pairs'
      // share of that loss.
      const at::Tensor along = (vectors(params) * whole->gradients[at]).sum();
      const auto begin = static_cast<int64_t>(range.begin);
      const auto end = static_cast<int64_t>(range.end);
      const at::Tensor loss = along - along.detach() + whole->loss.each.slice(0, begin, end).sum();
      return PartLoss{loss * scale, counts ? whole->loss.found.slice(0, begin, end).sum().item<double>() : 0};
    });
  }
  batch->counted += counts ? static_cast<double>(size) : 0;
}

void PretrainingObjective::ComputeLoss(PairsOfStep* step) const {
  const at::AutoGradMode with_gradient(true);
  ParamList leaves;
  std::vector<at::Tensor> first;
  std::vector<at::Tensor> second;
  for (const at::Tensor& vectors : step->vectors) {
    leaves.push_back(vectors.detach().requires_grad_());
    first.push_back(leaves.back().slice(0, 0, vectors.size(0) / 2));
    second.push_back(leaves.back().slice(0, vectors.size(0) / 2));
  }
  first.insert(first.end(), second.begin(), second.end());
  const PairsLoss loss =
      LossOfPairs(PairsWith(at::cat(first), corpus_->train_pairs, step->which), spec_.pairs().temperature());
  step->gradients = Gradients({loss.each.sum()}, leaves, {}, /*keep_graph=*/false, /*create_graph=*/false);
  step->loss = {loss.each.detach(), loss.found};
  step->vectors.clear();
}

TrainingBatch PretrainingObjective::Batch(int64_t step) {
  TrainingBatch batch;
  if (spec_.has_masked()) {
    AddMasked(step, &batch);
  }
  if (spec_.has_pairs()) {
    AddPairs(step, &batch);
  }
  return batch;
}

PretrainingObjective::Sums PretrainingObjective::ValidMasked(const ParamList& params, size_t begin, size_t end) const {
  std::vector<MaskedTokens> inputs;
  for (size_t i = begin; i < end; ++i) {
    Random random(SubSeed(spec_.seed(), "valid mask", i));
    inputs.push_back(masking_.Apply(corpus_->valid[i], &random));
  }
  const MaskedBatch packed = PackMasked(inputs, device_);
  const MaskedLoss loss = LossOfMasked(*encoder_, params, packed, {}, bfloat16_);
  return {loss.sum.item<double>(), static_cast<double>(loss.correct), packed.predicted()};
}

PretrainingObjective::Sums PretrainingObjective::ValidPairs(const ParamList& params, size_t begin, size_t end) const {
  std::vector<at::Tensor> first;
  std::vector<at::Tensor> second;
  for (size_t from = begin; from < end; from += kValidInputs) {
    std::vector<size_t> some(std::min<size_t>(kValidInputs, end - from));
    std::iota(some.begin(), some.end(), from);
    const at::Tensor vectors =
        VectorsOfTexts(*encoder_, params, Pack(corpus_->valid_pairs, some), /*dropout=*/{}, bfloat16_);
    first.push_back(vectors.slice(0, 0, vectors.size(0) / 2));
    second.push_back(vectors.slice(0, vectors.size(0) / 2));
  }
  first.insert(first.end(), second.begin(), second.end());
  std::vector<size_t> which(end - begin);
  std::iota(which.begin(), which.end(), begin);
  const PairsLoss loss =
      LossOfPairs(PairsWith(at::cat(first), corpus_->valid_pairs, which), spec_.pairs().temperature());
  return {loss.each.sum().item<double>(), loss.found.sum().item<double>(), static_cast<int64_t>(which.size())};
}

absl::StatusOr<Validation> PretrainingObjective::Validate(const ParamList& params, TaskPool* pool, Progress* progress) {
  Validation result;
  // Adds the loss of `count` inputs or pairs, in chunks of about `size`.
  const auto part = [&](size_t count, int64_t size, double weight, bool accuracy,
                        Sums (PretrainingObjective::*valid)(const ParamList&, size_t, size_t) const) {
    Sums all;
    const int64_t chunks = std::max<int64_t>(1, static_cast<int64_t>(count) / size);
    RETURN_IF_ERROR(SumChunks<Sums>(
        "validation", chunks, pool, progress,
        [&](int64_t chunk) {
          const Range range = PartOf(count, chunk, chunks);
          return (this->*valid)(params, range.begin, range.end);
        },
        [&](const Sums& one) {
          all.loss += one.loss;
          all.correct += one.correct;
          all.count += one.count;
        }));
    const auto total = static_cast<double>(std::max<int64_t>(all.count, 1));
    result.loss += weight * all.loss / total;
    if (accuracy) {
      result.accuracy = all.correct / total;
    }
    return absl::OkStatus();
  };
  if (spec_.has_masked()) {
    RETURN_IF_ERROR(part(corpus_->valid.size(), kValidInputs, spec_.masked().weight(), /*accuracy=*/true,
                         &PretrainingObjective::ValidMasked));
  }
  if (spec_.has_pairs()) {  // contrasts at least as many pairs as in training, if there are so many, and less than
                            // twice as many
    RETURN_IF_ERROR(part(corpus_->valid_pairs.size(), spec_.pairs().batch(), spec_.pairs().weight(),
                         !spec_.has_masked(), &PretrainingObjective::ValidPairs));
  }
  result.score = -result.loss;
  return result;
}

absl::StatusOr<double> PretrainingObjective::PseudoPerplexity(const ParamList& params, int64_t inputs, TaskPool* pool,
                                                              Progress* progress) const {
  Sums all;
  RETURN_IF_ERROR(SumChunks<Sums>(
      "pseudo-perplexity", std::min(inputs, static_cast<int64_t>(corpus_->valid.size())), pool, progress,
      [&](int64_t i) {
        const absl::Span<const int32_t> ids = corpus_->valid[static_cast<size_t>(i)];
        std::vector<MaskedTokens> masked;
        for (size_t place = 0; place < ids.size(); ++place) {
          if (!masking_.IsSpecial(ids[place])) {
            masked.push_back(masking_.MaskOne(ids, static_cast<int64_t>(place)));
          }
        }
        const MaskedBatch packed = PackMasked(masked, device_);
        const MaskedLoss loss = LossOfMasked(*encoder_, params, packed, {}, bfloat16_);
        return Sums{loss.sum.item<double>(), 0, packed.predicted()};
      },
      [&](const Sums& one) {
        all.loss += one.loss;
        all.count += one.count;
      }));
  return std::exp(all.loss / static_cast<double>(std::max<int64_t>(all.count, 1)));
}

}  // namespace metaprompt
