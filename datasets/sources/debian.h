// The package descriptions of a Debian index: a few words each, and the section of the archive as the label.
#ifndef DATASETS_SOURCES_DEBIAN_H_
#define DATASETS_SOURCES_DEBIAN_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// Reads the index that `source` names. The label is the section without its area ("contrib/games" is "games"), the text
// the first line of the description. The binary packages of one source package are described alike ("... (data
// files)"), so that a section has one text for each of its source packages: that of the binary package whose name comes
// first in byte order. Texts are in order of source names. The index' own order does not matter.
absl::StatusOr<Imported> LoadDebian(const DebianSource& source, const ImportOptions& options);

// The same for an index in memory; `name` is what errors call it.
absl::StatusOr<Imported> ParseDebianIndex(absl::string_view index, absl::string_view name,
                                          const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_DEBIAN_H_
