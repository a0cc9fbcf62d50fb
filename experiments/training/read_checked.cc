#include "experiments/training/read_checked.h"

#include "absl/strings/str_cat.h"
#include "experiments/workbench/check_record.h"
#include "metaprompt/base/checksums.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/specs/spec_fields.h"

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

absl::Status CheckCurve(const google::protobuf::RepeatedPtrField<TrainingPoint>& curve, int64_t trained_steps) {
  for (int i = 0; i < curve.size(); ++i) {
    const TrainingPoint& point = curve[i];
    const auto wrong = [&](const char* field, auto value, auto... rule) {
      return absl::InvalidArgumentError(
          absl::StrCat("curve[", i, "].", field, " is ", value, "; it must be ", rule...));
    };
    if (!IsShare(point.accuracy())) {
      return wrong("accuracy", point.accuracy(), "within 0 and 1");
    }
    if (!IsShare(point.valid_accuracy())) {
      return wrong("valid_accuracy", point.valid_accuracy(), "within 0 and 1");
    }
    if (!(point.valid_loss() >= 0)) {  // or NaN
      return wrong("valid_loss", point.valid_loss(), ">= 0");
    }
    if (point.step() < 0 || point.step() > trained_steps) {
      return wrong("step", point.step(), "within 0 and trained_steps, ", trained_steps);
    }
  }
  return absl::OkStatus();
}

}  // namespace metaprompt
