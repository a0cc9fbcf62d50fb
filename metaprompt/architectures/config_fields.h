// The fields of one config.json, read one by one into variables.
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

// The most layers of an encoder: more than any published one has.
constexpr int64_t kMaxLayers = 1024;

// Each function leaves its variable as it is where the field is missing. The first error is kept; after it the
// functions do nothing.
class ConfigFields {
 public:
  // `config` is an object; `file` begins errors. Both must outlive this.
  ConfigFields(const nlohmann::json& config, absl::string_view file) : config_(config), file_(file) {}

  const absl::Status& status() const { return status_; }

  // A whole number from `low` to `high`.
  void Size(absl::string_view field, int64_t low, int64_t high, int64_t* size);
  // The same; null is as good as missing.
  void SizeUnlessNull(absl::string_view field, int64_t low, int64_t high, int64_t* size);
  void Number(absl::string_view field, double low, double high, double* number);
  void Flag(absl::string_view field, bool* flag);
  void Text(absl::string_view field, std::string* text);
  // transformers' name of an activation.
  void Act(absl::string_view field, Activation* activation);

  // An error unless these rates of dropout, which were read from the fields of those names, are all equal.
  void EqualRates(std::initializer_list<std::pair<absl::string_view, double>> rates);

  // The field's value; null where it is missing, or after an error.
  const nlohmann::json* Find(absl::string_view field) const;

  // Errors: "FILE: what", "FILE: field must be expected, not value".
  void Fail(absl::string_view what);
  void Wrong(absl::string_view field, absl::string_view expected, const nlohmann::json& value);

 private:
  const nlohmann::json& config_;
  absl::string_view file_;
  absl::Status status_;
};

// A name under which `Act` reads the activation.
absl::string_view ActivationName(Activation activation);

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_CONFIG_FIELDS_H_
