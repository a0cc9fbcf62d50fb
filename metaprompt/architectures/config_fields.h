// ConfigFields: reads single fields of a config.json into variables.
#ifndef METAPROMPT_ARCHITECTURES_CONFIG_FIELDS_H_
#define METAPROMPT_ARCHITECTURES_CONFIG_FIELDS_H_

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "metaprompt/architectures/encoder_config.h"

namespace metaprompt {

// The maximum number of layers of an encoder, which is more than any published encoder has.
constexpr int64_t kMaxLayers = 1024;

// Each function leaves its variable unchanged if the field is missing. The first error is kept, and after it the
// functions do nothing.
class ConfigFields {
 public:
  // `config` is a JSON object. Errors begin with `file`. Both must outlive this object.
  ConfigFields(const nlohmann::json& config, absl::string_view file) : config_(config), file_(file) {}

  const absl::Status& status() const { return status_; }

  // A whole number from `low` to `high`.
  void Size(absl::string_view field, int64_t low, int64_t high, int64_t* size);
  // The same, but null counts as missing.
  void SizeUnlessNull(absl::string_view field, int64_t low, int64_t high, int64_t* size);
  void Number(absl::string_view field, double low, double high, double* number);
  void Flag(absl::string_view field, bool* flag);
  void Text(absl::string_view field, std::string* text);
  // An activation, by transformers' name.
  void Act(absl::string_view field, Activation* activation);

  // It is an error if these rates of dropout, given with the names of their fields, are not all equal.
  void EqualRates(std::initializer_list<std::pair<absl::string_view, double>> rates);

  // The field's value; a null pointer if it is missing, or after an error.
  const nlohmann::json* Find(absl::string_view field) const;

  // Errors: "FILE: what", "FILE: field must be expected, not value".
  void Fail(absl::string_view what);
  void Wrong(absl::string_view field, absl::string_view expected, const nlohmann::json& value);

 private:
  const nlohmann::json& config_;
  absl::string_view file_;
  absl::Status status_;
};

// The name of an activation, which `Act` can read.
absl::string_view ActivationName(Activation activation);

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_CONFIG_FIELDS_H_
