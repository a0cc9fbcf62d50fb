#include "datasets/readers/csv_fields.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace metaprompt {

bool RecordLines::Add(absl::string_view line) {
  absl::StrAppend(&record_, begun_ ? "\n" : "", line);
  begun_ = true;
  quotes_ += static_cast<size_t>(std::count(line.begin(), line.end(), '"'));
  return quotes_ % 2 == 0;
}

std::string RecordLines::Take() {
  begun_ = false;
  quotes_ = 0;
  return std::exchange(record_, "");
}

absl::StatusOr<std::vector<std::string>> SplitRecord(absl::string_view record, char delimiter) {
  std::vector<std::string> fields;
  for (size_t at = 0;; ++at) {  // `at` is where a field begins
    std::string field;
    if (at < record.size() && record[at] == '"') {
      for (++at; at < record.size(); ++at) {
        if (record[at] == '"' && (++at == record.size() || record[at] != '"')) {
          break;  // `at` is just after the quote that ends the field
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

std::vector<std::vector<std::string>> EqualRecords(absl::Span<const std::string> lines, char delimiter) {
  std::vector<std::vector<std::string>> records;
  RecordLines record;
  for (const std::string& line : lines) {
    if (!record.Add(line)) {
      continue;
    }
    const std::string whole = record.Take();
    if (whole.empty()) {
      continue;
    }
    absl::StatusOr<std::vector<std::string>> fields = SplitRecord(whole, delimiter);
    if (!fields.ok() || fields->size() < 2 || (!records.empty() && records[0].size() != fields->size())) {
      return {};
    }
    records.push_back(*std::move(fields));
  }
  return records;
}

}  // namespace metaprompt
