#include "episodes/merge.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace metaprompt {
namespace {

// The soft vectors of a template: token ids from `rows` on.
int64_t NumSoft(const Batch& batch, int64_t rows) {
  return batch.token_ids.numel() == 0 ? 0 : std::max<int64_t>(0, batch.token_ids.max().item<int64_t>() + 1 - rows);
}

// `x` [.., n], wider at its end.
at::Tensor Widened(const at::Tensor& x, int64_t width, double value) {
  return at::constant_pad_nd(x, {0, width - x.size(-1)}, value);
}

// Indices but for -1, which is none.
at::Tensor Shifted(const at::Tensor& index, int64_t by) { return at::where(index < 0, index, index + by); }

// Where a task's rows stand in those of all.
struct Places {
  at::Tensor rows;  // [U of the task] int64
  int64_t all = 0;  // U
};

// [ways, words] of each task, below one another; what is added to a shorter one weighs nothing.
Answers MergeAnswers(const std::vector<const Batch*>& batches, const std::vector<Places>& places) {
  int64_t words = 0;
  for (const Batch* batch : batches) {
    words = std::max(words, batch->answers.ids.size(1));
  }
  std::vector<at::Tensor> ids;
  std::vector<at::Tensor> weights;
  for (size_t t = 0; t < batches.size(); ++t) {
    const Answers& answers = batches[t]->answers;
    const at::Tensor last = answers.ids.narrow(1, answers.ids.size(1) - 1, 1);
    const at::Tensor filled = at::cat({answers.ids, last.expand({-1, words - answers.ids.size(1)})}, 1);
    ids.push_back(places[t].rows.index_select(0, filled.view({-1})).view_as(filled));
    weights.push_back(Widened(answers.weights, words, 0));
  }
  return Answers{at::cat(ids), at::cat(weights)};
}

Batch MergeBatches(const std::vector<const Batch*>& batches, const std::vector<Places>& places, int64_t num_soft) {
  Batch merged;
  merged.tasks = static_cast<int64_t>(batches.size());
  for (const Batch* batch : batches) {
    TORCH_CHECK(
        batch->tasks == 1 && batch->lowered == 0 && batch->size == batches[0]->size &&
            RowsOf(*batch) == RowsOf(*batches[0]) && batch->answers.ids.size(0) == batches[0]->answers.ids.size(0),
        "MergeEpisodes: a batch of ", batch->tasks, " tasks, ", batch->size, " texts, ", RowsOf(*batch), " labels and ",
        batch->answers.ids.size(0), " ways, lowered to ", batch->lowered, ", beside one of ", batches[0]->size,
        " texts, ", RowsOf(*batches[0]), " labels and ", batches[0]->answers.ids.size(0), " ways");
    merged.longest = std::max(merged.longest, batch->longest);
  }
  std::vector<at::Tensor> ids;
  std::vector<at::Tensor> positions;
  std::vector<at::Tensor> spans;
  std::vector<at::Tensor> padded_from;
  std::vector<at::Tensor> packed_from;
  std::vector<at::Tensor> mask_from;
  std::vector<at::Tensor> mask_to;
  std::vector<at::Tensor> attention_bias;
  std::vector<at::Tensor> repeats;
  std::vector<at::Tensor> labels;
  int64_t tokens = 0;  // of the tasks before
  for (size_t t = 0; t < batches.size(); ++t) {
    const Batch& batch = *batches[t];
    const int64_t rows = places[t].rows.size(0);
    const int64_t first_soft = places[t].all + static_cast<int64_t>(t) * num_soft;
    ids.push_back(at::where(batch.token_ids < rows, places[t].rows.index_select(0, batch.token_ids.clamp_max(rows - 1)),
                            batch.token_ids - rows + first_soft));
    positions.push_back(batch.positions);
    spans.push_back(batch.spans + at::tensor({tokens, int64_t{0}}, at::kLong));
    padded_from.push_back(
        Widened(Shifted(batch.padded_from, tokens).view({batch.size, batch.longest}), merged.longest, -1).view({-1}));
    const at::Tensor text = at::floor_divide(batch.packed_from, batch.longest);
    packed_from.push_back((text + merged.size) * merged.longest + batch.packed_from.remainder(batch.longest));
    mask_from.push_back(batch.mask_from + tokens);
    mask_to.push_back(Shifted(batch.mask_to, merged.size));
    attention_bias.push_back(Widened(batch.attention_bias, merged.longest, -std::numeric_limits<double>::infinity()));
    if (batch.repeats.defined()) {
      repeats.push_back(batch.repeats + merged.size);
    }
    labels.push_back(batch.labels);
    tokens += batch.token_ids.size(0);
    merged.size += batch.size;
  }
  merged.token_ids = at::cat(ids);
  merged.positions = at::cat(positions);
  merged.spans = at::cat(spans);
  merged.padded_from = at::cat(padded_from);
  merged.packed_from = at::cat(packed_from);
  merged.mask_from = at::cat(mask_from);
  merged.mask_to = at::cat(mask_to);
  merged.attention_bias = at::cat(attention_bias);
  if (!repeats.empty()) {
    TORCH_CHECK(repeats.size() == batches.size(), "MergeEpisodes: some batches repeat texts and some do not");
    merged.repeats = at::cat(repeats);
  }
  merged.labels = at::cat(labels);
  merged.answers = MergeAnswers(batches, places);
  return merged;
}

}  // namespace

Episode MergeEpisodes(std::vector<Episode> episodes) {
  TORCH_CHECK(!episodes.empty(), "MergeEpisodes: no episode");
  if (episodes.size() == 1) {
    return std::move(episodes[0]);
  }
  std::vector<at::Tensor> rows;
  std::vector<const Batch*> support;
  std::vector<const Batch*> query;
  int64_t num_soft = 0;
  for (const Episode& episode : episodes) {
    rows.push_back(episode.rows);
    support.push_back(&episode.support);
    query.push_back(&episode.query);
    for (const Batch* batch : {&episode.support, &episode.query}) {
      num_soft = std::max(num_soft, NumSoft(*batch, episode.rows.size(0)));
    }
  }
  Episode merged;
  merged.plan = std::move(episodes[0].plan);
  merged.rows = std::get<0>(at::_unique(at::cat(rows), /*sorted=*/true));
  std::vector<Places> places;
  for (const at::Tensor& of_task : rows) {
    places.push_back(Places{at::searchsorted(merged.rows, of_task), merged.rows.size(0)});
  }
  merged.support = MergeBatches(support, places, num_soft);
  merged.query = MergeBatches(query, places, num_soft);
  return merged;
}

}  // namespace metaprompt
