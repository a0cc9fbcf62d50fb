#include "experiments/own_texts/saved_classifier.h"

#include <ATen/ATen.h>
#include <c10/util/accumulate.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/spec.h"
#include "experiments/workbench/model_assembly.h"
#include "metaprompt/architectures/config_json.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/new_folder.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/mapped_safetensors.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {
namespace {

constexpr int kVersion = 1;
constexpr char kAboutFile[] = "/classifier.textproto";
constexpr char kTensorFile[] = "/adapted.safetensors";
constexpr char kEncoderFolder[] = "/encoder";

// The lists of AdaptedParams, by name. The name of a tensor is its list's, a slash and its place.
template <typename Adapted>
auto ListsOf(Adapted* adapted) {
  using List = decltype(&adapted->own);
  return std::vector<std::pair<const char*, List>>{{"model", &adapted->model.params},
                                                   {"head", &adapted->model.head},
                                                   {"own", &adapted->own},
                                                   {"fitted", &adapted->fitted}};
}

absl::Status CheckAbout(const SavedClassifier& about, const std::string& path) {
  const auto wrong = [&](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
  };
  if (about.version() != kVersion) {
    return wrong(absl::StrCat("version is ", about.version(), "; this program reads version ", kVersion));
  }
  if (about.classes_size() < 2) {
    return wrong(absl::StrCat("it has ", about.classes_size(), " classes; a classifier has two or more"));
  }
  if (!(about.temperature() > 0) || !std::isfinite(about.temperature())) {
    return wrong(absl::StrCat("temperature is ", about.temperature(), "; it must be above 0"));
  }
  return absl::OkStatus();
}

absl::StatusOr<EncoderParts> PartsOf(const std::string& folder, const SavedClassifier& about) {
  const ModelSpec& spec = about.spec().model();
  const std::string encoder = folder + kEncoderFolder;
  if (!spec.encoder().has_checkpoint()) {
    const std::string path = absl::StrCat(encoder, "/", kSentencePieceFile);
    ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
    ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, LoadSentencePiece(std::move(bytes), path));
    return NewEncoder(spec.encoder().bert(), std::move(tokenizer));
  }
  const std::string config_path = absl::StrCat(encoder, "/config.json");
  EncoderParts parts;
  ASSIGN_OR_RETURN(parts.tokenizer, OpenTokenizer(encoder));
  ASSIGN_OR_RETURN(parts.config_json, ReadFile(config_path));
  ASSIGN_OR_RETURN(const EncoderConfig config, ParseEncoderConfig(parts.config_json, config_path));
  parts.encoder = std::make_unique<Encoder>(config, about.mlm_head());
  return parts;
}

absl::StatusOr<AdaptedParams> ReadAdapted(const std::string& path, const std::vector<ParamInfo>& infos) {
  ASSIGN_OR_RETURN(const TensorFile file, ReadSafetensors(path));
  AdaptedParams adapted;
  size_t taken = 0;
  for (const auto& [name, list] : ListsOf(&adapted)) {
    for (;;) {
      const at::Tensor tensor = file.Find(absl::StrCat(name, "/", list->size()));
      if (!tensor.defined()) {
        break;
      }
      list->push_back(tensor.scalar_type() == at::kBFloat16 ? tensor.to(at::kFloat) : tensor);
      ++taken;
    }
  }
  if (taken != file.tensors.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", file.tensors.size() - taken, " tensors in this file are not part of a classifier"));
  }
  const ParamList& params = adapted.model.params;
  if (params.size() < infos.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", params.size(), " of the model's ", infos.size(), " tensors are in this file"));
  }
  for (size_t i = 0; i < infos.size(); ++i) {
    if (params[i].numel() != c10::multiply_integers(infos[i].shape)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": model/", i, " has ", params[i].numel(),
                                                     " numbers, which is not the size of ", infos[i].name));
    }
  }
  return adapted;
}

}  // namespace

absl::Status SaveClassifier(const std::string& folder, const FinishedRun& run, const Classifier& classifier,
                            const std::vector<SupportClass>& classes, SavedClassifier about) {
  ASSIGN_OR_RETURN(NewFolder made, NewFolder::Create(folder));
  std::error_code error;
  if (!std::filesystem::create_directory(made.path() + kEncoderFolder, error)) {
    return absl::UnavailableError(absl::StrCat("cannot make ", made.path(), kEncoderFolder, ": ", error.message()));
  }
  about.set_version(kVersion);
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
  TokenizerFiles files = run.tokenizer().files();
  if (run.record().spec().model().encoder().has_checkpoint()) {
    files["config.json"] = run.config_json();
  }
  for (const auto& [name, bytes] : files) {
    RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(made.path(), kEncoderFolder, "/", name), bytes));
  }
  TensorFile tensors;
  for (const auto& [name, list] : ListsOf(&classifier.adapted())) {
    for (size_t i = 0; i < list->size(); ++i) {
      tensors.tensors.emplace_back(absl::StrCat(name, "/", i), (*list)[i].cpu());
    }
  }
  RETURN_IF_ERROR(WriteSafetensors(made.path() + kTensorFile, tensors));
  RETURN_IF_ERROR(WriteFileAtomically(made.path() + kAboutFile, SpecText(about)));
  return made.Commit();
}

absl::StatusOr<OpenedClassifier> OpenClassifier(const std::string& folder) {
  const std::string path = folder + kAboutFile;
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        absl::StrCat(folder, ": no classifier is here; `metaprompt classify --support FILE --save DIR` writes one"));
  }
  RETURN_IF_ERROR(text);
  SavedClassifier about;
  RETURN_IF_ERROR(ParseSpec(*text, path, &about));
  RETURN_IF_ERROR(CheckAbout(about, path));
  ASSIGN_OR_RETURN(EncoderParts parts, PartsOf(folder, about));
  std::vector<std::string> names(about.text_names().begin(), about.text_names().end());
  if (names.empty()) {
    names = {"text"};
  }
  ASSIGN_OR_RETURN(AssembledModel model, AssembleModel(about.spec(), std::move(parts), names));
  FinishedRun run = FinishedRun::Untrained(about.spec(), std::move(model));
  ASSIGN_OR_RETURN(AdaptedParams adapted, ReadAdapted(folder + kTensorFile, run.infos()));
  std::vector<SupportClass> classes;
  for (const SavedClass& one : about.classes()) {
    classes.push_back(SupportClass{one.label(), one.name(), {}});
  }
  return OpenedClassifier{std::move(about), std::move(run), std::move(adapted), std::move(classes)};
}

}  // namespace metaprompt
