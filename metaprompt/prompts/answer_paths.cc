#include "metaprompt/prompts/answer_paths.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace metaprompt {
namespace {

using Ids = std::vector<int64_t>;

Ids IdsIn(const at::Tensor& tensor) {
  if (!tensor.defined()) {
    return {};
  }
  const at::Tensor ids = tensor.cpu().contiguous();
  return {ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.numel()};
}

// The answers of the classes, without the entries that have weight 0.
std::vector<Ids> SequencesOf(const Answers& answers) {
  const Ids ids = IdsIn(answers.ids);
  const at::Tensor counts = answers.weights.ne(0).sum(1).cpu();
  const int64_t words = answers.ids.size(1);
  std::vector<Ids> sequences;
  for (int64_t c = 0; c < counts.size(0); ++c) {
    const auto first = ids.begin() + c * words;
    sequences.emplace_back(first, first + counts[c].item<int64_t>());
  }
  return sequences;
}

// The beginnings of one task's answers that inputs must contain.
struct Beginnings {
  std::vector<Ids> paths;  // no path is the beginning of another one
  std::vector<size_t> of;  // by way: the index of a path that begins with the answer's tokens except the last one
};

Beginnings BeginningsOf(const std::vector<Ids>& answers) {
  Beginnings beginnings;
  beginnings.of.resize(answers.size());
  std::vector<size_t> order(answers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return answers[a].size() > answers[b].size(); });
  for (const size_t way : order) {
    const Ids read(answers[way].begin(), answers[way].end() - 1);
    const auto found = std::find_if(beginnings.paths.begin(), beginnings.paths.end(), [&](const Ids& path) {
      return std::equal(read.begin(), read.end(), path.begin(), path.begin() + static_cast<int64_t>(read.size()));
    });
    beginnings.of[way] = static_cast<size_t>(found - beginnings.paths.begin());
    if (found == beginnings.paths.end()) {
      beginnings.paths.push_back(read);
    }
  }
  return beginnings;
}

at::Tensor Int64(const Ids& values) { return at::tensor(at::ArrayRef<int64_t>(values), at::kLong); }

// Collects the inputs and predictions, text by text.
class Collector {
 public:
  Collector(const Answers& answers, int64_t tasks)
      : sequences_(SequencesOf(answers)), context_(IdsIn(answers.context)), tasks_(tasks) {
    const auto ways = static_cast<int64_t>(sequences_.size()) / tasks;
    for (int64_t t = 0; t < tasks; ++t) {
      const auto first = sequences_.begin() + t * ways;
      of_tasks_.push_back(BeginningsOf(std::vector<Ids>(first, first + ways)));
      inputs_per_text_ = std::max(inputs_per_text_, of_tasks_.back().paths.size());
    }
    for (const Ids& sequence : sequences_) {
      words_ = std::max(words_, sequence.size());
    }
  }

  void Add(int64_t task, const Ids& text) {
    const Beginnings& beginnings = of_tasks_[static_cast<size_t>(task)];
    std::vector<int64_t> behind;  // by path: the last token of the text
    for (size_t p = 0; p < inputs_per_text_; ++p) {
      // Path 0 is repeated if another task has more paths.
      const Ids& path = beginnings.paths[p < beginnings.paths.size() ? p : 0];
      const auto begin = static_cast<int64_t>(ids_.size());
      for (const Ids* part : {&context_, &text, &path}) {
        ids_.insert(ids_.end(), part->begin(), part->end());
      }
      const auto end = static_cast<int64_t>(ids_.size());
      spans_.insert(spans_.end(), {begin, end - begin});
      behind.push_back(end - static_cast<int64_t>(path.size()) - 1);
      read_at_.push_back(behind.back() - begin);
    }
    last_.push_back(Read(behind[0]));
    const size_t ways = beginnings.of.size();
    for (size_t way = 0; way < ways; ++way) {
      const Ids& answer = sequences_[static_cast<size_t>(task) * ways + way];
      for (size_t k = 0; k < words_; ++k) {
        // The first tokens of all answers have the same prediction.
        const bool counts = k < answer.size();
        after_.push_back(k == 0 || !counts ? last_.back() : Read(behind[beginnings.of[way]] + static_cast<int64_t>(k)));
        tokens_.push_back(counts ? answer[k] : answer[0]);
        lengths_.push_back(counts ? static_cast<int64_t>(answer.size()) : 0);
      }
    }
  }

  AnswerPaths Take(const TextInputs& texts, SequenceSpec::Reduce reduce) {
    const at::Device device = texts.ids().device();
    AnswerPaths paths;
    Ids read_to(ids_.size(), -1);
    for (size_t k = 0; k < read_from_.size(); ++k) {
      read_to[static_cast<size_t>(read_from_[k])] = static_cast<int64_t>(k);
    }
    paths.inputs =
        TextInputs(Int64(ids_).to(device), Int64(spans_).view({-1, 2}), Int64(read_at_), Answers(), texts.uncounted());
    paths.read_from = Int64(read_from_).to(device);
    paths.read_to = Int64(read_to).to(device);
    paths.last = Int64(last_).to(device);
    const auto ways = static_cast<int64_t>(sequences_.size()) / tasks_;
    const std::vector<int64_t> shape = {texts.size(), ways, static_cast<int64_t>(words_)};
    paths.after = Int64(after_).view(shape).to(device);
    paths.tokens = Int64(tokens_).view(shape).to(device);
    const at::Tensor lengths = Int64(lengths_).view(shape).to(texts.answers().weights.options());
    paths.weights = reduce == SequenceSpec::MEAN ? at::where(lengths.gt(0), lengths.clamp_min(1).reciprocal(), lengths)
                                                 : lengths.gt(0).to(lengths.scalar_type());
    return paths;
  }

 private:
  // The index in read_from_ of the prediction after a token.
  int64_t Read(int64_t token) {
    const auto [found, is_new] = places_.try_emplace(token, static_cast<int64_t>(read_from_.size()));
    if (is_new) {
      read_from_.push_back(token);
    }
    return found->second;
  }

  const std::vector<Ids> sequences_;  // of all classes
  const Ids context_;
  const int64_t tasks_;
  std::vector<Beginnings> of_tasks_;
  size_t inputs_per_text_ = 0;
  size_t words_ = 0;  // of the longest answer
  Ids ids_;
  Ids spans_;
  Ids read_at_;
  Ids last_;
  Ids after_;
  Ids tokens_;
  Ids lengths_;
  Ids read_from_;
  std::map<int64_t, int64_t> places_;
};

}  // namespace

AnswerPaths PathsOf(const TextInputs& texts, int64_t tasks, SequenceSpec::Reduce reduce) {
  Collector collector(texts.answers(), tasks);
  const Ids start = IdsIn(texts.answers().start);
  const Ids ids = start.empty() ? IdsIn(texts.ids()) : Ids();
  for (int64_t b = 0; b < texts.size(); ++b) {
    const int64_t task = b * tasks / texts.size();
    if (!start.empty()) {
      collector.Add(task, start);
      continue;
    }
    const int64_t first = texts.spans().data_ptr<int64_t>()[2 * b];
    const int64_t length = texts.spans().data_ptr<int64_t>()[2 * b + 1];
    TORCH_CHECK(texts.read_at().data_ptr<int64_t>()[b] == length - 1, "PathsOf: text ", b,
                " is not read at its last token, after which the answer comes");
    collector.Add(task, Ids(ids.begin() + first, ids.begin() + first + length));
  }
  return collector.Take(texts, reduce);
}

at::Tensor AnswerScores(const AnswerPaths& paths, const at::Tensor& logits) {
  const at::Tensor chances = at::log_softmax(logits, -1);
  const at::Tensor of_tokens =
      chances.view({-1}).index_select(0, (paths.after * logits.size(1) + paths.tokens).view({-1}));
  return (of_tokens.view_as(paths.weights) * paths.weights).sum(-1);
}

}  // namespace metaprompt
