// The classes of labelled examples that a model adapts to.
#ifndef EXPERIMENTS_OWN_TEXTS_SUPPORT_CLASSES_H_
#define EXPERIMENTS_OWN_TEXTS_SUPPORT_CLASSES_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace metaprompt {

struct SupportClass {
  std::string label;
  std::string name;                // from which the answer words come; DefaultName(label) if none was given
  std::vector<std::string> texts;  // one example or more; an example of several texts is joined by JoinTexts
};

// Gathers labelled examples into classes.
class SupportClasses {
 public:
  // `label` and `text` are not empty. `name` is the name of the class, or empty. Only the first example of a class can
  // give it a name; a later example may repeat that name or have none, and any other name is an error. Errors give a
  // reason, without file and line.
  absl::Status Add(const std::string& label, const std::string& name, std::string text);

  bool empty() const { return classes_.empty(); }

  // The classes, in the order of their first examples. It is an error if there are fewer than two.
  absl::StatusOr<std::vector<SupportClass>> Finish() &&;

 private:
  std::vector<SupportClass> classes_;    // a name is empty if none was given
  std::map<std::string, size_t> place_;  // index of a label in `classes_`
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_SUPPORT_CLASSES_H_
