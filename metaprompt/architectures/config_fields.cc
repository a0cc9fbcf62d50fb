#include "metaprompt/architectures/config_fields.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/base/json.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

// If an activation has several names, the first is written.
constexpr std::array<std::pair<absl::string_view, Activation>, 9> kActivations = {{
    {"gelu", Activation::kGelu},
    {"gelu_python", Activation::kGelu},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_fast", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"relu", Activation::kRelu},
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"quick_gelu", Activation::kQuickGelu},
}};

}  // namespace

void ConfigFields::Fail(absl::string_view what) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(absl::StrCat(file_, ": ", what));
  }
}

void ConfigFields::Wrong(absl::string_view field, absl::string_view expected, const Json& value) {
  Fail(absl::StrCat(field, " must be ", expected, ", not ", Shown(value)));
}

const Json* ConfigFields::Find(absl::string_view field) const {
  const auto found = config_.find(std::string(field));
  return status_.ok() && found != config_.end() ? &*found : nullptr;
}

void ConfigFields::Size(absl::string_view field, int64_t low, int64_t high, int64_t* size) {
  const Json* value = Find(field);
  if (value == nullptr) {
    return;
  }
  // In this library, a negative number is an integer that is not unsigned.
  const bool good = value->is_number_unsigned() && value->get<uint64_t>() >= static_cast<uint64_t>(low) &&
                    value->get<uint64_t>() <= static_cast<uint64_t>(high);
  if (!good) {
    return Wrong(field, absl::StrCat("a whole number from ", low, " to ", high), *value);
  }
  *size = value->get<int64_t>();
}

void ConfigFields::SizeUnlessNull(absl::string_view field, int64_t low, int64_t high, int64_t* size) {
  if (const Json* value = Find(field); value != nullptr && !value->is_null()) {
    Size(field, low, high, size);
  }
}

void ConfigFields::Number(absl::string_view field, double low, double high, double* number) {
  const Json* value = Find(field);
  if (value == nullptr) {
    return;
  }
  if (!value->is_number() || !(value->get<double>() >= low && value->get<double>() <= high)) {
    return Wrong(field, absl::StrCat("a number from ", low, " to ", high), *value);
  }
  *number = value->get<double>();
}

void ConfigFields::Flag(absl::string_view field, bool* flag) {
  const Json* value = Find(field);
  if (value == nullptr) {
    return;
  }
  if (!value->is_boolean()) {
    return Wrong(field, "true or false", *value);
  }
  *flag = value->get<bool>();
}

void ConfigFields::Text(absl::string_view field, std::string* text) {
  const Json* value = Find(field);
  if (value == nullptr) {
    return;
  }
  if (!value->is_string()) {
    return Wrong(field, "text", *value);
  }
  *text = value->get<std::string>();
}

void ConfigFields::Act(absl::string_view field, Activation* activation) {
  const Json* value = Find(field);
  if (value == nullptr) {
    return;
  }
  for (const auto& [known, is] : kActivations) {
    if (value->is_string() && known == value->get_ref<const std::string&>()) {
      *activation = is;
      return;
    }
  }
  Wrong(field,
        absl::StrCat("one of ",
                     absl::StrJoin(kActivations, ", ",
                                   [](std::string* out, const auto& pair) { absl::StrAppend(out, pair.first); })),
        *value);
}

void ConfigFields::EqualRates(std::initializer_list<std::pair<absl::string_view, double>> rates) {
  std::vector<std::string> shown;
  bool equal = true;
  for (const auto& [field, rate] : rates) {
    shown.push_back(absl::StrCat(field, " ", rate));
    equal = equal && rate == rates.begin()->second;
  }
  if (!equal) {
    const std::string last = shown.back();
    shown.pop_back();
    Fail(
        absl::StrCat(absl::StrJoin(shown, ", "), " and ", last, " differ; only models with equal rates are supported"));
  }
}

absl::string_view ActivationName(Activation activation) {
  for (const auto& [name, is] : kActivations) {
    if (is == activation) {
      return name;
    }
  }
  return "";
}

}  // namespace metaprompt
