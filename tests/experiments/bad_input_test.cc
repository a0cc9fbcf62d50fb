// Specs, sweeps, data, finished runs and checkpoints, damaged in each way of a list: no command crashes, hangs, prints
// bytes that are not text or leaves files behind, and each error names the file or the field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/text.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

using Mutation = std::pair<const char*, std::function<std::string(std::string bytes, Random* random)>>;

size_t PlaceIn(const std::string& bytes, Random* random) { return bytes.empty() ? 0 : random->Below(bytes.size()); }

// Applies `change` to the lines of a file.
Mutation OfLines(const char* name, void (*change)(std::vector<std::string>* lines, size_t at)) {
  return {name, [change](const std::string& bytes, Random* random) {
            std::vector<std::string> lines = absl::StrSplit(bytes, '\n');
            change(&lines, random->Below(lines.size()));
            return absl::StrJoin(lines, "\n");
          }};
}

// Puts `what` at a random place.
Mutation With(const char* name, const std::string& what) {
  return {name, [what](std::string bytes, Random* random) { return bytes.insert(PlaceIn(bytes, random), what); }};
}

// Replaces a random number.
Mutation Number(const char* by) {
  return {by, [by](const std::string& bytes, Random* random) {
            static const std::regex number("-?[0-9]+(\\.[0-9]+)?");
            const auto count = std::distance(std::sregex_iterator(bytes.begin(), bytes.end(), number), {});
            if (count == 0) {
              return bytes;
            }
            auto match = std::sregex_iterator(bytes.begin(), bytes.end(), number);
            std::advance(match, static_cast<std::ptrdiff_t>(random->Below(static_cast<uint64_t>(count))));
            return absl::StrCat(match->prefix().str(), by, match->suffix().str());
          }};
}

std::vector<Mutation> Mutations() {
  const auto whole = [](const char* name, const std::string& bytes) {
    return Mutation{name, [bytes](const std::string&, Random*) { return bytes; }};
  };
  return {
      whole("empty", ""),
      whole("one line end", "\n"),
      whole("an HTML page", "<!DOCTYPE html>\n<title>404</title>\n"),
      whole("a pointer of git-lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
      whole("brackets", std::string(20000, '[')),
      whole("braces", std::string(20000, '{')),
      {"cut", [](const std::string& bytes, Random* random) { return bytes.substr(0, PlaceIn(bytes, random)); }},
      {"a flipped bit",
       [](std::string bytes, Random* random) {
         if (!bytes.empty()) {
           char& byte = bytes[PlaceIn(bytes, random)];
           byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << random->Below(8)));
         }
         return bytes;
       }},
      {"random bytes",
       [](std::string bytes, Random* random) {
         for (size_t i = PlaceIn(bytes, random), end = std::min(bytes.size(), i + 64); i < end; ++i) {
           bytes[i] = static_cast<char>(random->Below(256));
         }
         return bytes;
       }},
      {"UTF-16",
       [](const std::string& bytes, Random*) {
         std::string wide = "\xff\xfe";
         for (const char c : bytes) {
           wide += {c, '\0'};
         }
         return wide;
       }},
      {"a byte-order mark", [](const std::string& bytes, Random*) { return "\xef\xbb\xbf" + bytes; }},
      With("a zero", std::string(1, '\0')),
      With("a byte that is not UTF-8", "\xfc"),
      With("a typographic quote", "\xe2\x80\x9c"),
      With("a quote", "\""),
      With("a tab", "\t"),
      With("an escape sequence", "\x1b[31m"),
      With("a line of 100 kB", absl::StrCat("\n", std::string(100000, 'x'), "\n")),
      With("a brace", "}"),
      OfLines("a line missing",
              [](auto* lines, size_t at) { lines->erase(lines->begin() + static_cast<std::ptrdiff_t>(at)); }),
      OfLines("a line twice", [](auto* lines, size_t at) { lines->push_back((*lines)[at]); }),
      OfLines("lines swapped", [](auto* lines, size_t at) { std::swap((*lines)[at], lines->front()); }),
      OfLines("a line empty", [](auto* lines, size_t at) { (*lines)[at].clear(); }),
      Number("99999999999999999999"),
      Number("2000000000"),
      Number("-1"),
      Number("0"),
      Number("1e308"),
      Number("nan"),
  };
}

// Whether an error names its place: the file or its folder, or the field of the spec to which the file does not fit.
bool NamesAPlace(const std::string& error, const std::string& file) {
  static const std::regex field(
      "\\b(dataset|episodes|model|learner|train|test|texts|encoder|dropout|optimizer)\\.[a-z_]+|\\b(train|valid|test) "
      "class|--[a-z]+");
  const std::filesystem::path path(file);
  return absl::StrContains(error, path.filename().string()) || absl::StrContains(error, "$" + path.begin()->string()) ||
         std::regex_search(error, field);
}

class BadInputTest : public CommandLineTest {
 protected:
  // Damages `file` in each way, and each time calls `command`, which reads the file.
  void Damage(const std::string& file, const std::vector<std::string>& command, const std::string& input = "") {
    const Outcome good = Command(command, false, false, input);
    ASSERT_EQ(good.status, 0) << absl::StrJoin(command, " ") << "\n" << good.err;
    const std::string bytes = Read(file);
    uint64_t seed = 0;
    int inputs = 0;
    for (const auto& [name, change] : Mutations()) {
      for (int time = 0; time < 2; ++time) {
        Random random(SubSeed(++seed, file));
        const std::string damaged = change(bytes, &random);
        if (damaged == bytes) {
          continue;
        }
        WriteBytes(file, damaged);
        const std::string before = Listing();
        const Outcome outcome = Command(command, false, false, input);
        SCOPED_TRACE(absl::StrCat(file, ": ", name, ", time ", time, ": ", absl::StrJoin(command, " "), "\n",
                                  outcome.err.substr(0, 2000)));
        EXPECT_EQ(Listing(), before);
        Judge(outcome, file);
        ++inputs;
      }
    }
    WriteBytes(file, bytes);
    EXPECT_GT(inputs, 30) << file;
  }

  static void Judge(const Outcome& outcome, const std::string& file) {
    EXPECT_TRUE(CheckUtf8(outcome.err).ok() && CheckUtf8(outcome.out).ok());
    EXPECT_FALSE(absl::StrContains(outcome.err, '\x1b') || absl::StrContains(outcome.out, '\x1b'));
    if (outcome.status == 0) {
      EXPECT_FALSE(absl::StrContains(outcome.err, "error: "));
      EXPECT_FALSE(std::regex_search(outcome.out, std::regex("\\bnan\\b|\\binf\\b")));
      return;
    }
    EXPECT_EQ(outcome.status, 1);
    const size_t begin = outcome.err.rfind("error: ");
    ASSERT_NE(begin, std::string::npos);
    const std::string error = outcome.err.substr(begin);
    EXPECT_LT(error.size(), 4000U);
    EXPECT_GT(error.size(), 15U);
    EXPECT_TRUE(NamesAPlace(error, file));
    EXPECT_FALSE(absl::StrContains(error, "TORCH_CHECK") || absl::StrContains(error, "Exception raised"));
  }

  // The paths of all files of the test.
  std::string Listing() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    return absl::StrJoin(paths, "\n");
  }

  // A finished run in $run.
  void Run() const {
    const Outcome run = Command(RunHere());
    ASSERT_EQ(run.status, 0) << run.err;
  }

  // A copy of a tiny checkpoint that transformers made, in $NAME.
  std::vector<std::string> CopyGolden(const std::string& name) const {
    std::vector<std::string> files;
    std::filesystem::create_directories(folder_ + name);
    for (const auto& entry : std::filesystem::directory_iterator(absl::StrCat("tests/goldens/encoders/", name))) {
      if (const std::string file = entry.path().filename().string(); file != "expected.safetensors") {
        WriteBytes(absl::StrCat(name, "/", file), ReadFile(entry.path().string()).value());
        files.push_back(absl::StrCat(name, "/", file));
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }
};

TEST_F(BadInputTest, Specs) {
  Damage("tiny.textproto", {"check", "$tiny.textproto"});
  Write("sweep.textproto",
        "spec: 'tiny.textproto'\naxis { choice { name: 'a' } choice { name: 'b' set: 'seed=2' } }\n");
  Damage("sweep.textproto", {"sweep", "$sweep.textproto", "--out", "$runs", "--dry-run"});
}

TEST_F(BadInputTest, Data) {
  const auto stats = [](const std::string& source) {
    return std::vector<std::string>{"datasets", "stats", "$tiny.textproto", "--set", "dataset." + source};
  };
  Damage("data.tsv", stats("tsv.path=$data.tsv"));
  std::string csv = "label,text\n";
  std::string jsonl;
  for (int i = 0; i < 60; ++i) {
    absl::StrAppend(&csv, "c", i % 6, ",\"text, number ", i, "\"\n");
    absl::StrAppend(&jsonl, "{\"label\": \"c", i % 6, "\", \"text\": \"text number ", i, "\"}\n");
  }
  Write("data.csv", csv);
  Write("data.jsonl", jsonl);
  Damage("data.csv", stats("csv.path=$data.csv"));
  Damage("data.jsonl", stats("jsonl.path=$data.jsonl"));
}

TEST_F(BadInputTest, FinishedRuns) {
  Run();
  Write("support.tsv", "a\tthe word\na\tnumber\nb\tstands beside\n");
  const std::vector<std::string> classify = {"classify", "--run", "$run", "--support", "$support.tsv", "--shots", "1"};
  Damage("support.tsv", classify, "the word\nnumber 7\n");
  Damage("run/record.textproto", {"show", "$run"});
  Damage("run/record.textproto", {"report", "$run", "--format", "html"});
  Damage("run/record.textproto", classify, "the word\n");
  Damage("run/best-1shot.safetensors", classify, "the word\n");
}

TEST_F(BadInputTest, FineTunings) {
  Write("tuned.textproto",
        "name: 'tuned'\ndataset { tsv { path: '$data.tsv' } }\ntokenizer { vocab_size: 96 }\n"
        "encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 16 max_positions: 24 } }\ntrain { epochs: 1 }\n");
  Damage("tuned.textproto", {"finetune", "$tuned.textproto", "--check"});
  const Outcome tuned = Command({"finetune", "$tuned.textproto", "--out", "$tuned"});
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  Damage("tuned/fine_tuning.textproto", {"show", "$tuned"});
  Damage("tuned/tokenizer.model", {"encode", "--encoder", "$tuned", "--out", "$states.safetensors"}, "a b\n");
  std::filesystem::remove(folder_ + "states.safetensors");
}

TEST_F(BadInputTest, Checkpoints) {
  for (const char* name : {"bert", "roberta", "bert-gelu-new"}) {
    for (const std::string& file : CopyGolden(name)) {
      Damage(file, {"tokenize", "--encoder", absl::StrCat("$", name)}, "a b\n");
      Damage(file, {"encode", "--encoder", absl::StrCat("$", name), "--out", "$states.safetensors"}, "a b\n");
      std::filesystem::remove(folder_ + "states.safetensors");
    }
  }
}

}  // namespace
}  // namespace metaprompt
