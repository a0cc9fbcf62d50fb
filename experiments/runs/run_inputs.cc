#include "experiments/runs/run_inputs.h"

#include <filesystem>
#include <string>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/host/blas.h"
#include "experiments/host/environment.h"
#include "experiments/host/threads.h"
#include "experiments/workbench/seen_texts.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

constexpr char kDatasetFile[] = "dataset.sha256";
constexpr char kEncoderFile[] = "encoder.sha256";
constexpr char kStartsFile[] = "starts.sha256";
constexpr char kManifestFile[] = "manifest.sha256";
constexpr char kThreadsFile[] = "threads";
constexpr char kEnvironmentFile[] = "environment.textproto";

}  // namespace

absl::StatusOr<TokenizerFiles> KeptTokenizer(const RunDirectory& directory) {
  TokenizerFiles files;
  if (directory.Has(kSentencePieceFile)) {
    ASSIGN_OR_RETURN(files[kSentencePieceFile], directory.Read(kSentencePieceFile));
  }
  return files;
}

absl::Status CheckSameInputs(const RunDirectory& directory, const std::string& data_sha256, const ModelFacts& model,
                             const std::string& manifest_sha256) {
  const std::string encoder =
      model.encoder_sha256().empty() ? "" : absl::StrCat(model.encoder_sha256(), " ", model.tokenizer_sha256());
  std::string starts;
  for (const StartFacts& start : model.starts()) {
    absl::StrAppend(&starts, start.parameters_sha256(), " ");
  }
  for (const auto& [file, what, sha256] :
       {std::make_tuple(kDatasetFile, "data has", data_sha256),
        std::make_tuple(kEncoderFile, "encoder's weights or tokenizer have", encoder),
        std::make_tuple(kStartsFile, "parameters of the run that it begins from have", starts),
        std::make_tuple(kManifestFile, "file of test episodes has", manifest_sha256)}) {
    if (sha256.empty()) {
      continue;
    }
    if (!directory.Has(file)) {
      RETURN_IF_ERROR(directory.Write(file, sha256));
      continue;
    }
    ASSIGN_OR_RETURN(const std::string before, directory.Read(file));
    if (before != sha256) {
      return absl::FailedPreconditionError(absl::StrCat(
          directory.path(), ".partial: the ", what, " changed since this run began; name another folder with --out"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> ThreadsOfRun(const RunDirectory& directory, int wanted) {
  int threads = ThreadsOr(wanted);
  if (!directory.Has(kThreadsFile)) {
    RETURN_IF_ERROR(directory.Write(kThreadsFile, absl::StrCat(threads)));
    return threads;
  }
  ASSIGN_OR_RETURN(const std::string text, directory.Read(kThreadsFile));
  if (!absl::SimpleAtoi(text, &threads) || threads < 1) {
    return absl::DataLossError(absl::StrCat(directory.File(kThreadsFile), ": not a number of threads"));
  }
  return threads;
}

absl::StatusOr<Environment> EnvironmentOfRun(const RunDirectory& directory, bool bfloat16, int threads,
                                             bool allow_other_environment) {
  Environment now = HostEnvironment(threads);
  if (directory.Has(kEnvironmentFile)) {
    const std::string path = directory.File(kEnvironmentFile);
    ASSIGN_OR_RETURN(const std::string text, directory.Read(kEnvironmentFile));
    Environment before;
    RETURN_IF_ERROR(ParseSpec(text, path, &before));
    const std::string different = DifferentNumerics(before, now, bfloat16);
    if (!different.empty() && !allow_other_environment) {
      return absl::FailedPreconditionError(
          absl::StrCat(directory.path(), ".partial: the run began in another environment (", different,
                       "), and its numbers would round differently from here on; continue it where it began, or with "
                       "--allow-other-environment, which environment.textproto will note"));
    }
    *now.mutable_changed() = before.changed();
    if (!different.empty()) {
      now.add_changed(different);
    }
  }
  RETURN_IF_ERROR(directory.Write(kEnvironmentFile, SpecText(now)));
  return now;
}

absl::Status UseKernelsOfRun(const std::string& out) {
  const std::string path = absl::StrCat(absl::StripSuffix(out, "/"), ".partial/", kEnvironmentFile);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  Environment before;
  RETURN_IF_ERROR(ParseSpec(text, path, &before));
  UseKernels(before.blas_kernel(), before.vector_kernels(), HostEnvironment(1).cpu_flags());
  return absl::OkStatus();
}

absl::Status SaveInputs(const RunDirectory& directory, const Workbench& bench) {
  if (!bench.seen().empty() && !directory.Has(kSeenTextsFile)) {
    RETURN_IF_ERROR(directory.Write(kSeenTextsFile, bench.seen().Text()));
  }
  TokenizerFiles files = bench.input_files();
  std::string folder;
  if (bench.spec().model().encoder().has_checkpoint() || bench.dataset().images.has_value()) {
    folder = "encoder/";
    files["config.json"] = bench.config_json();
    std::error_code error;
    std::filesystem::create_directories(directory.File(folder), error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("cannot make ", directory.File(folder), ": ", error.message()));
    }
  }
  for (const auto& [name, bytes] : files) {
    const std::string file = folder + name;
    if (!directory.Has(file)) {
      RETURN_IF_ERROR(directory.Write(file, bytes));
    }
  }
  return absl::OkStatus();
}

void RemoveInputNotes(const RunDirectory& directory) {
  for (const char* const file : {kDatasetFile, kEncoderFile, kStartsFile, kManifestFile, kThreadsFile}) {
    directory.Remove(file);
  }
}

}  // namespace metaprompt
