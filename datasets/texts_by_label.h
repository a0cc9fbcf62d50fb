// What every importer hands over: texts under the labels that the source gives them, before any class split.
#ifndef DATASETS_TEXTS_BY_LABEL_H_
#define DATASETS_TEXTS_BY_LABEL_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace metaprompt {

// Labels in byte order; texts in the source's order, none of them empty, all as CollapseBlanks leaves them.
using TextsByLabel = std::map<std::string, std::vector<std::string>>;

// Runs of ASCII white space and control characters become one blank; none stays at either end. No tab and no line end
// is left, so that a text always fits one column of one line.
std::string CollapseBlanks(absl::string_view text);

}  // namespace metaprompt

#endif  // DATASETS_TEXTS_BY_LABEL_H_
