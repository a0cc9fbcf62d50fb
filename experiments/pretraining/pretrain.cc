#include "experiments/pretraining/pretrain.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "experiments/host/device.h"
#include "experiments/pretraining/corpus.h"
#include "experiments/pretraining/masking.h"
#include "experiments/pretraining/pretraining_objective.h"
#include "experiments/pretraining/pretraining_record.h"
#include "experiments/runs/run_directory.h"
#include "experiments/runs/run_inputs.h"
#include "experiments/runs/run_life.h"
#include "experiments/runs/save_encoder.h"
#include "experiments/training/train_steps.h"
#include "experiments/workbench/model_assembly.h"
#include "experiments/workbench/seen_texts.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/specs/field_rules.h"
#include "metaprompt/specs/spec_fields.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "metaprompt/tokenizers/train_wordpiece.h"

namespace metaprompt {
namespace {

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
    if (const EncoderConfig& config = parts.encoder->config(); config.causal || config.has_decoder()) {
      return absl::InvalidArgumentError(absl::StrCat(checkpoint.path(), ": pre-training is for encoders, and this is ",
                                                     config.causal ? "a causal model" : "an encoder-decoder"));
    }
    if (spec.has_masked()) {
      RETURN_IF_ERROR(CheckPredictsWords(*parts.encoder, checkpoint.path()));
    }
    return parts;
  }
  ASSIGN_OR_RETURN(const TokenizerFiles files, VocabularyFiles(spec, texts, directory));
  const std::string name = spec.vocabulary().path().empty() ? "the new vocabulary" : spec.vocabulary().path();
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, MakeTokenizer(files, name));
  // Training on pairs alone would not train the head, but programs that open the encoder would use it.
  EncoderParts parts = NewEncoder(spec.encoder().bert(), std::move(tokenizer), /*with_head=*/spec.has_masked());
  parts.params = InitialBert(spec.encoder().bert(), parts.encoder->layout(), spec.seed());
  return parts;
}

PretrainingRecord NewRecord(const PretrainingSpec& spec, const Corpus& corpus, const ModelFacts& start) {
  PretrainingRecord record;
  record.set_version(kPretrainingVersion);
  *record.mutable_spec() = spec;
  *record.mutable_corpus() = corpus.facts;
  *record.mutable_model() = start;
  return record;
}

// The texts as inputs, and the encoder's start.
struct Inputs {
  EncoderParts parts;
  Corpus corpus;
  SeenTexts seen;
};

absl::StatusOr<Inputs> OpenInputs(const PretrainingSpec& spec, const RunDirectory& directory) {
  Inputs inputs;
  ASSIGN_OR_RETURN(CorpusTexts texts, ReadCorpus(spec));
  ASSIGN_OR_RETURN(inputs.parts, OpenStart(spec, texts, directory));
  const Tokenizer& tokenizer = *inputs.parts.tokenizer;
  if (spec.masked().whole_words() && !Masking(spec.masked(), tokenizer).marks_words()) {
    return absl::InvalidArgumentError(
        "masked.whole_words is set; the tokenizer has no pieces that begin with ##, which continue a word");
  }
  RETURN_IF_ERROR(SaveTokenizer(inputs.parts, directory));  // training it again may take long
  if (spec.encoder().has_checkpoint()) {
    ASSIGN_OR_RETURN(inputs.seen, SeenTexts::Read(spec.encoder().checkpoint().path()));
  }
  inputs.seen.Add(texts.seen);
  inputs.seen.Sort();
  const int64_t max_tokens = MaxTokens(*inputs.parts.encoder, spec.corpus().max_tokens());
  ASSIGN_OR_RETURN(inputs.corpus, MakeCorpus(spec, texts, tokenizer, max_tokens));
  return inputs;
}

absl::StatusOr<PretrainingRecord> PretrainIn(RunDirectory* directory, const PretrainingSpec& spec, Progress* progress,
                                             const std::atomic<bool>& stop, bool allow_other_environment,
                                             const EventsOption& events_option) {
  const auto begin = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const std::unique_ptr<RunEvents> events,
                   RunEvents::Open(events_option, directory->folder(), SpecText(spec)));
  ASSIGN_OR_RETURN(const at::Device device, DeviceOf(spec.device(), spec.precision() == ExperimentSpec::TF32));
  progress->Begin("texts and encoder", "", 0, 1);
  ASSIGN_OR_RETURN(Inputs inputs, OpenInputs(spec, *directory));
  EncoderParts& parts = inputs.parts;
  PretrainingRecord record = NewRecord(spec, inputs.corpus, FactsOfEncoder(parts));
  RETURN_IF_ERROR(CheckSameInputs(*directory, record.corpus().sha256(), record.model(), /*manifest_sha256=*/""));
  ASSIGN_OR_RETURN(const int threads, ThreadsOfRun(*directory, spec.threads()));
  const bool bfloat16 = spec.precision() == ExperimentSpec::BFLOAT16;
  ASSIGN_OR_RETURN(Environment environment, EnvironmentOfRun(*directory, bfloat16, threads, allow_other_environment));
  progress->End(PretrainingInputs(record));

  PretrainingObjective objective(spec, parts.encoder.get(), *parts.tokenizer, &inputs.corpus, device);
  TaskPool pool(device.is_cpu() ? threads : 1, &stop);  // a GPU takes one part at a time
  const TrainingContext context = {directory, &pool, progress, &stop, device, events.get()};
  const auto start = [&]() -> absl::StatusOr<ParamList> { return std::exchange(parts.params, {}); };
  ASSIGN_OR_RETURN(TrainedSteps trained,
                   TrainSteps("pre-training", spec.train(), spec.optimizer(), start, context, &objective));
  const bool half = spec.storage() == PretrainingSpec::AS_FLOAT16;
  for (at::Tensor& param : trained.params) {  // measure below with the values that are written
    param = half ? param.to(at::kHalf).to(at::kFloat) : param;
  }
  *record.mutable_curve() = trained.state.curve();
  record.set_best_step(trained.state.best_step());
  record.set_trained_steps(trained.state.step());
  if (spec.has_masked()) {
    ASSIGN_OR_RETURN(const double perplexity,
                     objective.PseudoPerplexity(trained.params, kPerplexityInputs, &pool, progress));
    record.set_pseudo_perplexity(perplexity);
    record.set_pseudo_perplexity_inputs(
        static_cast<int>(std::min(kPerplexityInputs, inputs.corpus.facts.valid_inputs())));
  }
  record.set_parameters_sha256(ParamsSha256(parts.encoder->params(), trained.params));

  RETURN_IF_ERROR(SaveEncoder(parts, trained.params, half ? at::kHalf : at::kFloat, *directory));
  RETURN_IF_ERROR(directory->Write(kSeenTextsFile, inputs.seen.Text()));
  environment.set_wall_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  RETURN_IF_ERROR(directory->Write("curve.tsv", CurveText(trained.state)));
  RETURN_IF_ERROR(directory->Write("environment.textproto", SpecText(environment)));
  RETURN_IF_ERROR(directory->Write(kPretrainingFile, SpecText(record)));
  return record;
}

}  // namespace

absl::StatusOr<PretrainingRecord> Pretrain(const PretrainingSpec& spec, const std::string& out, Progress* progress,
                                           const std::atomic<bool>& stop, bool allow_other_environment,
                                           const EventsOption& events) {
  RunLife<PretrainingRecord> run;
  run.spec_text = SpecText(spec);
  run.out = out;
  run.record_file = kPretrainingFile;
  run.read = ReadPretraining;
  run.spec_text_of = [](const PretrainingRecord& record) {
    PretrainingSpec found = record.spec();
    WriteOutDefaults(&found);
    return SpecText(found);
  };
  run.work = [&](RunDirectory* directory) {
    return PretrainIn(directory, spec, progress, stop, allow_other_environment, events);
  };
  run.clean = RemoveTrainingFiles;
  return LiveRun(run, progress);
}

}  // namespace metaprompt
