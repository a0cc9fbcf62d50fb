#include "episodes/sampler.h"

#include <numeric>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

// An ordered sample of `count` different numbers below `size`, in O(count): a shuffle that stores only what it moved.
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
    return absl::InvalidArgumentError(absl::StrCat("episodes.ways is ", shape.ways, ", but there are only ",
                                                   classes.size(), " ", purpose, " classes"));
  }
  std::vector<std::string> small;
  for (const ClassSize& one : classes) {
    if (one.texts < shape.shots + shape.queries) {
      small.push_back(absl::StrCat("'", one.label, "' (", one.texts, ")"));
    }
  }
  if (!small.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("an episode needs shots + queries = ", shape.shots, " + ",
                                                   shape.queries, " texts of a class; these ", purpose,
                                                   " classes have fewer: ", absl::StrJoin(small, ", ")));
  }
  EpisodeSampler sampler;
  sampler.classes_ = std::move(classes);
  sampler.shape_ = shape;
  sampler.seed_ = seed;
  sampler.purpose_ = absl::StrCat("episodes/", purpose);
  return sampler;
}

EpisodePlan EpisodeSampler::Plan(int64_t index) const {
  Random random(SubSeed(seed_, purpose_, static_cast<uint64_t>(index)));
  EpisodePlan plan;
  plan.index = index;
  plan.classes = Sample(static_cast<int64_t>(classes_.size()), shape_.ways, &random);
  for (const int64_t of_class : plan.classes) {
    const std::vector<int64_t> texts =
        Sample(classes_[static_cast<size_t>(of_class)].texts, shape_.shots + shape_.queries, &random);
    for (size_t i = 0; i < texts.size(); ++i) {
      (static_cast<int64_t>(i) < shape_.shots ? plan.support : plan.query).push_back(TextRef{of_class, texts[i]});
    }
  }
  plan.answers = plan.classes;
  if (shape_.borrowed_answers > 0 && random.Uniform() < shape_.borrowed_answers) {
    plan.answers = Sample(static_cast<int64_t>(classes_.size()), shape_.ways, &random);
  }
  return plan;
}

}  // namespace metaprompt
