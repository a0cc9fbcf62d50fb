#include "experiments/workbench/finished_run.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "datasets/text_names.h"
#include "experiments/workbench/image_parts.h"
#include "experiments/workbench/param_file.h"
#include "experiments/workbench/read_record.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {
namespace {

constexpr char kEncoderFolder[] = "encoder/";

// What to do about a file that is missing or damaged.
constexpr char kRemedy[] = "; copy it again from where the run was made, or run the record's spec again";

absl::Status WithRemedy(const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(status.message(), kRemedy));
}

absl::Status Missing(const std::string& run, absl::string_view file) {
  return absl::NotFoundError(absl::StrCat(run, ": the run's record is here, but ", file, " is not", kRemedy));
}

// OK if each of `files`, which are in `folder` of the run ("" or a name with a slash at its end), has the checksum with
// which it was written and, unless `folder` is "", they are all files of the folder that SHA256SUMS lists, and no
// others.
absl::Status CheckFiles(const std::string& run, const TokenizerFiles& files, absl::string_view folder,
                        Checksums* sums) {
  for (const std::string& name : sums->Names()) {
    absl::string_view file = name;
    if (!folder.empty() && absl::ConsumePrefix(&file, folder) && files.count(std::string(file)) == 0) {
      return Missing(run, name);
    }
  }
  for (const auto& [file, bytes] : files) {
    if (!folder.empty()) {
      RETURN_IF_ERROR(sums->CheckListed(absl::StrCat(folder, file)));
    }
    if (const absl::Status same = sums->Check(absl::StrCat(folder, file), Sha256(bytes)); !same.ok()) {
      return WithRemedy(same);
    }
  }
  return absl::OkStatus();
}

// The run's tokenizer and encoder, without parameter values, from the files of SaveInputs (runs/run_inputs.h).
absl::StatusOr<EncoderParts> ReadParts(const std::string& run, const ModelSpec& spec, bool with_head, bool images,
                                       Checksums* sums) {
  if (images) {
    TokenizerFiles kept;
    absl::StatusOr<EncoderParts> parts = ReadImageParts(absl::StrCat(run, "/encoder"), &kept);
    if (absl::IsNotFound(parts.status())) {
      return WithRemedy(parts.status());
    }
    RETURN_IF_ERROR(parts);
    RETURN_IF_ERROR(CheckFiles(run, kept, kEncoderFolder, sums));
    return parts;
  }
  const bool checkpoint = spec.encoder().has_checkpoint();
  const std::string folder = checkpoint ? absl::StrCat(run, "/encoder") : run;
  const absl::StatusOr<TokenizerFiles> files = ReadKeptTokenizer(spec, folder);
  if (absl::IsNotFound(files.status())) {
    return checkpoint ? WithRemedy(files.status()) : Missing(run, kSentencePieceFile);
  }
  RETURN_IF_ERROR(files);
  RETURN_IF_ERROR(CheckFiles(run, *files, checkpoint ? kEncoderFolder : "", sums));
  return ReadEncoderParts(spec, *files, folder, with_head);
}

}  // namespace

absl::StatusOr<FinishedRun> FinishedRun::Open(const std::string& path) {
  FinishedRun run;
  run.path_ = path;
  ASSIGN_OR_RETURN(run.record_, ReadRecord(path, &run.record_sha256_));
  ASSIGN_OR_RETURN(run.sums_, Checksums::Read(path));
  for (const ShotResult& result : run.record_.results()) {
    std::error_code error;
    const std::string file = run.ParamFile(result.shots());
    if (!std::filesystem::exists(file, error)) {
      return Missing(path, std::filesystem::path(file).filename().string());
    }
  }
  const ExperimentSpec& spec = run.record_.spec();
  ASSIGN_OR_RETURN(EncoderParts parts, ReadParts(path, spec.model(), run.record_.model().mlm_head(),
                                                 HasImages(spec.dataset()), &run.sums_));
  // Examples for this run need only the texts in its template, not all texts of its data.
  const std::vector<std::string> names = UsedNames(spec.model().prompt().template_(), TextNames(spec.dataset()));
  ASSIGN_OR_RETURN(run.assembled_, AssembleModel(spec, std::move(parts), names));
  run.learner_ = MakeLearner(spec.learner());
  run.infos_ = MetaInfos(run.model(), *run.learner_);
  return run;
}

FinishedRun FinishedRun::Untrained(const ExperimentSpec& spec, AssembledModel assembled) {
  FinishedRun run;
  *run.record_.mutable_spec() = spec;
  *run.record_.mutable_model() = FactsOfModel(assembled);
  run.assembled_ = std::move(assembled);
  run.learner_ = MakeLearner(spec.learner());
  run.infos_ = MetaInfos(run.model(), *run.learner_);
  return run;
}

absl::Status FinishedRun::CheckTexts(absl::string_view what) const {
  return assembled_.parts.images.has_value()
             ? absl::InvalidArgumentError(absl::StrCat(path_, ": the run's inputs are images; ", what, " needs texts"))
             : absl::OkStatus();
}

absl::StatusOr<int> FinishedRun::ShotsOf(int shots) const {
  std::string known;
  int largest = 0;
  for (const ShotResult& result : record_.results()) {
    if (result.shots() == shots) {
      return shots;
    }
    absl::StrAppend(&known, known.empty() ? "" : ", ", result.shots());
    largest = std::max(largest, result.shots());
  }
  if (shots != 0) {
    return absl::NotFoundError(
        absl::StrCat(path_, ": the run has no ", shots, "-shot result; it has ", known.empty() ? "none" : known));
  }
  return largest;
}

std::string FinishedRun::ParamFile(int shots) const { return absl::StrCat(path_, "/best-", shots, "shot.safetensors"); }

absl::StatusOr<ParamList> FinishedRun::Params(int shots, std::string* sha256) const {
  const std::string path = ParamFile(shots);
  std::string found;
  absl::StatusOr<ParamList> params = ReadParamFile(infos_, path, &found);
  if (!params.ok()) {
    return WithRemedy(params.status());
  }
  Checksums sums = sums_;
  if (const absl::Status same = sums.Check(std::filesystem::path(path).filename().string(), found); !same.ok()) {
    return WithRemedy(same);
  }
  if (sha256 != nullptr) {
    *sha256 = found;
  }
  return params;
}

}  // namespace metaprompt
