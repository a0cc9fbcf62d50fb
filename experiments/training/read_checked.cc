#include "experiments/training/read_checked.h"

#include "absl/strings/str_cat.h"
#include "metaprompt/base/checksums.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {

absl::Status ReadCheckedFile(const std::string& folder, const std::string& file, google::protobuf::Message* message) {
  const std::string path = absl::StrCat(folder, "/", file);
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  ASSIGN_OR_RETURN(Checksums sums, Checksums::Read(folder));
  if (const absl::Status same = sums.Check(file, Sha256(text)); !same.ok()) {
    return absl::Status(same.code(), absl::StrCat(same.message(),
                                                  "; copy it again from where it was made, or, to use it as it is, "
                                                  "remove its line there"));
  }
  return ParseSpec(text, path, message);
}

absl::Status InFile(const std::string& folder, const std::string& file, const absl::Status& status) {
  return status.ok() ? status : absl::Status(status.code(), absl::StrCat(folder, "/", file, ": ", status.message()));
}

absl::Status CheckVersion(bool has_version, int version, int known) {
  if (!has_version) {
    return absl::InvalidArgumentError("version is missing; the file is empty, or another kind of file");
  }
  return version == known ? absl::OkStatus()
                          : absl::InvalidArgumentError(
                                absl::StrCat("version is ", version, "; this program reads version ", known,
                                             version > known ? "; use the program that wrote it, or a newer one" : ""));
}

}  // namespace metaprompt
