// Many short lists of token ids, stored compactly.
#ifndef EXPERIMENTS_PRETRAINING_TOKEN_TABLE_H_
#define EXPERIMENTS_PRETRAINING_TOKEN_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace metaprompt {

// Takes four bytes per token and eight per list.
class TokenTable {
 public:
  void Add(absl::Span<const int64_t> ids) {
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    ends_.push_back(ids_.size());
  }

  size_t size() const { return ends_.size(); }
  int64_t tokens() const { return static_cast<int64_t>(ids_.size()); }
  absl::Span<const int32_t> operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return {ids_.data() + begin, ends_[i] - begin};
  }

 private:
  std::vector<int32_t> ids_;
  std::vector<size_t> ends_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_TOKEN_TABLE_H_
