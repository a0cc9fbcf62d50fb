#include "datasets/readers/csv_fields.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"

namespace metaprompt {

absl::StatusOr<std::vector<std::string>> SplitRecord(absl::string_view record, char delimiter) {
  std::vector<std::string> fields;
  for (size_t at = 0;; ++at) {  // `at` is where a field begins
    std::string field;
    if (at < record.size() && record[at] == '"') {
      for (++at; at < record.size(); ++at) {
        if (record[at] == '"' && (++at == record.size() || record[at] != '"')) {
          break;  // `at` is behind the quote that ends the field
        }
        field.push_back(record[at]);
      }
      if (at < record.size() && record[at] != delimiter) {
        return absl::InvalidArgumentError("text after the quote that ends a field");
      }
    } else {
      const size_t end = std::min(record.find(delimiter, at), record.size());
      field = std::string(record.substr(at, end - at));
      if (field.find('"') != std::string::npos) {
        return absl::InvalidArgumentError(
            "a quote inside a field that does not begin with one; put the field in quotes and double each quote in it");
      }
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= record.size()) {
      return fields;
    }
  }
}

}  // namespace metaprompt
