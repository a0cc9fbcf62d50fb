#include "metaprompt/base/json.h"

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

// Checks every value while it is parsed, before memory is allocated for it, and stops at the first error.
class Checker : public nlohmann::json_sax<Json> {
 public:
  explicit Checker(size_t max_depth) : max_depth_(max_depth) {}

  const std::string& error() const { return error_; }

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(int64_t /*value*/) override { return true; }
  bool number_unsigned(uint64_t /*value*/) override { return true; }
  bool number_float(double /*value*/, const std::string& /*text*/) override { return true; }
  bool string(std::string& /*value*/) override { return true; }
  bool binary(Json::binary_t& /*value*/) override { return true; }
  bool start_object(size_t /*size*/) override { return Open(); }
  bool start_array(size_t /*size*/) override { return Open(); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(std::string& key) override {
    if (keys_.back().insert(key).second) {
      return true;
    }
    return Fail(absl::StrCat("the key ", Quoted(key), " stands twice in one object"));
  }
  bool parse_error(size_t position, const std::string& /*token*/, const Json::exception& /*error*/) override {
    return Fail(absl::StrCat("not JSON at byte ", position));
  }

 private:
  bool Open() {
    if (keys_.size() == max_depth_) {
      return Fail(absl::StrCat("more than ", max_depth_, " arrays and objects inside one another"));
    }
    keys_.emplace_back();
    return true;
  }
  bool Close() {
    keys_.pop_back();
    return true;
  }
  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  size_t max_depth_;
  std::vector<std::set<std::string>> keys_;  // one set per object or array that has not ended
  std::string error_;
};

}  // namespace

absl::StatusOr<Json> ParseJson(absl::string_view text, int max_depth) {
  Checker checker(static_cast<size_t>(max_depth));
  if (!Json::sax_parse(text.begin(), text.end(), &checker)) {
    return absl::InvalidArgumentError(checker.error());
  }
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

absl::StatusOr<Json> ParseJson(absl::string_view text, absl::string_view name, int max_depth) {
  absl::StatusOr<Json> json = ParseJson(text, max_depth);
  if (!json.ok()) {
    return absl::Status(json.status().code(), absl::StrCat(name, ": ", json.status().message()));
  }
  return json;
}

std::string Shown(const Json& value) {
  constexpr size_t kMost = 40;
  if (value.is_structured()) {
    return value.is_array() ? "an array" : "an object";
  }
  if (value.is_string()) {
    return Quoted(value.get_ref<const std::string&>());
  }
  return value.dump().substr(0, kMost);
}

}  // namespace metaprompt
