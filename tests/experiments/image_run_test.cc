// Whole runs on images, from a new ViT and from a checkpoint: export, runs that start from them, reports, and errors.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "experiments/image_html.h"
#include "experiments/result.pb.h"
#include "google/protobuf/text_format.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/images/image_processor.h"
#include "tests/helpers/cifar_records.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;

constexpr char kSpec[] = R"(
  name: "images"
  dataset { glyphs { size: 8 } }
  model {
    encoder { vit { layers: 1 width: 16 heads: 2 intermediate: 16 patch_size: 4 } }
    prompt { visual { length: 2 } prefix_length: 1 }
  }
  episodes { ways: 3 shots: 2 queries: 2 }
  learner { maml {} adapts { part: PROMPT } inner { steps: 1 prompt_lr: 0.1 class_lr: 0.1 } }
  train { meta_steps: 2 meta_batch: 2 validate_every: 1 valid_episodes: 4 }
  test { episodes: 6 }
  threads: 1
)";

class ImageRunTest : public CommandLineTest {
 protected:
  void SetUp() override {
    CommandLineTest::SetUp();
    Write("spec.textproto", kSpec);
  }

  RunRecord Record(const std::string& file) const {
    RunRecord record;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(Read(file), &record));
    return record;
  }
};

TEST_F(ImageRunTest, TrainsTestsAndIsExported) {
  const Outcome run = Command({"run", "$spec.textproto", "--out", "$run"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("images in 124/33/92 classes (train/valid/test)"));
  const RunRecord record = Record("run/record.textproto");
  EXPECT_EQ(record.model().architecture(), "vit");
  EXPECT_EQ(record.model().prompt_parameters(), (2 + 2) * 16) << "two soft vectors, a key and a value";
  ASSERT_EQ(record.results_size(), 1);
  EXPECT_EQ(record.results(0).tests(0).initialisation(), "random");
  EXPECT_EQ(record.results(0).tests(1).initialisation(), "meta-learned");

  const Outcome exported = Command({"export", "$run", "--out", "$vit"});
  ASSERT_EQ(exported.status, 0) << exported.err;
  const absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(In("$vit"), /*allow_unknown=*/false);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->encoder->config().image_size, 8);
  const absl::StatusOr<ImageProcessor> processor = ImageProcessor::Parse(Read("vit/preprocessor_config.json"), "file");
  ASSERT_TRUE(processor.ok()) << processor.status();
  EXPECT_TRUE(processor->Check(1, "file").ok());

  // A run from the exported checkpoint, and one from the run.
  Write("from.textproto",
        absl::StrReplaceAll(kSpec, {{"vit { layers: 1 width: 16 heads: 2 intermediate: 16 patch_size: 4 }",
                                     "checkpoint { path: '$vit' }"}}));
  const Outcome again = Command({"run", "$from.textproto", "--out", "$again"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(Record("again/record.textproto").results(0).tests(0).initialisation(), "pre-trained");
  const Outcome on = Command({"run", "$spec.textproto", "--out", "$on", "--set", "model.init_from_run=" + In("$run"),
                              "--set", "train.meta_steps=0"});
  ASSERT_EQ(on.status, 0) << on.err;
  EXPECT_EQ(Record("on/record.textproto").results(0).tests(0).mean_accuracy(),
            record.results(0).tests(1).mean_accuracy())
      << "the same parameters, on the same episodes";
  // Images of another size are resized if the preprocessor_config.json does so, as this one.
  const std::vector<std::string> larger = {"run",    "$from.textproto", "--out",
                                           "$other", "--set",           "dataset.glyphs.size=12"};
  Write("vit/preprocessor_config.json", R"({"do_resize": false, "image_mean": [0.5], "image_std": [0.5]})");
  EXPECT_THAT(Error(larger),
              HasSubstr("vit: the encoder's images have 8 x 8 pixels, and the data's 12 x 12 after preprocessing "
                        "(height x width); give images of that size, a preprocessor_config.json that resizes them, or "
                        "encoder.checkpoint.interpolated_positions"));
  // The positions are interpolated if the spec asks for it. The run keeps an encoder for images of that size.
  const auto of_size = [&](const std::string& size) {
    std::vector<std::string> command = larger;
    command.insert(command.end(), {"--set", "model.encoder.checkpoint.interpolated_positions.image_size=" + size});
    return command;
  };
  EXPECT_THAT(
      Error(of_size("10")),
      HasSubstr("model.encoder.checkpoint.interpolated_positions.image_size is 10; it must be a multiple of the "
                "patch size in $vit, 4"));
  EXPECT_THAT(Error(of_size("4096")),
              HasSubstr("image_size is 4096, which makes 1048576 patches of an image; at most 16384 are supported"));
  const Outcome interpolated = Command(of_size("16"));
  ASSERT_EQ(interpolated.status, 0) << interpolated.err;
  ASSERT_EQ(Command({"export", "$other", "--out", "$vit16"}).status, 0);
  EXPECT_EQ(OpenCheckpoint(In("$vit16"), /*allow_unknown=*/false)->encoder->config().image_size, 16);
  EXPECT_EQ(ImageProcessor::Parse(Read("vit16/preprocessor_config.json"), "file")->SizeOf(12, 12),
            std::make_pair(int64_t{16}, int64_t{16}));
  std::filesystem::remove_all(folder_ + "other");
  Write("vit/preprocessor_config.json", R"({"size": 8, "image_mean": [0.5], "image_std": [0.5]})");
  EXPECT_EQ(Command(larger).status, 0);
  Write("support.tsv", "a\ttext\nb\tother\n");
  EXPECT_THAT(Command({"classify", "--run", "$run", "--support", "$support.tsv", "$support.tsv"}).err,
              HasSubstr("run: the run's inputs are images; classify needs texts"));
}

TEST_F(ImageRunTest, EpisodesAreShown) {
  const Outcome shown = Command({"episodes", "$spec.textproto"});
  ASSERT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("part\tway\tlabel\tnumber\timage\n"));
  const Outcome page = Command({"episodes", "$spec.textproto", "--page", "$page.html"});
  ASSERT_EQ(page.status, 0) << page.err;
  const std::string html = Read("page.html");
  EXPECT_THAT(html, HasSubstr("glyphs: episode 0 of test, seed 0, 3-way 2-shot"));
  size_t images = 0;
  for (size_t at = html.find("<img"); at != std::string::npos; at = html.find("<img", at + 1)) {
    ++images;
  }
  EXPECT_EQ(images, 3 * (2 + 2));
  EXPECT_THAT(Command({"episodes", "$tiny.textproto", "--page", "$page.html"}).err,
              HasSubstr("data.tsv: these data are texts; --page shows images"));
  const Outcome saved = Command({"episodes", "$spec.textproto", "--save", "$manifest", "--count", "6"});
  ASSERT_EQ(saved.status, 0) << saved.err;
  EXPECT_EQ(Command({"run", "$spec.textproto", "--out", "$run", "--set", "test.manifest=" + In("$manifest"), "--set",
                     "train.meta_steps=0"})
                .status,
            0);
}

TEST_F(ImageRunTest, AReportHasPicturesOfTheClasses) {
  std::filesystem::create_directories(folder_ + "cifar");
  Write("cifar/batches.meta.txt", "bird\ncat\ndeer\ndog\nfrog\nhorse\n");
  const std::string records = CifarRecords(1, 6, 4);
  WriteBytes("cifar/data_batch_1.bin", records);
  Write("cifar.textproto",
        absl::StrReplaceAll(kSpec, {{"glyphs { size: 8 }",
                                     "cifar { path: '$cifar' } allow_other_counts: true split { lists { train: "
                                     "['bird', 'cat'] valid: ['deer', 'dog'] test: ['frog', 'horse'] } }"},
                                    {"ways: 3", "ways: 2"},
                                    {"patch_size: 4", "patch_size: 8"}}));
  const Outcome run = Command({"run", "$cifar.textproto", "--out", "$run"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Outcome report = Command({"report", "$run", "--out", "$with.html"});
  ASSERT_EQ(report.status, 0) << report.err;
  const std::string frog = records.substr(4 * 3073 + 1, 3072);
  EXPECT_THAT(Read("with.html"), HasSubstr("frog</th><td>" + ImageHtml({3, 32, 32}, frog, /*scale=*/1)));
  // Of other data there are no pictures.
  WriteBytes("cifar/data_batch_1.bin", CifarRecords(2, 6, 4));
  ASSERT_EQ(Command({"report", "$run", "--out", "$without.html"}).status, 0);
  EXPECT_THAT(Read("without.html"),
              testing::AllOf(testing::Not(HasSubstr("<img")), HasSubstr("without pictures of its classes"),
                             HasSubstr("cifar: the data are not those of the run any more")));
}

TEST_F(ImageRunTest, SettingsOfTextsAreRefused) {
  const auto error = [&](const std::string& spec, const std::string& set) {
    return Command({"check", spec, "--set", set}).err;
  };
  for (const auto& [set, message] : {
           std::make_pair("model.prompt.template=<soft> {text} {mask}",
                          "model.prompt.template is set; images have no words"),
           std::make_pair("model.verbalizer.answer_texts=1",
                          "model.verbalizer.answer_texts is set; images have no words"),
           std::make_pair("model.verbalizer.calibration.texts=N/A",
                          "model.verbalizer.calibration is set; images have no words"),
           std::make_pair("model.verbalizer.sequence.max_tokens=9",
                          "model.verbalizer.sequence is set; images have no words"),
           std::make_pair("model.verbalizer.kind=SEQUENCE", "model.verbalizer.kind is SEQUENCE; images have no words"),
           std::make_pair("dataset.skip_bad_lines=true", "dataset.skip_bad_lines is set; images have no lines"),
           std::make_pair("test.count_words=true", "test.count_words is set; images have no words"),
           std::make_pair("episodes.word_tasks=0.5", "episodes.word_tasks is set; images have no words"),
           std::make_pair("learner.inner.class_lr=0",
                          "learner.inner.class_lr is 0; the class vectors of images start at 0"),
           std::make_pair("model.encoder.vit.heads=3",
                          "model.encoder.vit.width is 16; it must be a multiple of heads, 3"),
       }) {
    EXPECT_THAT(error("$spec.textproto", set), HasSubstr(message));
  }
  EXPECT_THAT(Command({"run", "$spec.textproto", "--out", "$run", "--set", "model.encoder.vit.patch_size=3"}).err,
              HasSubstr("model.encoder.vit.patch_size is 3; it must divide the height and width of the images, 8"));
  EXPECT_THAT(Command({"run", "$spec.textproto", "--out", "$run", "--set",
                       "model.encoder.vit={layers: 96 width: 16384 heads: 2 intermediate: 65536 patch_size: 4}"})
                  .err,
              HasSubstr("error: model.encoder.vit: "));
  EXPECT_THAT(
      error("$tiny.textproto", "model.encoder={checkpoint { path: 'vit' interpolated_positions { image_size: 8 } }}"),
      HasSubstr("model.encoder.checkpoint.interpolated_positions is set; it is for images"));
  EXPECT_THAT(error("$tiny.textproto", "model.prompt.visual.length=3"),
              HasSubstr("model.prompt.visual is set; the soft vectors of texts are <soft> in model.prompt.template"));
}

}  // namespace
}  // namespace metaprompt
