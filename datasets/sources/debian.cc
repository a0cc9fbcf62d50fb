#include "datasets/sources/debian.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/lines.h"
#include "datasets/splits/published_splits.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/process.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

// The class split "debian", fixed so that results on it can be compared. Sections that are not in it have too few
// packages, or say nothing about the subject of a package (oldlibs, metapackages).
constexpr PublicClass kClasses[] = {
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

// The fields of a stanza that are used here, as views into the index; empty: missing.
struct Stanza {
  absl::string_view package;
  absl::string_view source;
  absl::string_view section;
  absl::string_view description;
};

// Keeps the value if the field is used here. If a field is repeated, its first value counts.
void TakeField(absl::string_view field, absl::string_view value, Stanza* stanza) {
  absl::string_view* taken = absl::EqualsIgnoreCase(field, "Package")       ? &stanza->package
                             : absl::EqualsIgnoreCase(field, "Source")      ? &stanza->source
                             : absl::EqualsIgnoreCase(field, "Section")     ? &stanza->section
                             : absl::EqualsIgnoreCase(field, "Description") ? &stanza->description
                                                                            : nullptr;
  if (taken != nullptr && taken->empty()) {
    *taken = absl::StripAsciiWhitespace(value);
  }
}

// Section "contrib/games" becomes "games", source "hello (2.10-3)" becomes "hello", and a missing source becomes the
// name of the package.
void Simplify(Stanza* stanza) {
  if (const size_t slash = stanza->section.rfind('/'); slash != absl::string_view::npos) {
    stanza->section.remove_prefix(slash + 1);
  }
  stanza->source = absl::StripTrailingAsciiWhitespace(stanza->source.substr(0, stanza->source.find('(')));
  if (stanza->source.empty()) {
    stanza->source = stanza->package;
  }
}

// A field's name has no blanks; returns its length, or 0 if the line does not start with `Name:`.
size_t FieldNameLength(absl::string_view line) {
  const size_t colon = line.find(':');
  return colon == absl::string_view::npos || line.find_first_of(" \t") < colon ? 0 : colon;
}

absl::StatusOr<std::string> PrintedIndex() {
  constexpr char kRemedy[] = "run `apt-get update`, or give dataset.debian.path";
  absl::StatusOr<std::string> printed = CommandOutput({"apt-cache", "dumpavail"});
  if (!printed.ok()) {
    return absl::Status(printed.status().code(), absl::StrCat(printed.status().message(), "; ", kRemedy));
  }
  if (absl::StripAsciiWhitespace(*printed).empty()) {
    return absl::NotFoundError(absl::StrCat("`apt-cache dumpavail` prints nothing; ", kRemedy));
  }
  return printed;
}

absl::StatusOr<std::string> IndexFile(const std::string& path) {
  const char* program = absl::EndsWith(path, ".gz")    ? "gzip"
                        : absl::EndsWith(path, ".xz")  ? "xz"
                        : absl::EndsWith(path, ".lz4") ? "lz4"
                                                       : nullptr;
  if (program == nullptr) {
    return ReadFile(path);
  }
  // Checked first, so that a missing file is not mistaken for a broken file.
  if (access(path.c_str(), R_OK) != 0) {
    const int error = errno;
    const std::string message = absl::StrCat(path, ": ", std::strerror(error));
    return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
  }
  // A path that starts with a dash would be an option.
  absl::StatusOr<std::string> index = CommandOutput({program, "-dc", absl::StartsWith(path, "-") ? "./" + path : path});
  if (!index.ok()) {
    return absl::Status(index.status().code(), absl::StrCat(path, ": ", index.status().message()));
  }
  return index;
}

absl::StatusOr<Imported> LoadDebian(const DebianSource& source, const ImportOptions& options) {
  const bool printed = source.path().empty();
  ASSIGN_OR_RETURN(const std::string index, printed ? PrintedIndex() : IndexFile(source.path()));
  return ParseDebianIndex(index, printed ? "apt-cache dumpavail" : source.path(), options);
}

}  // namespace

SourceInfo DebianSourceInfo() {
  SourceInfo info = SourceReadBy(LoadDebian);
  info.dataset_name = "debian";
  info.classes = kClasses;
  info.splits = {"debian"};
  info.classes_may_lack = true;
  return info;
}

absl::StatusOr<Imported> ParseDebianIndex(absl::string_view index, absl::string_view name,
                                          const ImportOptions& options) {
  std::vector<Stanza> stanzas;
  Stanza stanza;
  int64_t packages = 0;
  int64_t first_line = 0;  // of the current stanza; 0 between stanzas
  BadLines bad;
  Lines lines(index, name, &bad);
  const auto finish_stanza = [&] {
    if (first_line == 0) {
      return;
    }
    if (stanza.package.empty()) {
      bad.Add(name, first_line, "a stanza without Package");
    } else {
      ++packages;
      Simplify(&stanza);
      if (!stanza.section.empty() && !stanza.description.empty()) {
        stanzas.push_back(stanza);
      }
    }
    stanza = Stanza();
    first_line = 0;
  };
  while (lines.Next()) {
    const absl::string_view line = lines.line();
    if (line.empty()) {
      finish_stanza();
      continue;
    }
    if (line.front() == ' ' || line.front() == '\t') {
      if (first_line == 0) {
        bad.Add(name, lines.number(), "a continuation line that continues no field");
      }
      continue;
    }
    const size_t length = FieldNameLength(line);
    if (length == 0) {
      bad.Add(name, lines.number(), absl::StrCat("neither `Field: value` nor a continuation line: ", Quoted(line)));
      continue;
    }
    if (first_line == 0) {
      first_line = lines.number();
    }
    TakeField(line.substr(0, length), line.substr(length + 1), &stanza);
  }
  finish_stanza();
  if (packages == 0 && bad.count() == 0) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": no package in this index"));
  }
  // The index may have two versions of a package. They are sorted by their descriptions, so that the order of the index
  // does not matter.
  std::sort(stanzas.begin(), stanzas.end(), [](const Stanza& a, const Stanza& b) {
    return std::tie(a.section, a.source, a.package, a.description) <
           std::tie(b.section, b.source, b.package, b.description);
  });
  Imported imported;
  const Stanza* before = nullptr;
  for (const Stanza& next : stanzas) {
    if (before == nullptr || next.section != before->section || next.source != before->source) {
      imported.Add(std::string(next.section), CollapseBlanks(next.description, options.max_words));
    }
    before = &next;
  }
  RETURN_IF_ERROR(imported.Finish(bad, options, name));
  return imported;
}

}  // namespace metaprompt
