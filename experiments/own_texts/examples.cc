#include "experiments/own_texts/examples.h"

#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "datasets/readers/table.h"
#include "datasets/splits/class_split.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

absl::StatusOr<std::vector<SupportClass>> ClassesOf(Table* table) {
  std::vector<SupportClass> classes;
  std::map<std::string, size_t> place;  // index of a label in `classes`
  for (TableRow row;;) {
    ASSIGN_OR_RETURN(const bool more, table->Next(&row));
    if (!more) {
      break;
    }
    std::string text = ExampleOf(row);
    if (text.empty()) {
      return table->ErrorAt(row.line, "empty text; write one, or remove the record");
    }
    const auto [found, is_new] = place.try_emplace(row.label, classes.size());
    if (is_new) {
      classes.push_back(SupportClass{row.label, row.name, {}});
    }
    SupportClass& one = classes[found->second];
    one.name = one.name.empty() ? row.name : one.name;
    if (!row.name.empty() && row.name != one.name) {
      return table->ErrorAt(row.line, absl::StrCat("the class ", Quoted(one.label), " is called ", Quoted(row.name),
                                                   " here and ", Quoted(one.name), " above"));
    }
    one.texts.push_back(std::move(text));
  }
  return classes;
}

absl::StatusOr<Examples> ReadExamplesAsGiven(const std::string& path, const ColumnNames& columns) {
  ASSIGN_OR_RETURN(const std::string file, ReadFile(path));
  std::istringstream in(file);
  absl::StatusOr<Table> opened = Table::Open(&in, path, /*labelled=*/true, columns);
  RETURN_IF_ERROR(WithLikelyCause(opened.status(), path));
  Table& table = *opened;
  Examples examples;
  examples.format = table.format();
  if (examples.format.kind == TableFormat::kLabelTabText) {
    ASSIGN_OR_RETURN(examples.classes, SupportOf(file, path));
    return examples;
  }
  absl::StatusOr<std::vector<SupportClass>> classes = ClassesOf(&table);
  RETURN_IF_ERROR(WithLikelyCause(classes.status(), path));
  examples.classes = *std::move(classes);
  if (examples.classes.size() < 2) {
    return absl::InvalidArgumentError(examples.classes.empty()
                                          ? absl::StrCat(path, ": no text in this file")
                                          : absl::StrCat(path, ": all texts are of one class, ",
                                                         Quoted(examples.classes[0].label),
                                                         "; add at least one text of another class"));
  }
  for (SupportClass& one : examples.classes) {
    one.name = one.name.empty() ? DefaultName(one.label) : one.name;
  }
  return examples;
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

std::vector<TextOfTwoClasses> TextsOfTwoClasses(const std::vector<SupportClass>& classes) {
  std::map<std::string, const SupportClass*> first;
  std::vector<TextOfTwoClasses> found;
  for (const SupportClass& one : classes) {
    for (const std::string& text : one.texts) {
      const SupportClass* const other = first.try_emplace(text, &one).first->second;
      if (other != &one) {
        found.push_back(TextOfTwoClasses{text, other->label, one.label});
      }
    }
  }
  return found;
}

}  // namespace metaprompt
