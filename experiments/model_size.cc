#include "experiments/model_size.h"

#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/host/memory.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/encoders/layout.h"

namespace metaprompt {
namespace {

constexpr double kGib = 1024.0 * 1024 * 1024;
constexpr double kBytes = 4;  // of a float32

// A double, because the product of two sizes may not fit into 64 bits.
double NumbersOf(const ParamInfo& info) {
  double numbers = 1;
  for (const int64_t size : info.shape) {
    numbers *= static_cast<double>(size);
  }
  return numbers;
}

}  // namespace

absl::Status CheckFits(absl::string_view what, const std::vector<ParamInfo>& infos) {
  double numbers = 0;
  const ParamInfo* largest = nullptr;
  for (const ParamInfo& info : infos) {
    numbers += NumbersOf(info);
    largest = largest == nullptr || NumbersOf(info) > NumbersOf(*largest) ? &info : largest;
  }
  const double limit = MemoryLimit();
  if (numbers * kBytes <= limit) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%s: %.0f parameters of 4 bytes take %.1f GiB, and this process can have %.1f GiB; the largest of %d tensors is "
      "%s, %s",
      what, numbers, numbers * kBytes / kGib, limit / kGib, infos.size(), largest->name,
      absl::StrJoin(largest->shape, " x ")));
}

absl::Status CheckFits(const ModelSpec& spec) {
  if (!spec.encoder().has_bert()) {
    return absl::OkStatus();
  }
  const int64_t vocab = spec.tokenizer().path().empty() ? spec.tokenizer().vocab_size() : 1;
  return CheckFits("model.encoder.bert", LayoutOf(BertConfig(spec.encoder().bert(), vocab), /*with_head=*/true).params);
}

}  // namespace metaprompt
