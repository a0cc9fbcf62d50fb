// Whole pre-trainings: the folder, stopping and continuing, threads, and texts that must not be used.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "experiments/pretraining/pretrain.h"
#include "experiments/pretraining/pretraining_record.h"
#include "experiments/pretraining/pretraining_spec.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/specs/spec_fields.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "tests/helpers/stop_after_lines.h"
#include "tests/helpers/tiny_run.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Writes the texts of tiny_run.h, one per line, and a file of pairs, which are their labels and texts. Returns the path
// of the texts.
const std::string& TextsPath() {
  static const auto* const path = [] {
    std::string texts;
    for (const absl::string_view line : absl::StrSplit(Read(DataPath()), '\n', absl::SkipEmpty())) {
      absl::StrAppend(&texts, line.substr(line.find('\t') + 1), "\n");
    }
    auto* name = new std::string(absl::StrCat(Folder(), "/texts.txt"));
    EXPECT_TRUE(WriteFileAtomically(*name, texts).ok());
    EXPECT_TRUE(WriteFileAtomically(absl::StrCat(Folder(), "/pairs.tsv"), Read(DataPath())).ok());
    return name;
  }();
  return *path;
}

PretrainingSpec TinySpec(const std::vector<std::string>& more = {}) {
  const std::string path = absl::StrCat(Folder(), "/pretraining.textproto");
  EXPECT_TRUE(WriteFileAtomically(path, absl::StrCat(R"(
    name: "tiny"
    seed: 5
    corpus { path: ")",
                                                     TextsPath(), R"(" max_tokens: 12 valid_share: 0.2 }
    vocabulary { size: 110 }
    encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 32 max_positions: 16 } }
    dropout { hidden: 0.1 attention: 0.1 }
    masked { batch: 16 }
    pairs { path: ")",
                                                     Folder(), R"(/pairs.tsv" batch: 12 }
    optimizer { lr: 0.01 }
    train { steps: 20 parts: 3 validate_every: 6 checkpoint_every: 2 }
    threads: 1)"))
                  .ok());
  absl::StatusOr<PretrainingSpec> spec = LoadPretrainingSpec(path, more);
  EXPECT_TRUE(spec.ok()) << spec.status();
  return *spec;
}

absl::StatusOr<PretrainingRecord> Try(const PretrainingSpec& spec, const std::string& out, int stop_after = 1 << 30) {
  std::atomic<bool> stop(false);
  StopAfterLines buffer(stop_after, &stop);
  std::ostream shown(&buffer);
  Progress progress(&shown, false);
  return Pretrain(spec, out, &progress, stop, false);
}

std::string Error(const absl::StatusOr<PretrainingRecord>& record) { return std::string(record.status().message()); }

std::string Files(const std::string& folder) {
  std::string all;
  for (const char* const file : {"/pretraining.textproto", "/model.safetensors", "/vocab.txt", "/curve.tsv"}) {
    all += Read(folder + file);
  }
  return all;
}

TEST(PretrainingTest, LearnsAndLeavesAnEncoderThatOpens) {
  const std::string out = Folder() + "/whole";
  const absl::StatusOr<PretrainingRecord> record = Try(TinySpec(), out);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(Read(out + "/pretraining.textproto"), SpecText(*record));
  ASSERT_EQ(record->curve_size(), 5);  // steps 0, 6, 12, 18, 20
  EXPECT_GT(record->best_step(), 0);   // the untrained parameters validate worse
  EXPECT_GT(record->pseudo_perplexity(), 1);
  EXPECT_LT(record->pseudo_perplexity(), 110);
  EXPECT_THAT(PretrainingText(*record), AllOf(HasSubstr("144 texts"), HasSubstr("pseudo-perplexity")));
  for (const char* const file : {"/best.safetensors", "/checkpoint-training.safetensors", "/dataset.sha256"}) {
    EXPECT_FALSE(Exists(out + file)) << file;
  }

  const absl::StatusOr<Checkpoint> opened = OpenCheckpoint(out, false);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(ParamsSha256(opened->encoder->params(), opened->params), record->parameters_sha256());
  EXPECT_TRUE(opened->encoder->layout().has_head());
  const absl::StatusOr<TokenizerFiles> files = ReadTokenizerFiles(out);
  ASSERT_TRUE(files.ok()) << files.status();
  const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(*files, out);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->vocab_size(), 110);
  for (const int64_t id : (*tokenizer)->Encode("ama green BLUE 7")) {
    EXPECT_NE(id, (*tokenizer)->special().unk);
  }

  // The same command says that it is done; another spec is refused.
  EXPECT_TRUE(Try(TinySpec(), out).ok());
  EXPECT_THAT(Error(Try(TinySpec({"seed=6"}), out)), HasSubstr("another spec"));
  // A run of tasks starts from it.
  RunRecord run;
  RecordOf(Spec({absl::StrCat("model.encoder.checkpoint.path=", out), "model.tokenizer={}",
                 "model.prompt.template={text} <soft> {mask}", "train.meta_steps=2", "test.episodes=4"}),
           Folder() + "/from-pretrained", &run);
  EXPECT_TRUE(run.model().mlm_head());
  // An edited record is refused.
  ASSERT_TRUE(ReadPretraining(out).ok());
  EXPECT_THAT(std::string(ReadPretraining(Folder() + "/whole-not").status().message()), HasSubstr("No such file"));
  PretrainingRecord edited = *record;
  edited.set_best_step(99);
  EXPECT_THAT(std::string(CheckPretraining(edited).message()), HasSubstr("best_step is 99"));
  edited = *record;
  edited.clear_version();
  EXPECT_THAT(std::string(CheckPretraining(edited).message()), HasSubstr("version is missing"));
  edited = *record;
  edited.mutable_curve(1)->set_valid_loss(std::nan(""));
  EXPECT_THAT(std::string(CheckPretraining(edited).message()), HasSubstr("curve[1].valid_loss is nan"));
  edited = *record;
  edited.mutable_curve(2)->set_step(21);
  EXPECT_EQ(CheckPretraining(edited).message(), "curve[2].step is 21; it must be within 0 and trained_steps, 20");
  // It can be pre-trained further.
  const absl::StatusOr<PretrainingRecord> further =
      Try(TinySpec({absl::StrCat("encoder.checkpoint.path=", out), "train.steps=2"}), Folder() + "/further");
  ASSERT_TRUE(further.ok()) << further.status();
  EXPECT_EQ(further->model().encoder_sha256(), record->parameters_sha256());
  double best = 1e9;
  for (const TrainingPoint& point : record->curve()) {
    best = std::min(best, point.valid_loss());
  }
  EXPECT_DOUBLE_EQ(further->curve(0).valid_loss(), best);
  // With float16 parameters: half the size, rounded.
  const absl::StatusOr<PretrainingRecord> half =
      Try(TinySpec({absl::StrCat("encoder.checkpoint.path=", out), "train.steps=2", "storage=AS_FLOAT16"}),
          Folder() + "/half");
  ASSERT_TRUE(half.ok()) << half.status();
  EXPECT_LT(Read(Folder() + "/half/model.safetensors").size(), 0.6 * Read(out + "/model.safetensors").size());
  const absl::StatusOr<Checkpoint> rounded = OpenCheckpoint(Folder() + "/half", false);
  ASSERT_TRUE(rounded.ok()) << rounded.status();
  EXPECT_EQ(ParamsSha256(rounded->encoder->params(), rounded->params), half->parameters_sha256());
}

TEST(PretrainingTest, PairsAloneLeaveAnEncoderWithoutAHeadAndMayHaveNoLayer) {
  const std::string out = Folder() + "/pairs-alone";
  PretrainingSpec spec = TinySpec({"encoder.bert.layers=0", "storage=AS_FLOAT16", "optimizer.word_lr=0.05"});
  spec.clear_masked();
  const absl::StatusOr<PretrainingRecord> record = Try(spec, out);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_GT(record->curve().rbegin()->accuracy(), 0.5);
  const absl::StatusOr<Checkpoint> opened = OpenCheckpoint(out, false);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE(opened->encoder->layout().has_head());
  EXPECT_EQ(opened->encoder->num_layers(), 0U);
  EXPECT_THAT(Read(out + "/config.json"), AllOf(HasSubstr("\"BertModel\""), HasSubstr("\"float16\"")));
  RunRecord run;
  RecordOf(Spec({absl::StrCat("model.encoder.checkpoint.path=", out), "model.tokenizer={}",
                 "model.prompt.template={text} <soft> {mask}", "model.read=UNIT_MEAN", "model.features=UNIT_MEAN",
                 "train.meta_steps=2", "test.episodes=4"}),
           Folder() + "/from-pairs", &run);
  EXPECT_FALSE(run.model().mlm_head());
}

TEST(PretrainingTest, StoppedAnywhereOrOnMoreThreadsItLeavesTheSameBytes) {
  const std::string whole = Folder() + "/undisturbed-pretraining";
  ASSERT_TRUE(Try(TinySpec({"corpus.join=true"}), whole).ok());
  const std::string pieces = Folder() + "/pieces";
  int stops = 0;
  for (;; ++stops) {
    ASSERT_LT(stops, 40) << "it never ends";
    // Stops the first call after one line of progress, and later calls after three.
    const absl::StatusOr<PretrainingRecord> record = Try(TinySpec({"corpus.join=true"}), pieces, stops == 0 ? 1 : 3);
    if (record.ok()) {
      break;
    }
    ASSERT_TRUE(absl::IsCancelled(record.status())) << record.status();
    EXPECT_TRUE(Exists(pieces + ".partial"));
  }
  EXPECT_GE(stops, 2);
  EXPECT_EQ(Files(pieces), Files(whole));

  const std::string threads = Folder() + "/threads";
  ASSERT_TRUE(Try(TinySpec({"corpus.join=true", "threads=2"}), threads).ok());
  EXPECT_EQ(Read(threads + "/model.safetensors"), Read(whole + "/model.safetensors"));
  EXPECT_EQ(Read(threads + "/curve.tsv"), Read(whole + "/curve.tsv"));
}

// A spec whose texts must not be in the sealed data set, the classes of tiny_run.h from h on.
PretrainingSpec SealedSpec(const std::string& texts, const std::string& source, const std::vector<std::string>& more) {
  const std::string path = absl::StrCat(Folder(), "/sealed.textproto");
  EXPECT_TRUE(WriteFileAtomically(path, absl::StrCat(R"(
    name: "sealed"
    corpus { path: ")",
                                                     texts, R"(" valid_share: 0.2 max_tokens: 12
             sealed { )",
                                                     source, R"( split { shares { train: 0.4 valid: 0.3 } } } }
    vocabulary { size: 110 }
    encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 32 max_positions: 16 } }
    masked { batch: 16 }
    train { steps: 1 parts: 2 }
    threads: 1)"))
                  .ok());
  const absl::StatusOr<PretrainingSpec> spec = LoadPretrainingSpec(path, more);
  EXPECT_TRUE(spec.ok()) << spec.status();
  return *spec;
}

TEST(PretrainingTest, TextsOfTestClassesAreRefusedUnlessTransductive) {
  const std::string data = absl::StrCat("tsv { path: \"", DataPath(), "\" }");
  const std::string out = Folder() + "/sealed";
  EXPECT_THAT(Error(Try(SealedSpec(TextsPath(), data, {}), out)),
              AllOf(StartsWith(absl::StrCat(TextsPath(), ":")), HasSubstr("the text is one of the "),
                    HasSubstr("corpus.transductive")));
  EXPECT_FALSE(Exists(out + ".partial"));
  const absl::StatusOr<PretrainingRecord> record =
      Try(SealedSpec(TextsPath(), data, {"corpus.transductive=true"}), out);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->corpus().transductive_texts(), 84);  // 7 of 12 classes of 12 texts
  // A run of tasks that is tested on them is refused.
  EXPECT_THAT(RecordOf(Spec({absl::StrCat("model.encoder.checkpoint.path=", out), "model.tokenizer={}",
                             "model.prompt.template={text} {mask}", "learner.inner.prompt_lr=0"}),
                       Folder() + "/seen"),
              HasSubstr("the encoder was trained on "));
}

TEST(PretrainingTest, SealedTextsAreFoundInOtherForms) {
  const std::string pairs = absl::StrCat(Folder(), "/sealed-pairs.csv");
  std::string lines = "text,text_b,label\n";
  for (const char of_class : {'a', 'b', 'c', 'd'}) {
    absl::StrAppend(&lines, "one ", std::string(1, of_class), ",two ", std::string(1, of_class), ",",
                    std::string(1, of_class), "\n");
  }
  ASSERT_TRUE(WriteFileAtomically(pairs, lines).ok());
  const std::string data = absl::StrCat("max_words: 2 csv { path: \"", pairs, "\" text_b_column: \"text_b\" }");
  const std::string texts = absl::StrCat(Folder(), "/forms.txt");
  const std::string out = Folder() + "/forms";
  for (const char* const form : {"one  c", "one\fc", "one c and more words than are kept", "two c"}) {
    std::string file = "a sound text\n";
    absl::StrAppend(&file, form, "\n");
    ASSERT_TRUE(WriteFileAtomically(texts, file).ok());
    EXPECT_THAT(Error(Try(SealedSpec(texts, data, {}), out)),
                AllOf(StartsWith(absl::StrCat(texts, ":2: the text is one of the ")), HasSubstr("class")))
        << form;
  }
}

TEST(PretrainingTest, ErrorsNameTheFieldOrTheLine) {
  const std::string path = absl::StrCat(Folder(), "/pretraining.textproto");
  TinySpec();
  const auto load = [&](const std::vector<std::string>& sets) {
    return std::string(LoadPretrainingSpec(path, sets).status().message());
  };
  EXPECT_THAT(load({"corpus.max_tokens=40"}), HasSubstr("corpus.max_tokens is 40; encoder.bert.max_positions is 16"));
  EXPECT_THAT(load({"masked.as_random=0.9"}), HasSubstr("together they must be <= 1"));
  EXPECT_THAT(load({"encoder.bert.width=17"}), HasSubstr("multiple of heads"));
  EXPECT_THAT(load({"dropout.of_checkpoint=true"}), HasSubstr("set one or the other"));
  EXPECT_THAT(load({"encoder.bert.width=17"}), HasSubstr("textproto: encoder.bert.width is 17"));
  EXPECT_THAT(load({"train.steps=0"}), HasSubstr("train.steps is 0; it must be >= 1"));
  EXPECT_THAT(load({"encoder.bert.init_standardised=false"}), HasSubstr("nothing is standardised"));
  EXPECT_THAT(load({"encoder.bert.layers=96", "encoder.bert.width=16384", "encoder.bert.intermediate=65536"}),
              HasSubstr("and this process can have"));
  EXPECT_THAT(std::string(LoadPretrainingSpec(SpecPath(), {}).status().message()),
              HasSubstr("the command for it is metaprompt run"));
  EXPECT_THAT(load({"masked.share=0"}), HasSubstr("masked.share is 0; it must be > 0 and < 1"));

  const std::string pairs = absl::StrCat(Folder(), "/broken-pairs.tsv");
  ASSERT_TRUE(WriteFileAtomically(pairs, "one\ttwo\nthree\n").ok());
  const std::string out = Folder() + "/broken";
  const auto error = [&](const std::vector<std::string>& sets) { return Error(Try(TinySpec(sets), out)); };
  EXPECT_THAT(error({"pairs.path=" + pairs}), HasSubstr("broken-pairs.tsv:2: a pair is two texts"));
  EXPECT_THAT(error({"corpus.path=/nowhere.txt"}), HasSubstr("/nowhere.txt"));
  EXPECT_THAT(error({"corpus.valid_share=1e-9"}), HasSubstr("corpus.valid_share"));
  EXPECT_THAT(error({"vocabulary.size=64"}), HasSubstr("vocabulary.size is 64"));
  EXPECT_FALSE(Exists(out + ".partial"));
}

}  // namespace
}  // namespace metaprompt
