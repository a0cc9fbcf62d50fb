#include "experiments/own_texts/support_file.h"

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "datasets/readers/lines.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/splits/class_split.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

namespace {

absl::StatusOr<std::vector<SupportClass>> SupportClassesOf(absl::string_view file, const std::string& path) {
  std::vector<SupportClass> classes;
  std::map<std::string, size_t> place;  // index of a label in `classes`
  Lines lines(file, path);
  while (lines.Next()) {
    if (lines.line().empty()) {
      continue;
    }
    const std::vector<std::string> columns = absl::StrSplit(lines.line(), '\t');
    if (columns.size() == 1) {
      return lines.Error("no tab between label and text");
    }
    if (columns.size() > 3) {
      return lines.Error("more than two tabs; a line is label, tab, text, or label, tab, name, tab, text");
    }
    std::string label = CollapseBlanks(columns.front());
    std::string text = CollapseBlanks(columns.back());
    const std::string name = columns.size() == 3 ? CollapseBlanks(columns[1]) : "";
    if (label.empty()) {
      return lines.Error("empty label");
    }
    if (text.empty()) {
      return lines.Error("empty text; write one, or remove the line");
    }
    if (const absl::string_view line = lines.line(); line == "label\ttext" || line == "label\tname\ttext") {
      return lines.Error("this line looks like a header; remove it");
    }
    const auto [found, is_new] = place.try_emplace(label, classes.size());
    if (is_new) {
      classes.push_back(SupportClass{std::move(label), "", {}});
    }
    SupportClass& one = classes[found->second];
    if (!is_new && !name.empty() && one.name.empty()) {
      return lines.Error(absl::StrCat("the class ", Quoted(one.label), " is called ", Quoted(name),
                                      " here, but its first line has no name (the column between label and text is "
                                      "the name; a text must not contain a tab)"));
    }
    if (!name.empty() && !one.name.empty() && name != one.name) {
      return lines.Error(absl::StrCat("the class ", Quoted(one.label), " is called ", Quoted(name), " here and ",
                                      Quoted(one.name), " above (the column between label and text is the name)"));
    }
    one.name = name.empty() ? one.name : name;
    one.texts.push_back(std::move(text));
  }
  RETURN_IF_ERROR(lines.status());
  if (classes.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": no text in this file"));
  }
  if (classes.size() == 1) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": all texts are of one class, ", Quoted(classes[0].label),
                                                   "; add at least one text of another class"));
  }
  for (SupportClass& one : classes) {
    one.name = one.name.empty() ? DefaultName(one.label) : one.name;
  }
  return classes;
}

}  // namespace

bool IsPrintable(absl::string_view text) {
  if (!CheckUtf8(text).ok()) {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // In UTF-8, U+0080 to U+009F begin with C2.
    if (absl::ascii_iscntrl(byte) || (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0)) {
      return false;
    }
  }
  return true;
}

absl::StatusOr<std::vector<SupportClass>> SupportOf(absl::string_view file, const std::string& path) {
  absl::StatusOr<std::vector<SupportClass>> classes = SupportClassesOf(file, path);
  RETURN_IF_ERROR(WithLikelyCause(classes.status(), path));
  return classes;
}

}  // namespace metaprompt
