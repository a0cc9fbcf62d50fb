// Fine-tuning on images: CIFAR-10 with its published parts from files in the publisher's format, the gradient, stops
// and threads, checkpoints, few-shot runs that start from the folder, and errors.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "datasets/image_shape.h"
#include "experiments/fine_tuning/encoder_classifier.h"
#include "experiments/fine_tuning/fine_tuning.pb.h"
#include "experiments/fine_tuning/labelled_images.h"
#include "experiments/fine_tuning/text_split.h"
#include "experiments/result.pb.h"
#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/encoders/initial_vit.h"
#include "metaprompt/images/image_processor.h"
#include "metaprompt/specs/spec_fields.h"
#include "tests/helpers/cifar_records.h"
#include "tests/helpers/fine_tuning_fixture.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kCifar[] =
    "name: 'tuned'\n"
    "dataset { cifar { path: '$cifar' part { side: TRAIN } } allow_other_counts: true }\n"
    "texts { valid_share: 0.2 test { cifar { path: '$cifar' part { side: TEST } } allow_other_counts: true } }\n"
    "encoder { vit { layers: 1 width: 16 heads: 2 intermediate: 16 patch_size: 8 } }\n"
    "dropout { hidden: 0.1 attention: 0.1 }\n"
    "optimizer { lr: 0.01 }\n"
    "train { epochs: 8 batch: 8 parts: 3 checkpoint_every: 2 }\n"
    "threads: 1\n";

constexpr char kVit[] = "vit { layers: 1 width: 16 heads: 2 intermediate: 16 patch_size: 4 }";

// 8 x 8 letters of the classes for training.
std::string Glyphs() {
  return absl::StrCat("name: 'tuned' dataset { glyphs { size: 8 } } classes: TRAIN encoder { ", kVit,
                      " } train { epochs: 1 batch: 64 } threads: 1");
}

std::string FewShotGlyphs() {
  return absl::StrCat("name: 'few' dataset { glyphs { size: 8 } } model { encoder { ", kVit,
                      " } } episodes { ways: 3 shots: 2 queries: 2 } "
                      "learner { maml {} inner { steps: 1 class_lr: 0.1 } } "
                      "train { meta_steps: 0 valid_episodes: 2 } test { episodes: 2 } threads: 1");
}

class ImageFineTuningTest : public FineTuningFixture {
 protected:
  void SetUp() override {
    FineTuningFixture::SetUp();
    std::filesystem::create_directories(folder_ + "cifar");
    Write("cifar/batches.meta.txt", "airplane\nautomobile\nbird\n");
    WriteBytes("cifar/data_batch_1.bin", CifarRecords(1, 3, 8));
    WriteBytes("cifar/data_batch_2.bin", CifarRecords(2, 3, 7));
    // One of the test images is also a training image, which is then not trained on.
    WriteBytes("cifar/test_batch.bin", CifarRecords(3, 3, 5) + CifarRecords(1, 3, 1).substr(0, 3073));
    Write("tuned.textproto", kCifar);
  }
};

TEST_F(ImageFineTuningTest, LearnsFromThePublishedParts) {
  const Outcome tuned = Tune("tuned");
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  EXPECT_THAT(tuned.err, AllOf(HasSubstr("cifar, 3 classes, 35/9/16 images (train/valid/test), 1 left out as published "
                                         "ones, "),
                               HasSubstr("100.00 % of 16 images")));
  const FineTuningRecord record = RecordIn("tuned");
  EXPECT_EQ(record.model().architecture(), "vit");
  EXPECT_EQ(record.test().texts(), 16);
  EXPECT_EQ(record.test().accuracy(), 1);
  EXPECT_EQ(record.test().classes(1).label(), "automobile");
  EXPECT_FALSE(Exists("tuned/tokenizer.model"));
  EXPECT_THAT(Command({"show", "$tuned"}).out,
              AllOf(HasSubstr("3 classes, fine-tuned on 35 images"), HasSubstr("100.00 % of 16 images"),
                    HasSubstr("each class, over 16 test images")));
  // An image is named by its hash, as in seen_texts.txt.
  const std::vector<std::string> lines = absl::StrSplit(Read("tuned/test-predictions.tsv"), '\n');
  ASSERT_EQ(lines.size(), 18U);
  EXPECT_EQ(lines[0], "label\tanswer\timage");
  EXPECT_EQ(lines[1],
            absl::StrCat("airplane\tairplane\t", Sha256(CifarRecords(3, 3, 1).substr(1, 3072)).substr(0, 16)));
  EXPECT_THAT(Read("tuned/seen_texts.txt"), HasSubstr(Sha256(CifarRecords(2, 3, 1).substr(1, 3072)).substr(0, 16)));
  EXPECT_THAT(Tune("tuned").err, HasSubstr("complete already"));

  // The folder is a checkpoint. Without training steps of any size, its encoder stays as it is.
  const absl::StatusOr<Checkpoint> opened = OpenCheckpoint(folder_ + "tuned", /*allow_unknown=*/false);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(ImageProcessor::Parse(Read("tuned/preprocessor_config.json"), "file")->Check(3, "file").ok());
  Write("tuned.textproto",
        absl::StrReplaceAll(kCifar, {{"encoder { vit {", "encoder { checkpoint { path: '$tuned' } } #"}}));
  const Outcome again = Tune("again", {"train.epochs=1", "optimizer.lr=0"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(RecordIn("again").model().encoder_sha256(), record.encoder_sha256());
  EXPECT_EQ(Read("again/model.safetensors"), Read("tuned/model.safetensors"));
  EXPECT_EQ(Read("again/preprocessor_config.json"), Read("tuned/preprocessor_config.json"));
  // For smaller images, its positions are interpolated.
  const std::string side = "encoder.checkpoint.interpolated_positions.image_size=";
  const Outcome small = Tune("small", {"train.epochs=1", side + "16"});
  ASSERT_EQ(small.status, 0) << small.err;
  EXPECT_EQ(OpenCheckpoint(folder_ + "small", /*allow_unknown=*/false)->encoder->config().image_size, 16);
  EXPECT_EQ(TuneError({side + "12"}), absl::StrCat(side.substr(0, side.size() - 1),
                                                   " is 12; it must be a multiple of the patch size in ", "$tuned, 8"));
}

TEST_F(ImageFineTuningTest, GradientIsTheDerivativeOfTheMeanLoss) {
  const ImageShape shape = {3, 8, 8};
  for (const char* const read : {"FIRST", "MEAN"}) {
    SCOPED_TRACE(read);
    const FineTuningSpec spec = SpecWith({absl::StrCat("read=", read), "dropout.hidden=0", "dropout.attention=0",
                                          "encoder.vit.patch_size=4", "encoder.vit.init_std=0.5"});
    const absl::StatusOr<EncoderConfig> config = VitConfig(spec.encoder().vit(), shape.height, shape.channels);
    ASSERT_TRUE(config.ok()) << config.status();
    const Encoder encoder(*config, /*with_head=*/false);
    const EncoderClassifier classifier(spec, &encoder, 3);
    Random random(11);
    const ParamList params = Moved(classifier.Start(InitialVit(spec.encoder().vit(), encoder.layout(), 7), 7), &random);
    std::vector<LabelledText> images;
    for (int64_t i = 0; i < 7; ++i) {
      std::string bytes;
      for (int64_t b = 0; b < shape.bytes(); ++b) {
        bytes.push_back(static_cast<char>(random.Below(256)));
      }
      images.push_back({bytes, i % 3});
    }
    const LabelledImages inputs(images, shape, ImageProcessor(shape.channels), config->patches());
    ExpectGradientOfMeanLoss(spec, classifier, inputs, params, &random);
  }
}

TEST_F(ImageFineTuningTest, ThreadsStopsAndContinuationsChangeNoByte) {
  ASSERT_EQ(Tune("whole").status, 0);
  ASSERT_EQ(Tune("threads", {"threads=3"}).status, 0);
  EXPECT_EQ(absl::StrReplaceAll(Read("threads/fine_tuning.textproto"), {{"threads: 3", "threads: 1"}}),
            Read("whole/fine_tuning.textproto"));
  EXPECT_EQ(Sha256(Read("threads/model.safetensors")), Sha256(Read("whole/model.safetensors")));
  TunedWithStops("stopped", 3);
  EXPECT_EQ(BytesOf("stopped"), BytesOf("whole"));
}

TEST_F(ImageFineTuningTest, TheFolderIsAStartForFewShotRuns) {
  Write("tuned.textproto", Glyphs());
  Write("few.textproto", FewShotGlyphs());
  const Outcome tuned = Tune("tuned");
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  const std::vector<std::string> run = {"run",  "$few.textproto", "--out",
                                        "$few", "--set",          "model.init_from_run=$tuned"};
  const Outcome started = Command(run);
  ASSERT_EQ(started.status, 0) << started.err;
  RunRecord record;
  ASSERT_TRUE(ParseSpec(Read("few/record.textproto"), "record", &record).ok());
  EXPECT_EQ(record.results(0).tests(0).initialisation(), "transferred");
  EXPECT_EQ(record.model().starts(0).record_sha256(), Sha256(Read("tuned/fine_tuning.textproto")));
  const absl::StatusOr<Checkpoint> opened = OpenCheckpoint(folder_ + "tuned", /*allow_unknown=*/false);
  const TensorFile best = *ParseSafetensors(Read("few/best-2shot.safetensors"), "best");
  for (size_t i = 0; i < opened->params.size(); ++i) {
    const std::string& name = opened->encoder->params()[i].name;
    EXPECT_TRUE(at::equal(best.Find(name), opened->params[i])) << name;
  }
  EXPECT_EQ(Read("few/seen_texts.txt"), Read("tuned/seen_texts.txt"));

  // A fine-tuning on all letters has seen those of the test classes.
  ASSERT_EQ(Tune("all", {"classes=ALL", "optimizer.lr=0"}).status, 0);
  EXPECT_THAT(Error({"run", "$few.textproto", "--out", "$bad", "--set", "model.init_from_run=$all"}),
              AllOf(StartsWith("the encoder was trained on "), HasSubstr(" images of test classes (seen_texts.txt")));
  EXPECT_THAT(Error({"run", "$few.textproto", "--out", "$bad", "--set", "model.init_from_run=$tuned", "--set",
                     "model.encoder.vit.intermediate=32"}),
              AllOf(HasSubstr("model.init_from_run: $tuned: its "), HasSubstr("this model's [32")));
  Write("all/preprocessor_config.json", R"({"do_resize": false, "image_mean": [0.1], "image_std": [0.2]})");
  EXPECT_THAT(Error({"run", "$few.textproto", "--out", "$bad", "--set", "model.init_from_run=$all", "--set",
                     "model.allow_seen_test_texts={}"}),
              HasSubstr("all/preprocessor_config.json: this model's preprocessing of images is a different one"));

  // The opposite direction: a run's encoder is fine-tuned.
  Write("tuned.textproto",
        absl::StrReplaceAll(Glyphs(), {{absl::StrCat("encoder { ", kVit, " }"), "from_run { path: '$few' }"}}));
  const Outcome again = Tune("again", {"optimizer.lr=0"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(RecordIn("again").model().starts(0).parameters_sha256(), Sha256(Read("few/best-2shot.safetensors")));
  EXPECT_EQ(Read("again/model.safetensors"), Read("tuned/model.safetensors"));
  EXPECT_THAT(TuneError({"dataset={cifar {path: '$cifar'} allow_other_counts: true}", "classes=ALL"}),
              HasSubstr("few: the encoder's images are grey, and the data's are in colour"));
}

TEST_F(ImageFineTuningTest, ErrorsNameTheField) {
  const std::string file = "$tuned.textproto: ";
  EXPECT_EQ(TuneError({"tokenizer.vocab_size=80"}), file + "tokenizer is set; images have no words");
  EXPECT_EQ(TuneError({"template=a {text} {mask}"}), file + "template is set; images have no words");
  EXPECT_EQ(TuneError({"max_tokens=64"}), file + "max_tokens is set; images have no words");
  EXPECT_EQ(TuneError({"dataset.max_words=9"}), file + "dataset.max_words is set; images have no words");
  EXPECT_EQ(TuneError({"read=MASK"}),
            file + "read is MASK; images have no words, so read must be FIRST, the class token, or MEAN");
  EXPECT_EQ(TuneError({"encoder={bert {}}"}),
            file + "encoder.bert reads texts; for images use encoder.vit or a checkpoint of a vit");
  EXPECT_EQ(TuneError({"encoder.vit.heads=3"}), file + "encoder.vit.width is 16; it must be a multiple of heads, 3");
  EXPECT_EQ(TuneError({"encoder.vit.patch_size=5"}),
            "encoder.vit.patch_size is 5; it must divide the height and width of the images, 32");
  EXPECT_EQ(TuneError({"texts.test={tsv {path: '$data.tsv'}}"}),
            file + "texts.test has texts, and dataset images; both must be of one kind");
  EXPECT_EQ(TuneError({"dataset={tsv {path: '$data.tsv'}}", "texts={}"}),
            file + "encoder.vit reads images, and the data are texts");
  EXPECT_EQ(TuneError({"dataset={tsv {path: '$data.tsv'}}", "texts={}",
                       "encoder={checkpoint { path: 'vit' interpolated_positions { image_size: 8 } }}"}),
            file + "encoder.checkpoint.interpolated_positions is set; it is for images");
  EXPECT_EQ(TuneError({"texts.test={glyphs {size: 8}}"}),
            "texts.test: an image of glyphs has 1 x 8 x 8 numbers (channels x height x width), one of dataset 3 x 32 x "
            "32; give images of one size");
  Write("tuned.textproto", absl::StrReplaceAll(kCifar, {{"'$cifar' part { side: TEST }", "'$other'"}}));
  std::filesystem::create_directories(folder_ + "other");
  Write("other/batches.meta.txt", "airplane\nfrog\n");
  WriteBytes("other/test_batch.bin", std::string("\1", 1) + std::string(3072, 'x'));
  EXPECT_EQ(TuneError({}), "texts.test: no image of dataset has the label 'frog', which other has");
}

}  // namespace
}  // namespace metaprompt
