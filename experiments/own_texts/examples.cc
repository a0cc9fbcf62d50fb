#include "experiments/own_texts/examples.h"

#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "datasets/readers/table.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

// The error for a row that cannot be an example.
absl::Status CheckRow(const Table& table, const TableRow& row) {
  const bool lines = table.format().kind == TableFormat::kLabelTabText;
  // A header in the first line has been recognised earlier.
  if (lines && row.label == "label" && row.texts[0] == "text" && (row.name.empty() || row.name == "name")) {
    return table.ErrorAt(row.line, "this line looks like a header; remove it");
  }
  return ExampleOf(row).empty()
             ? table.ErrorAt(row.line, absl::StrCat("empty text; write one, or remove the ", lines ? "line" : "record"))
             : absl::OkStatus();
}

// Reads the rest of the table.
absl::StatusOr<SupportClasses> ClassesOf(Table* table) {
  SupportClasses classes;
  for (TableRow row;;) {
    ASSIGN_OR_RETURN(const bool more, table->Next(&row));
    if (!more) {
      return classes;
    }
    RETURN_IF_ERROR(CheckRow(*table, row));
    if (const absl::Status added = classes.Add(row.label, row.name, ExampleOf(row)); !added.ok()) {
      const bool lines = table->format().kind == TableFormat::kLabelTabText;
      return table->ErrorAt(
          row.line, absl::StrCat(added.message(), lines ? " (the column between label and text is the name; a text "
                                                          "must not contain a tab)"
                                                        : ""));
    }
  }
}

absl::StatusOr<Examples> ReadExamplesAsGiven(const std::string& path, const ColumnNames& columns) {
  ASSIGN_OR_RETURN(const std::string file, ReadFile(path));
  std::istringstream in(file);
  absl::StatusOr<Table> table = Table::Open(&in, path, /*labelled=*/true, columns);
  RETURN_IF_ERROR(WithLikelyCause(table.status(), path));
  absl::StatusOr<SupportClasses> classes = ClassesOf(&*table);
  RETURN_IF_ERROR(WithLikelyCause(classes.status(), path));
  if (classes->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": no text in this file"));
  }
  absl::StatusOr<std::vector<SupportClass>> finished = (*std::move(classes)).Finish();
  if (!finished.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", finished.status().message()));
  }
  return Examples{*std::move(finished), table->format()};
}

}  // namespace

absl::StatusOr<Examples> ReadExamples(const std::string& path, const ColumnNames& columns) {
  ASSIGN_OR_RETURN(Examples examples, ReadExamplesAsGiven(path, columns));
  for (const SupportClass& one : examples.classes) {
    for (const auto& [what, words] : {std::make_pair("label", one.label), std::make_pair("name", one.name)}) {
      if (!IsPrintable(words)) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": the ", what, " ", Quoted(words), " has a control character; remove it"));
      }
    }
  }
  return examples;
}

std::string TwoClassesWarning(const std::string& path, const std::vector<SupportClass>& classes) {
  std::map<std::string, const SupportClass*> class_of;
  size_t count = 0;
  std::string first;
  for (const SupportClass& one : classes) {
    for (const std::string& text : one.texts) {
      const SupportClass* const other = class_of.try_emplace(text, &one).first->second;
      if (other != &one && count++ == 0) {
        first = absl::StrCat(Quoted(ReadableExample(text)), " of ", Quoted(other->label), " and ", Quoted(one.label));
      }
    }
  }
  return count == 0
             ? ""
             : absl::StrCat(path, ": warning: ", count, count == 1 ? " text is an example" : " texts are examples",
                            " of two classes: ", first);
}

}  // namespace metaprompt
