// A run on small data that is learned in a second: twelve classes of twelve texts.
#ifndef TESTS_HELPERS_TINY_RUN_H_
#define TESTS_HELPERS_TINY_RUN_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "experiments/runs/run.h"
#include "experiments/spec.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/random.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {

// A folder for this process, new at each start.
inline const std::string& Folder() {
  static const auto* const folder = [] {
    std::string name = absl::StrCat(testing::TempDir(), "/tiny_run.XXXXXX");
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    return new std::string(name);
  }();
  return *folder;
}

inline std::string Read(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *bytes : "";
}

inline bool Exists(const std::string& path) { return std::filesystem::exists(path); }

// Writes twelve classes, each with its own words, so that the words of a text determine its class. `seed` decides which
// texts are drawn. Returns the path.
inline std::string WriteData(const std::string& name, uint64_t seed) {
  std::string lines;
  for (int of_class = 0; of_class < 12; ++of_class) {
    for (int text = 0; text < 12; ++text) {
      Random random(SubSeed(seed, name, static_cast<uint64_t>(of_class) * 100 + static_cast<uint64_t>(text)));
      absl::StrAppend(&lines, "class", std::string(1, static_cast<char>('a' + of_class)), "\t");
      for (int word = 0; word < 4; ++word) {
        const auto first = static_cast<char>('a' + of_class % 6);
        const auto second = static_cast<char>('m' + random.Below(6));
        const auto third = static_cast<char>('a' + of_class % 3 + of_class / 6 * 3);
        absl::StrAppend(&lines, word == 0 ? "" : " ", std::string({first, second, third}));
      }
      // A word that texts of all classes share, for word tasks, and a number, so that all texts of a class differ.
      absl::StrAppend(&lines, text % 3 == 0 ? " red " : text % 3 == 1 ? " green " : " blue ", text, "\n");
    }
  }
  std::string path = absl::StrCat(Folder(), "/", name);
  EXPECT_TRUE(WriteFileAtomically(path, lines).ok());
  return path;
}

inline const std::string& DataPath() {
  static const auto* const path = new std::string(WriteData("words.tsv", 1));
  return *path;
}

// Writes the spec to a file and returns its path. `$` is the path of the data.
inline const std::string& SpecPath() {
  static const auto* const path = [] {
    constexpr char kSpec[] = R"(
      name: "tiny"
      seed: 5
      dataset { tsv { path: "$" } split { shares { train: 0.4 valid: 0.3 } } }
      model {
        tokenizer { vocab_size: 90 }
        encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 32 max_positions: 16 init_std: 1 } }
        prompt { template: "{text} is <soft> {mask}" }
        verbalizer { allow_same_words: true }  # so few pieces lack letters of the names
      }
      episodes { ways: 3 shots: 1 queries: 4 borrowed_answers: 0.3 word_tasks: 0.4 }
      learner {
        maml {}
        inner { steps: 2 encoder_lr: 0.1 prompt_lr: 0.1 class_lr: 0.5 }
        meta_optimizer { encoder_lr: 0.01 word_lr: 0.01 }
      }
      train { meta_steps: 12 meta_batch: 2 validate_every: 5 valid_episodes: 6 checkpoint_every: 2 }
      test { episodes: 24 }
      threads: 1)";
    auto* name = new std::string(absl::StrCat(Folder(), "/tiny.textproto"));
    EXPECT_TRUE(WriteFileAtomically(*name, absl::StrJoin(absl::StrSplit(kSpec, '$'), DataPath())).ok());
    return name;
  }();
  return *path;
}

inline ExperimentSpec Spec(const std::vector<std::string>& sets = {}) {
  absl::StatusOr<ExperimentSpec> spec = LoadSpec(SpecPath(), sets);
  EXPECT_TRUE(spec.ok()) << spec.status();
  return *spec;
}

// Runs the spec, and returns the record's bytes or the error.
inline std::string RecordOf(const ExperimentSpec& spec, const std::string& out, RunRecord* record = nullptr,
                            const EventsOption& events = {}) {
  std::ostringstream shown;
  Progress progress(&shown, false);
  const std::atomic<bool> stop(false);
  const absl::StatusOr<RunRecord> result = RunExperiment(spec, out, &progress, stop, false, events);
  if (!result.ok()) {
    return std::string(result.status().message());
  }
  EXPECT_FALSE(Exists(out + ".partial"));
  if (record != nullptr) {
    *record = *result;
  }
  const std::string bytes = Read(out + "/record.textproto");
  EXPECT_EQ(bytes, SpecText(*result));
  return bytes;
}

// The record of a run without a stop, with which tests compare others.
inline const std::string& Undisturbed() {
  static const auto* const bytes = new std::string(RecordOf(Spec(), Folder() + "/undisturbed"));
  return *bytes;
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_TINY_RUN_H_
