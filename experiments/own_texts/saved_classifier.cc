#include "experiments/own_texts/saved_classifier.h"

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "experiments/model_size.h"
#include "experiments/own_texts/adapted_file.h"
#include "experiments/own_texts/calibration.h"
#include "experiments/spec.h"
#include "experiments/workbench/model_assembly.h"
#include "metaprompt/base/checksums.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/spec_fields.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {
namespace {

constexpr int kVersion = 1;
constexpr char kAboutFile[] = "classifier.textproto";
constexpr char kTensorFile[] = "adapted.safetensors";
constexpr char kEncoderFolder[] = "encoder";

std::string In(const std::string& folder, const std::string& name) { return absl::StrCat(folder, "/", name); }

// The names of the texts of an example.
std::vector<std::string> TextNamesOf(const SavedClassifier& about) {
  std::vector<std::string> names(about.text_names().begin(), about.text_names().end());
  return names.empty() ? std::vector<std::string>{"text"} : names;
}

// The spec's broken rules. A saved spec has no dataset, so the check uses one whose examples have the same texts.
std::vector<std::string> BrokenSpec(const SavedClassifier& about) {
  ExperimentSpec spec = about.spec();
  CsvSource* const source = spec.mutable_dataset()->mutable_csv();
  source->set_path("none");
  for (const std::string& name : TextNamesOf(about)) {
    if (name == "text_b") {
      source->set_text_b_column(name);
    } else if (name != "text") {
      source->add_more_columns(name);
    }
  }
  return CheckSpec(spec);
}

absl::Status CheckClasses(const SavedClassifier& about) {
  if (about.classes_size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("classes: there are ", about.classes_size(), "; a classifier has two or more"));
  }
  std::set<std::string> labels;
  for (const SavedClass& one : about.classes()) {
    if (!labels.insert(one.label()).second) {
      return absl::InvalidArgumentError(absl::StrCat("classes: the label ", Quoted(one.label()), " is there twice"));
    }
    for (const auto& [field, words] : {std::make_pair("label", one.label()), std::make_pair("name", one.name())}) {
      if (words.empty() || !IsPrintable(words)) {
        return absl::InvalidArgumentError(
            absl::StrCat("classes.", field, " is ", Quoted(words), "; it must have text, and no control character"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckAbout(const SavedClassifier& about) {
  if (about.version() != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("version is ", about.version(), "; this program reads version ", kVersion));
  }
  RETURN_IF_ERROR(CheckClasses(about));
  if (!IsPrintable(about.start())) {
    return absl::InvalidArgumentError(absl::StrCat("start is ", Quoted(about.start()), "; it has a control character"));
  }
  if (!(about.temperature() >= kColdest * (1 - 1e-9) && about.temperature() <= kHottest * (1 + 1e-9))) {  // or NaN
    return absl::InvalidArgumentError(
        absl::StrCat("temperature is ", about.temperature(), "; it must be >= ", kColdest, " and <= ", kHottest));
  }
  if (const std::vector<std::string> broken = BrokenSpec(about); !broken.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("spec: ", broken[0]));
  }
  return CheckFits(about.spec().model());
}

// Adds what the user can do to the `status` of a file that is missing or was changed.
absl::Status WithRemedy(const absl::Status& status) {
  return status.ok() ? status
                     : absl::Status(status.code(), absl::StrCat(status.message(),
                                                                "; copy the classifier's folder again, or save the "
                                                                "classifier again"));
}

// The same for a file that is missing; other errors stay as they are.
absl::Status IfMissing(const absl::Status& status) { return absl::IsNotFound(status) ? WithRemedy(status) : status; }

// Checks all files that SHA256SUMS lists, except the tensors, which are checked when they are read.
absl::Status CheckFiles(const std::string& folder, Checksums* sums) {
  for (const std::string& name : sums->Names()) {
    if (name != kTensorFile) {
      absl::StatusOr<std::string> sha256 = FileSha256(In(folder, name));
      RETURN_IF_ERROR(WithRemedy(sha256.status()));
      RETURN_IF_ERROR(WithRemedy(sums->Check(name, *sha256)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SaveClassifier(NewFolder made, const FinishedRun& run, const Classifier& classifier,
                            const std::vector<SupportClass>& classes, SavedClassifier about) {
  std::error_code error;
  if (!std::filesystem::create_directory(In(made.path(), kEncoderFolder), error)) {
    return absl::UnavailableError(absl::StrCat("cannot make ", In(made.path(), kEncoderFolder), ": ", error.message()));
  }
  about.set_version(kVersion);
  if (!IsPrintable(about.start())) {  // it has the path of a folder, which can have any bytes
    about.set_start(absl::CHexEscape(about.start()));
  }
  *about.mutable_spec() = run.record().spec();
  about.mutable_spec()->clear_dataset();
  about.mutable_spec()->set_precision(run.model().bfloat16() ? ExperimentSpec::BFLOAT16 : ExperimentSpec::FLOAT32);
  about.set_mlm_head(run.model().encoder().layout().has_head());
  about.set_temperature(classifier.temperature());
  if (const std::vector<std::string>& names = run.prompt().names(); names.size() > 1 || names[0] != "text") {
    about.mutable_text_names()->Assign(names.begin(), names.end());
  }
  for (const SupportClass& one : classes) {
    SavedClass* saved = about.add_classes();
    saved->set_label(one.label);
    saved->set_name(one.name);
    saved->set_texts(static_cast<int>(one.texts.size()));
  }
  TokenizerFiles files;
  for (const auto& [name, bytes] : run.tokenizer().files()) {
    files[absl::StrCat(kEncoderFolder, "/", name)] = bytes;
  }
  if (run.record().spec().model().encoder().has_checkpoint()) {
    files[absl::StrCat(kEncoderFolder, "/config.json")] = run.config_json();
  }
  files[kAboutFile] = SpecText(about);
  ASSIGN_OR_RETURN(Checksums sums, Checksums::Read(made.path()));
  const auto announce = [&](const std::string& name) {
    return [&sums, name](const std::string& sha256) { return sums.Announce(name, sha256); };
  };
  for (const auto& [name, bytes] : files) {
    RETURN_IF_ERROR(WriteFileAtomically(In(made.path(), name), bytes, announce(name)));
  }
  RETURN_IF_ERROR(WriteAdapted(In(made.path(), kTensorFile), classifier.adapted(), announce(kTensorFile)));
  return made.Commit();
}

absl::StatusOr<OpenedClassifier> OpenClassifier(const std::string& folder) {
  if (std::error_code none; std::filesystem::is_regular_file(folder, none)) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder, ": this is a file; name the folder that `metaprompt classify --save` wrote"));
  }
  const std::string path = In(folder, kAboutFile);
  ASSIGN_OR_RETURN(Checksums sums, Checksums::Read(folder));
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        absl::StrCat(folder, ": no classifier is here; `metaprompt classify --support FILE --save DIR` writes one"));
  }
  RETURN_IF_ERROR(text);
  RETURN_IF_ERROR(CheckFiles(folder, &sums));
  SavedClassifier about;
  RETURN_IF_ERROR(ParseSpec(*text, path, &about));
  if (const absl::Status sound = CheckAbout(about); !sound.ok()) {
    return absl::Status(sound.code(), absl::StrCat(path, ": ", sound.message()));
  }
  const std::string encoder = In(folder, kEncoderFolder);
  absl::StatusOr<TokenizerFiles> files = ReadKeptTokenizer(about.spec().model(), encoder);
  RETURN_IF_ERROR(IfMissing(files.status()));
  for (const auto& [name, bytes] : *files) {
    RETURN_IF_ERROR(sums.CheckListed(absl::StrCat(kEncoderFolder, "/", name)));
  }
  ASSIGN_OR_RETURN(EncoderParts parts, ReadEncoderParts(about.spec().model(), *files, encoder, about.mlm_head()));
  ASSIGN_OR_RETURN(AssembledModel model, AssembleModel(about.spec(), std::move(parts), TextNamesOf(about)));
  FinishedRun run = FinishedRun::Untrained(about.spec(), std::move(model));
  std::string sha256;
  absl::StatusOr<AdaptedParams> adapted = ReadAdapted(In(folder, kTensorFile), run, about.classes_size(), &sha256);
  if (adapted.ok() || !sha256.empty()) {  // if the checksum is wrong, that is the better error
    RETURN_IF_ERROR(WithRemedy(sums.Check(kTensorFile, sha256)));
  }
  RETURN_IF_ERROR(IfMissing(adapted.status()));
  std::vector<SupportClass> classes;
  for (const SavedClass& one : about.classes()) {
    classes.push_back(SupportClass{one.label(), one.name(), {}});
  }
  return OpenedClassifier{std::move(about), std::move(run), *std::move(adapted), std::move(classes)};
}

}  // namespace metaprompt
