#include "datasets/dataset.h"

#include "absl/functional/function_ref.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/hash.h"

namespace metaprompt {

int64_t Dataset::NumTexts() const {
  int64_t count = 0;
  for (const TextClass& text_class : classes) {
    count += static_cast<int64_t>(text_class.texts.size());
  }
  return count;
}

std::vector<const TextClass*> Dataset::Of(Split split) const {
  std::vector<const TextClass*> chosen;
  for (const TextClass& text_class : classes) {
    if (text_class.split == split) {
      chosen.push_back(&text_class);
    }
  }
  return chosen;
}

void Dataset::SetSealed(Split split, bool sealed) {
  for (TextClass& text_class : classes) {
    if (text_class.split == split) {
      text_class.texts.set_sealed(sealed);
    }
  }
}

absl::Status CheckTexts(const Dataset& dataset, absl::string_view what) {
  return dataset.images.has_value()
             ? absl::InvalidArgumentError(absl::StrCat(dataset.name, ": these data are images; ", what, " needs texts"))
             : absl::OkStatus();
}

namespace {

// Calls `take` with each line of ExportText.
void ForEachLine(const Dataset& dataset, absl::FunctionRef<void(const std::string& line)> take) {
  for (const TextClass& text_class : dataset.classes) {
    const std::string columns =
        absl::StrCat(SplitName(text_class.split), "\t", text_class.label, "\t", text_class.name, "\t");
    for (const std::string& one : text_class.texts) {
      take(absl::StrCat(columns, dataset.images.has_value() ? absl::BytesToHexString(one) : one, "\n"));
    }
  }
}

}  // namespace

std::string ExportText(const Dataset& dataset) {
  std::string text;
  ForEachLine(dataset, [&](const std::string& line) { text += line; });
  return text;
}

std::string ContentSha256(const Dataset& dataset) {
  Sha256Stream hash;
  ForEachLine(dataset, [&](const std::string& line) { hash.Add(line); });
  return hash.Finish();
}

}  // namespace metaprompt
