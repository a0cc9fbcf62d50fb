#include "metaprompt/base/json.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/files.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

// Hears a text's events and keeps nothing but its first error.
class Checker : public nlohmann::json_sax<Json> {
 public:
  const std::string& error() const { return error_; }

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(size_t /*size*/) override {
    keys_.emplace_back();
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    return true;
  }
  bool start_array(size_t /*size*/) override { return true; }
  bool end_array() override { return true; }
  bool key(string_t& value) override {
    if (!keys_.back().insert(value).second) {
      error_ = absl::StrCat(": the key ", Quoted(value), " occurs twice");
    }
    return error_.empty();
  }
  bool parse_error(size_t /*position*/, const std::string& /*token*/, const Json::exception& exception) override {
    // `[json.exception.parse_error.101] parse error at line 1, column 2: what is wrong; last read: 'any bytes'; ...`
    absl::string_view what = exception.what();
    if (const size_t start = what.find("] "); start != absl::string_view::npos) {
      what.remove_prefix(start + 2);
    }
    error_ = absl::StrCat(": ", what.substr(0, what.find("; last read: ")));
    return false;
  }

 private:
  std::vector<absl::flat_hash_set<std::string>> keys_;  // of the objects that are open
  std::string error_;
};

}  // namespace

absl::StatusOr<Json> ParseJson(absl::string_view text, absl::string_view name) {
  Checker checker;
  if (!Json::sax_parse(text.begin(), text.end(), &checker)) {
    return absl::InvalidArgumentError(absl::StrCat(name, checker.error()));
  }
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

}  // namespace metaprompt
