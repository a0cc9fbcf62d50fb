// The package descriptions of a Debian index: a few words each, labelled with the section of the archive.
#ifndef DATASETS_SOURCES_DEBIAN_H_
#define DATASETS_SOURCES_DEBIAN_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/source_info.h"

namespace metaprompt {

// The label is the section without its area ("contrib/games" is "games"). The text is the first line of the
// description. The binary packages of one source package have similar descriptions ("... (data files)"), so a section
// has only one text per source package: that of the binary package whose name is first in byte order. Texts are in the
// order of the names of the source packages, whatever the order of the index. A section that the index lacks is left
// out of the published split.
SourceInfo DebianSourceInfo();

// Reads an index in memory; `name` is its name in errors.
absl::StatusOr<Imported> ParseDebianIndex(absl::string_view index, absl::string_view name,
                                          const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_DEBIAN_H_
