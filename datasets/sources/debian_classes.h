// The debian dataset's own class split: fixed, so that results on it can be compared.
#ifndef DATASETS_SOURCES_DEBIAN_CLASSES_H_
#define DATASETS_SOURCES_DEBIAN_CLASSES_H_

#include "datasets/splits/split.h"

namespace metaprompt {

struct DebianClass {
  const char* section;
  const char* name;
  Split split;
};

// Sections that are not here say what a package is for the archive (oldlibs, metapackages) and not what it is about, or
// have too few packages.
inline constexpr DebianClass kDebianClasses[] = {
    {"perl", "Perl", Split::kTrain},
    {"python", "Python", Split::kTrain},
    {"doc", "Documentation", Split::kTrain},
    {"libdevel", "Library development", Split::kTrain},
    {"utils", "Utilities", Split::kTrain},
    {"javascript", "JavaScript", Split::kTrain},
    {"rust", "Rust", Split::kTrain},
    {"gnu-r", "GNU R", Split::kTrain},
    {"net", "Network", Split::kTrain},
    {"devel", "Development", Split::kTrain},
    {"haskell", "Haskell", Split::kTrain},
    {"admin", "Administration", Split::kTrain},
    {"x11", "X Window System", Split::kTrain},
    {"misc", "Miscellaneous", Split::kTrain},
    {"text", "Text processing", Split::kTrain},
    {"php", "PHP", Split::kTrain},
    {"graphics", "Graphics", Split::kTrain},
    {"ocaml", "OCaml", Split::kTrain},
    {"gnome", "GNOME", Split::kTrain},
    {"editors", "Editors", Split::kTrain},
    {"database", "Databases", Split::kTrain},
    {"electronics", "Electronics", Split::kTrain},
    {"debug", "Debug", Split::kTrain},
    {"httpd", "Web servers", Split::kTrain},
    {"introspection", "Introspection", Split::kTrain},
    {"golang", "Go", Split::kValid},
    {"ruby", "Ruby", Split::kValid},
    {"sound", "Sound", Split::kValid},
    {"web", "Web software", Split::kValid},
    {"kde", "KDE", Split::kValid},
    {"interpreters", "Interpreters", Split::kValid},
    {"otherosfs", "Other systems", Split::kValid},
    {"vcs", "Version control", Split::kValid},
    {"games", "Games", Split::kTest},
    {"fonts", "Fonts", Split::kTest},
    {"math", "Mathematics", Split::kTest},
    {"mail", "Mail", Split::kTest},
    {"video", "Video", Split::kTest},
    {"hamradio", "Ham radio", Split::kTest},
    {"science", "Science", Split::kTest},
    {"tex", "TeX", Split::kTest},
    {"java", "Java", Split::kTest},
    {"lisp", "Lisp", Split::kTest},
    {"libs", "Libraries", Split::kTest},
    {"localization", "Localization", Split::kTest},
};

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_DEBIAN_CLASSES_H_
