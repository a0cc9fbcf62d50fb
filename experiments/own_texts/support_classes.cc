#include "experiments/own_texts/support_classes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "datasets/splits/class_split.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

absl::Status SupportClasses::Add(const std::string& label, const std::string& name, std::string text) {
  const auto [found, is_new] = place_.try_emplace(label, classes_.size());
  if (is_new) {
    classes_.push_back(SupportClass{label, name, {}});
  }
  SupportClass& one = classes_[found->second];
  if (!name.empty() && name != one.name) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the class ", Quoted(label), " is called ", Quoted(name), " here",
        one.name.empty() ? ", but its first example has no name" : absl::StrCat(" and ", Quoted(one.name), " above")));
  }
  one.texts.push_back(std::move(text));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SupportClass>> SupportClasses::Finish() && {
  if (classes_.empty()) {
    return absl::InvalidArgumentError("there is no text");
  }
  if (classes_.size() == 1) {
    return absl::InvalidArgumentError(absl::StrCat("all texts are of one class, ", Quoted(classes_[0].label),
                                                   "; add at least one text of another class"));
  }
  for (SupportClass& one : classes_) {
    one.name = one.name.empty() ? DefaultName(one.label) : one.name;
  }
  return std::move(classes_);
}

}  // namespace metaprompt
