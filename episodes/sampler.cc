#include "episodes/sampler.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

// Draws `count` different numbers from [0, size), in random order. Takes O(count) time and memory, by a Fisher-Yates
// shuffle that stores only the elements that it has moved.
std::vector<int64_t> Sample(int64_t size, int64_t count, Random* random) {
  std::unordered_map<int64_t, int64_t> moved;
  const auto at = [&](int64_t i) {
    const auto found = moved.find(i);
    return found == moved.end() ? i : found->second;
  };
  std::vector<int64_t> sample;
  sample.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t k = i + static_cast<int64_t>(random->Below(static_cast<uint64_t>(size - i)));
    sample.push_back(at(k));
    moved[k] = at(i);
  }
  return sample;
}

}  // namespace

absl::StatusOr<EpisodeSampler> EpisodeSampler::Create(std::vector<ClassSize> classes, const EpisodeShape& shape,
                                                      uint64_t seed, absl::string_view purpose) {
  if (static_cast<int64_t>(classes.size()) < shape.ways) {
    return absl::InvalidArgumentError(absl::StrCat("episodes.ways is ", shape.ways,
                                                   ", but there are fewer classes in the split '", purpose,
                                                   "': ", classes.size()));
  }
  std::vector<std::string> small;
  std::vector<std::string> shared;
  for (const ClassSize& one : classes) {
    const int64_t own = one.texts - static_cast<int64_t>(one.shared.size());
    if (one.texts < shape.shots + shape.queries) {
      small.push_back(absl::StrCat("'", one.label, "' (", one.texts, ")"));
    } else if (own < shape.shots + shape.queries) {
      shared.push_back(absl::StrCat("'", one.label, "' (", own, ")"));
    }
  }
  if (!small.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("an episode needs shots + queries = ", shape.shots, " + ",
                                                   shape.queries, " texts per class; these classes of the split '",
                                                   purpose, "' have fewer: ", absl::StrJoin(small, ", ")));
  }
  if (!shared.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "an episode needs shots + queries = ", shape.shots, " + ", shape.queries,
        " texts per class; these classes of the split '", purpose, "' have fewer that have no other label: ",
        absl::StrJoin(shared, ", "), "; remove the others, or set episodes.allow_shared_texts {}"));
  }
  EpisodeSampler sampler;
  bool any_shared = false;
  for (const ClassSize& one : classes) {
    sampler.class_texts_.push_back(one.texts);
    sampler.shared_.push_back(one.shared);
    any_shared = any_shared || !one.shared.empty();
  }
  if (!any_shared) {
    sampler.shared_.clear();
  }
  sampler.shape_ = shape;
  sampler.seed_ = seed;
  sampler.purpose_ = absl::StrCat("episodes/", purpose);
  return sampler;
}

absl::StatusOr<EpisodeSampler> EpisodeSampler::WithWordTasks(
    double share, const std::vector<int64_t>& word_texts,
    const std::vector<std::map<int64_t, int64_t>>& word_shared) const {
  EpisodeSampler sampler = *this;
  sampler.word_share_ = share;
  sampler.word_texts_ = word_texts;
  sampler.word_shared_ = word_shared;
  for (size_t word = 0; word < word_texts.size(); ++word) {
    if (word_texts[word] >= shape_.shots + shape_.queries) {
      sampler.words_.push_back(static_cast<int64_t>(word));
    }
  }
  if (share > 0 && static_cast<int64_t>(sampler.words_.size()) < shape_.ways) {
    return absl::InvalidArgumentError(
        absl::StrCat("episodes.word_tasks is ", share, ", but only ", sampler.words_.size(),
                     " words of the training texts have at least shots + queries = ", shape_.shots, " + ",
                     shape_.queries, " texts; ", shape_.ways, " are needed"));
  }
  return sampler;
}

void EpisodeSampler::Deal(const std::vector<int64_t>& pool, Random* random, EpisodePlan* plan) const {
  for (const int64_t of_class : plan->classes) {
    const std::vector<int64_t> texts =
        Sample(pool[static_cast<size_t>(of_class)], shape_.shots + shape_.queries, random);
    for (size_t i = 0; i < texts.size(); ++i) {
      (static_cast<int64_t>(i) < shape_.shots ? plan->support : plan->query).push_back(TextRef{of_class, texts[i]});
    }
  }
}

void EpisodeSampler::KeepApart(const std::vector<int64_t>& pool, const std::vector<std::map<int64_t, int64_t>>& shared,
                               EpisodePlan* plan) const {
  if (shared.empty()) {
    return;
  }
  const auto number_of = [&](const TextRef& ref) {
    const std::map<int64_t, int64_t>& of_class = shared[static_cast<size_t>(ref.of_class)];
    const auto found = of_class.find(ref.text);
    return found == of_class.end() ? -1 : found->second;
  };
  std::set<int64_t> in_support;
  for (const TextRef& ref : plan->support) {
    in_support.insert(number_of(ref));
  }
  in_support.erase(-1);
  Random random(SubSeed(seed_, purpose_ + "/apart", static_cast<uint64_t>(plan->index)));
  for (TextRef& ref : plan->query) {
    const int64_t texts = pool[static_cast<size_t>(ref.of_class)];
    const auto own = texts - static_cast<int64_t>(shared[static_cast<size_t>(ref.of_class)].size());
    if (in_support.count(number_of(ref)) == 0 || own < shape_.shots + shape_.queries) {
      continue;  // Create has checked that classes have enough unshared texts, but words may not
    }
    TextRef other = ref;
    const auto drawn = [&](const std::vector<TextRef>& refs) {
      return std::find(refs.begin(), refs.end(), other) != refs.end();
    };
    do {
      other.text = static_cast<int64_t>(random.Below(static_cast<uint64_t>(texts)));
    } while (number_of(other) >= 0 || drawn(plan->support) || drawn(plan->query));
    ref = other;
  }
}

std::vector<EpisodePlan> EpisodeSampler::Plans(int64_t first, int64_t count) const {
  std::vector<EpisodePlan> plans;
  plans.reserve(static_cast<size_t>(count));
  for (int64_t i = first; i < first + count; ++i) {
    plans.push_back(Plan(i));
  }
  return plans;
}

EpisodePlan EpisodeSampler::Plan(int64_t index) const {
  Random random(SubSeed(seed_, purpose_, static_cast<uint64_t>(index)));
  EpisodePlan plan;
  plan.index = index;
  plan.classes = Sample(static_cast<int64_t>(class_texts_.size()), shape_.ways, &random);
  Deal(class_texts_, &random, &plan);
  KeepApart(class_texts_, shared_, &plan);
  // A separate random stream, so that these choices do not affect the classes and texts drawn above.
  Random choices(SubSeed(seed_, purpose_ + "/choices", static_cast<uint64_t>(index)));
  plan.answer_seed = SubSeed(seed_, purpose_ + "/answers", static_cast<uint64_t>(index));
  plan.borrowed_answers = choices.Uniform() < shape_.borrowed_answers;
  if (choices.Uniform() < word_share_) {
    plan.word_task = true;
    plan.support.clear();
    plan.query.clear();
    plan.classes.clear();
    for (const int64_t i : Sample(static_cast<int64_t>(words_.size()), shape_.ways, &choices)) {
      plan.classes.push_back(words_[static_cast<size_t>(i)]);
    }
    Deal(word_texts_, &choices, &plan);
    KeepApart(word_texts_, word_shared_, &plan);
  }
  return plan;
}

}  // namespace metaprompt
