#include "experiments/runs/run_inputs.h"

#include <filesystem>
#include <string>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "experiments/host/threads.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr char kDatasetFile[] = "dataset.sha256";
constexpr char kEncoderFile[] = "encoder.sha256";
constexpr char kStartsFile[] = "starts.sha256";
constexpr char kManifestFile[] = "manifest.sha256";
constexpr char kThreadsFile[] = "threads";

}  // namespace

absl::StatusOr<TokenizerFiles> KeptTokenizer(const RunDirectory& directory) {
  TokenizerFiles files;
  if (directory.Has(kSentencePieceFile)) {
    ASSIGN_OR_RETURN(files[kSentencePieceFile], directory.Read(kSentencePieceFile));
  }
  return files;
}

absl::Status CheckSameInputs(const RunDirectory& directory, const RunRecord& record) {
  const ModelFacts& model = record.model();
  const std::string encoder =
      model.encoder_sha256().empty() ? "" : absl::StrCat(model.encoder_sha256(), " ", model.tokenizer_sha256());
  std::string starts;
  for (const StartFacts& start : model.starts()) {
    absl::StrAppend(&starts, start.parameters_sha256(), " ");
  }
  for (const auto& [file, what, sha256] :
       {std::make_tuple(kDatasetFile, "data has", record.dataset().content_sha256()),
        std::make_tuple(kEncoderFile, "encoder's weights or tokenizer have", encoder),
        std::make_tuple(kStartsFile, "parameters of the run that it begins from have", starts),
        std::make_tuple(kManifestFile, "file of test episodes has", record.manifest_sha256())}) {
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

absl::StatusOr<int> ThreadsOfRun(const RunDirectory& directory, const ExperimentSpec& spec) {
  int threads = ThreadsOr(spec.threads());
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

absl::Status SaveInputs(const RunDirectory& directory, const Workbench& bench) {
  TokenizerFiles files = bench.tokenizer().files();
  std::string folder;
  if (bench.spec().model().encoder().has_checkpoint()) {
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
