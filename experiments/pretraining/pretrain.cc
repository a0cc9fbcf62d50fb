#include "experiments/pretraining/pretrain.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/host/device.h"
#include "experiments/pretraining/corpus.h"
#include "experiments/pretraining/pretraining_objective.h"
#include "experiments/runs/run_directory.h"
#include "experiments/runs/run_inputs.h"
#include "experiments/training/train_steps.h"
#include "experiments/workbench/model_assembly.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "metaprompt/tokenizers/train_wordpiece.h"

namespace metaprompt {
namespace {

constexpr int kVersion = 1;
constexpr char kRecordFile[] = "pretraining.textproto";
constexpr char kInputsFile[] = "inputs.sha256";
constexpr int64_t kPerplexityInputs = 200;

// The files of a new BERT's tokenizer: the stopped run's, the spec's, or new ones.
absl::StatusOr<TokenizerFiles> VocabularyFiles(const PretrainingSpec& spec, const CorpusTexts& texts,
                                               const RunDirectory& directory) {
  WordPieceOptions options;
  options.lower_case = spec.vocabulary().lower_case();
  options.strip_accents = options.lower_case;
  if (directory.Has("tokenizer_config.json") && directory.Has("vocab.txt")) {
    TokenizerFiles files = BertTokenizerFiles(options, "");
    ASSIGN_OR_RETURN(files["vocab.txt"], directory.Read("vocab.txt"));
    return files;
  }
  if (const std::string& path = spec.vocabulary().path(); !path.empty()) {
    ASSIGN_OR_RETURN(const std::string vocabulary, ReadFile(path));
    return BertTokenizerFiles(options, vocabulary);
  }
  return TrainWordPiece(texts.All(), spec.vocabulary().size(), options, "vocabulary.size");
}

absl::StatusOr<EncoderParts> OpenStart(const PretrainingSpec& spec, const CorpusTexts& texts,
                                       const RunDirectory& directory) {
  if (spec.encoder().has_checkpoint()) {
    const CheckpointSpec& checkpoint = spec.encoder().checkpoint();
    ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, OpenTokenizer(checkpoint.path()));
    ASSIGN_OR_RETURN(EncoderParts parts,
                     OpenEncoder(checkpoint.path(), checkpoint.allow_unknown_tensors(), std::move(tokenizer)));
    if (spec.has_masked()) {
      RETURN_IF_ERROR(CheckPredictsWords(*parts.encoder, checkpoint.path()));
    }
    return parts;
  }
  ASSIGN_OR_RETURN(const TokenizerFiles files, VocabularyFiles(spec, texts, directory));
  const std::string name = spec.vocabulary().path().empty() ? "the new vocabulary" : spec.vocabulary().path();
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, MakeTokenizer(files, name));
  EncoderParts parts = NewEncoder(spec.encoder().bert(), std::move(tokenizer));
  parts.params = InitialBert(spec.encoder().bert(), parts.encoder->layout(), spec.seed());
  return parts;
}

// A run that was stopped continues only with the same texts, tokenizer and start.
absl::Status CheckSameInputs(const PretrainingRecord& record, const RunDirectory& directory) {
  const std::string now =
      absl::StrCat(record.corpus().sha256(), " ", record.tokenizer_sha256(), " ", record.start_sha256(), "\n");
  if (!directory.Has(kInputsFile)) {
    return directory.Write(kInputsFile, now);
  }
  ASSIGN_OR_RETURN(const std::string before, directory.Read(kInputsFile));
  return before == now ? absl::OkStatus()
                       : absl::FailedPreconditionError(absl::StrCat(
                             directory.path(),
                             ".partial: the texts, the tokenizer or the encoder's weights have changed since this run "
                             "began; name another folder with --out"));
}

PretrainingRecord NewRecord(const PretrainingSpec& spec, const Corpus& corpus, const EncoderParts& parts) {
  PretrainingRecord record;
  record.set_version(kVersion);
  *record.mutable_spec() = spec;
  *record.mutable_corpus() = corpus.facts;
  std::string files;
  for (const auto& [name, bytes] : parts.tokenizer->files()) {
    files += bytes;
  }
  record.set_tokenizer_sha256(Sha256(files));
  record.set_vocab_size(static_cast<int>(parts.tokenizer->vocab_size()));
  record.set_start_sha256(ParamsSha256(parts.encoder->params(), parts.params));
  record.set_parameters(CountNumbers(parts.encoder->params(), ParamGroup::kEncoder));
  return record;
}

std::string InputsLine(const PretrainingRecord& record) {
  const CorpusFacts& corpus = record.corpus();
  std::string line = absl::StrFormat("%d texts", corpus.texts());
  if (corpus.inputs() > 0) {
    absl::StrAppendFormat(&line, ", %d inputs with %d tokens to train with, %d inputs to validate with",
                          corpus.inputs(), corpus.tokens(), corpus.valid_inputs());
  }
  if (corpus.pairs() > 0) {
    absl::StrAppendFormat(&line, ", %d pairs and %d to validate with", corpus.pairs(), corpus.valid_pairs());
  }
  absl::StrAppendFormat(&line, "; %d pieces, %d parameters", record.vocab_size(), record.parameters());
  if (corpus.transductive_texts() > 0) {
    absl::StrAppendFormat(&line, "; transductive: %d texts are of validation or test classes",
                          corpus.transductive_texts());
  }
  return line;
}

// Writes what a checkpoint's folder holds, under the directory's checksums.
absl::Status SaveEncoder(const EncoderParts& parts, const ParamList& params, bool half, RunDirectory* directory) {
  TensorFile file = CheckpointTensors(*parts.encoder, params);
  for (auto& [name, tensor] : file.tensors) {
    tensor = half ? tensor.to(at::kHalf) : tensor;
  }
  RETURN_IF_ERROR(directory->WriteTensors("model.safetensors", file));
  for (const auto& [name, bytes] : parts.tokenizer->files()) {
    if (name != "config.json" && !directory->Has(name)) {
      RETURN_IF_ERROR(directory->Write(name, bytes));
    }
  }
  return directory->Write("config.json", CheckpointConfig(*parts.encoder, parts.config_json));
}

absl::StatusOr<PretrainingRecord> PretrainIn(RunDirectory* directory, const PretrainingSpec& spec, Progress* progress,
                                             const std::atomic<bool>& stop, bool allow_other_environment) {
  const auto begin = std::chrono::steady_clock::now();
  progress->Begin("texts and encoder", "", 0, 1);
  ASSIGN_OR_RETURN(const CorpusTexts texts, ReadCorpus(spec));
  ASSIGN_OR_RETURN(EncoderParts parts, OpenStart(spec, texts, *directory));
  if (!spec.encoder().has_checkpoint()) {  // making it again takes long
    for (const char* const file : {"tokenizer_config.json", "vocab.txt"}) {
      if (!directory->Has(file)) {
        RETURN_IF_ERROR(directory->Write(file, parts.tokenizer->files().at(file)));
      }
    }
  }
  const int64_t max_tokens = MaxTokens(*parts.encoder, spec.corpus().max_tokens());
  ASSIGN_OR_RETURN(const Corpus corpus, MakeCorpus(spec, texts, *parts.tokenizer, max_tokens));
  PretrainingRecord record = NewRecord(spec, corpus, parts);
  RETURN_IF_ERROR(CheckSameInputs(record, *directory));
  ASSIGN_OR_RETURN(const int threads, ThreadsOfRun(*directory, spec.threads()));
  const bool bfloat16 = spec.precision() == ExperimentSpec::BFLOAT16;
  ASSIGN_OR_RETURN(Environment environment, EnvironmentOfRun(*directory, bfloat16, threads, allow_other_environment));
  ASSIGN_OR_RETURN(const at::Device device, DeviceOf(spec.device()));
  progress->End(InputsLine(record));

  PretrainingObjective objective(spec, parts.encoder.get(), *parts.tokenizer, &corpus, device);
  TaskPool pool(device.is_cpu() ? threads : 1, &stop);
  const TrainingContext context = {directory, &pool, progress, &stop, device};
  const auto start = [&]() -> absl::StatusOr<ParamList> { return std::exchange(parts.params, {}); };
  ASSIGN_OR_RETURN(TrainedSteps trained,
                   TrainSteps("pre-training", spec.train(), spec.optimizer(), start, context, &objective));
  const bool half = spec.storage() == PretrainingSpec::AS_FLOAT16;
  for (at::Tensor& param : trained.params) {  // what is measured below is what is written
    param = half ? param.to(at::kHalf).to(at::kFloat) : param;
  }
  *record.mutable_curve() = trained.state.curve();
  record.set_best_step(trained.state.best_step());
  record.set_trained_steps(trained.state.step());
  if (spec.has_masked()) {
    ASSIGN_OR_RETURN(const double perplexity,
                     objective.PseudoPerplexity(trained.params, kPerplexityInputs, &pool, progress));
    record.set_pseudo_perplexity(perplexity);
    record.set_pseudo_perplexity_inputs(static_cast<int>(std::min(kPerplexityInputs, corpus.facts.valid_inputs())));
  }
  record.set_parameters_sha256(ParamsSha256(parts.encoder->params(), trained.params));

  RETURN_IF_ERROR(SaveEncoder(parts, trained.params, half, directory));
  environment.set_wall_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  RETURN_IF_ERROR(directory->Write("curve.tsv", CurveText(trained.state)));
  RETURN_IF_ERROR(directory->Write("environment.textproto", SpecText(environment)));
  RETURN_IF_ERROR(directory->Write(kRecordFile, SpecText(record)));
  RemoveInputNotes(*directory);
  for (const char* const file : {kInputsFile, "best.safetensors", "checkpoint-training.safetensors"}) {
    directory->Remove(file);
  }
  RETURN_IF_ERROR(directory->Finish());
  return record;
}

// The record in a folder that exists, if it is complete and has the same spec; else an error. `taken` is the error for
// a folder of something else.
absl::StatusOr<PretrainingRecord> CompletePretraining(const PretrainingSpec& spec, const std::string& out,
                                                      const absl::Status& taken, Progress* progress) {
  if (!IsPretrainingFolder(out)) {
    return taken;
  }
  ASSIGN_OR_RETURN(PretrainingRecord record, ReadPretrainingRecord(out));
  PretrainingSpec found = record.spec();
  WriteOutDefaults(&found);  // of fields that are newer than the record
  if (SpecText(found) != SpecText(spec)) {
    return absl::AlreadyExistsError(
        absl::StrCat(out, ": the complete run there has another spec; name another folder with --out, or remove it"));
  }
  progress->Line(absl::StrCat(out, ": complete already, with this spec"));
  return record;
}

}  // namespace

absl::StatusOr<PretrainingRecord> Pretrain(const PretrainingSpec& spec, const std::string& out, Progress* progress,
                                           const std::atomic<bool>& stop, bool allow_other_environment) {
  absl::StatusOr<std::unique_ptr<RunDirectory>> directory = RunDirectory::Open(out, SpecText(spec));
  if (absl::IsAlreadyExists(directory.status())) {
    return CompletePretraining(spec, out, directory.status(), progress);
  }
  RETURN_IF_ERROR(directory);
  absl::StatusOr<PretrainingRecord> record =
      PretrainIn(directory->get(), spec, progress, stop, allow_other_environment);
  if (!record.ok()) {
    (*directory)->Abandon();
  }
  return record;
}

bool IsPretrainingFolder(const std::string& folder) {
  std::error_code error;
  return std::filesystem::exists(absl::StrCat(folder, "/", kRecordFile), error);
}

absl::StatusOr<PretrainingRecord> ReadPretrainingRecord(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", kRecordFile);
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  PretrainingRecord record;
  RETURN_IF_ERROR(ParseSpec(text, path, &record));
  if (record.version() != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": version is ", record.version(), "; this program reads version ", kVersion));
  }
  return record;
}

std::string PretrainingText(const PretrainingRecord& record) {
  std::string text = absl::StrCat(InputsLine(record), "\n");
  for (const TrainingPoint& point : record.curve()) {
    if (point.step() == record.best_step()) {
      absl::StrAppendFormat(&text, "best of %d steps: step %d, validation loss %.4f, accuracy %.2f %%\n",
                            record.trained_steps(), point.step(), point.valid_loss(), 100 * point.valid_accuracy());
    }
  }
  if (record.has_pseudo_perplexity()) {
    absl::StrAppendFormat(&text, "pseudo-perplexity %.2f over %d validation inputs\n", record.pseudo_perplexity(),
                          record.pseudo_perplexity_inputs());
  }
  return text;
}

}  // namespace metaprompt
