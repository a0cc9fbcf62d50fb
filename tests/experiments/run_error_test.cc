// Runs that cannot begin or continue: wrong data, damaged files, a full disk. No error leaves a partial run behind.
#include <ATen/core/Tensor.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/runs/run_directory.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(CommandLineTest, DataThatIsWrong) {
  EXPECT_EQ(DataError("a\tone\nb two\n"), "$bad.tsv:2: no tab between label and text");
  EXPECT_EQ(DataError("a\tone\n \ttwo\n"), "$bad.tsv:2: empty label");
  EXPECT_EQ(DataError("a\t \n"), "$bad.tsv:1: empty text");
  EXPECT_EQ(DataError("a\tone\ttwo\n"), "$bad.tsv:1: more than one tab; a line is one label, one tab and one text");
  EXPECT_EQ(DataError("a\tone\nb\tt\xffo\n"), "$bad.tsv:2: not valid UTF-8 at byte 4");
  EXPECT_EQ(DataError(""), "$bad.tsv: no text in this file");
  EXPECT_EQ(DataError(Data(4, 6)), "episodes.ways is 2, but there are fewer classes in the split 'train': 1");
  EXPECT_EQ(DataError(Data(9, 6) + "class-9\tone\nclass-9\ttwo\n"),
            "an episode needs shots + queries = 1 + 2 texts per class; these classes of the split 'train' have fewer: "
            "'class-9' (2)");
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$run", "--set", "dataset.tsv.path=$none.tsv"}),
            "$none.tsv: No such file or directory");
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$run", "--set", "episodes.ways=4"}),
            "episodes.ways is 4, but there are fewer classes in the split 'train': 3");
  EXPECT_FALSE(Exists("run.partial"));
}

TEST_F(CommandLineTest, JsonLinesThatAreWrong) {
  const auto error = [&](absl::string_view lines) {
    Write("bad.jsonl", lines);
    return Error({"datasets", "stats", "$tiny.textproto", "--set", "dataset.jsonl.path=$bad.jsonl"});
  };
  EXPECT_EQ(error("{\"label\": \"a\", \"text\": \"one\"}\n{\"label\": \"a\", \n"), "$bad.jsonl:2: not valid JSON");
  EXPECT_EQ(error("[1]\n"), "$bad.jsonl:1: not a JSON object");
  EXPECT_EQ(error("{\"text\": \"one\"}\n"), "$bad.jsonl:1: no field 'label'; the object has: text");
  EXPECT_EQ(error("{\"text\": 5, \"label\": \"a\"}\n"),
            "$bad.jsonl:1: field 'text' is '5'; it must be a string or an array of strings");
  const std::string deep = std::string(300000, '[') + std::string(300000, ']');
  EXPECT_EQ(error(absl::StrCat("{\"text\": ", deep, ", \"label\": \"a\"}\n")),
            "$bad.jsonl:1: field 'text' is an array; it must be a string or an array of strings");
}

TEST_F(CommandLineTest, TokenizersThatAreWrong) {
  const auto error = [&](const std::string& set) {
    const std::string message = Error({"run", "$tiny.textproto", "--out", "$run", "--set", set});
    EXPECT_FALSE(Exists("run.partial"));
    return message;
  };
  Write("bad.model", "no tokenizer");
  EXPECT_EQ(error("model.tokenizer.path=$bad.model"), "$bad.model: not a sentencepiece model");
  EXPECT_EQ(error("model.tokenizer.path=$none.model"), "$none.model: No such file or directory");
  EXPECT_THAT(
      error("model.tokenizer.vocab_size=100000"),
      StartsWith("model.tokenizer.vocab_size is 100000; sentencepiece's message: Vocabulary size too high (100000). "
                 "Please set it to a value <= "));
  EXPECT_EQ(error("model.prompt.template={text} {mask} <soft:40>"),
            "model.prompt.template: the prompt alone has 43 tokens, and the encoder takes at most 24, so that no text "
            "fits; shorten the prompt");
}

TEST_F(CommandLineTest, ParametersOfLayersThatAreMissing) {
  for (const auto& [set, wrong] : {std::make_pair("model.lora.rank=2", "model.lora.rank is 2"),
                                   std::make_pair("model.prompt.prefix_length=3", "model.prompt.prefix_length is 3")}) {
    EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$run", "--set", "model.encoder.bert.layers=0", "--set", set}),
              absl::StrCat(wrong, ", and the encoder has no layer that it could change; set it to 0"));
  }
}

TEST_F(CommandLineTest, RunDirectoriesThatAreTaken) {
  const Outcome run = Command(RunHere());
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr(folder_ + "run/record.textproto\n"));
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$data.tsv"}),
            "$data.tsv: a file is there; name another with --out");
  EXPECT_THAT(Command({"show", "$run"}).out, HasSubstr("meta-learned"));
  std::filesystem::copy(folder_ + "run", folder_ + "copy");
  EXPECT_THAT(Command({"report", "$run", "$copy"}).out,
              AllOf(HasSubstr(": learner maml; adapts encoder, soft prompt; 1 seed\n"),
                    HasSubstr("copy is left out: the same spec and seed as ")));
  EXPECT_EQ(Command({"report", "$run", "$run/"}).err, "$run/: given twice; counted once\n");
  EXPECT_EQ(Command({"report", "$run", "--out", "$report.html"}).out, "");
  EXPECT_THAT(Read("report.html"), StartsWith("<!DOCTYPE html>\n"));
  EXPECT_EQ(Error({"report", "$run", "--out", "$none/report.html"}),
            "cannot write $none/report.html: No such file or directory");
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$data.tsv/run"}),
            "cannot make $data.tsv/run.partial: Not a directory");
  const auto held = RunDirectory::Open(folder_ + "held", "another");
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$held"}),
            "$held.partial: another process is working on this run");
  EXPECT_TRUE(Exists("held.partial/spec.textproto")) << "what another process works on must stay";
}

TEST_F(CommandLineTest, StoppedRunsOfSomethingElse) {
  StoppedRun();
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$run", "--set", "seed=1"}),
            "$run.partial: a stopped run of another spec is there; name another folder with --out, or remove it");
  const std::string data = Read("data.tsv");
  Write("data.tsv", data + "class-0\tone more\n");
  EXPECT_EQ(Error(RunHere()),
            "$run.partial: the data has changed since this run began; name another folder with --out");
  Write("data.tsv", "");
  EXPECT_EQ(Error(RunHere()), "$data.tsv: no text in this file");
  Write("data.tsv", data);
  EXPECT_EQ(Command(RunHere()).status, 0) << "none of these errors may harm the stopped run";
}

TEST_F(CommandLineTest, CheckpointsThatAreDamaged) {
  StoppedRun();
  std::filesystem::remove(folder_ + "run.partial/SHA256SUMS");  // otherwise all damage would have the same message
  const std::string name = "run.partial/checkpoint-1shot.safetensors";
  const std::string remedy = "; remove the file to train from the beginning";
  const std::string whole = Read(name);
  WriteBytes(name, whole.substr(0, whole.size() / 2));
  EXPECT_THAT(Error(RunHere()), AllOf(StartsWith("$" + name + ": not a whole safetensors file: tensor '"),
                                      HasSubstr("the file may be cut short"), HasSubstr(remedy)));
  Write(name, "");
  EXPECT_EQ(Error(RunHere()), "$" + name + ": not a whole safetensors file: it has 0 bytes" + remedy);

  TensorFile file = ParseSafetensors(whole, "whole").value();
  std::swap(file.tensors[0].second, file.tensors[1].second);
  WriteBytes(name, SafetensorsBytes(file));
  EXPECT_EQ(Error(RunHere()), "$" + name +
                                  ": tensor 'params/bert.embeddings.word_embeddings.weight' has shape [24, 16] "
                                  "instead of [96, 16]" +
                                  remedy);
  std::swap(file.tensors[0].second, file.tensors[1].second);
  const at::Tensor words = file.tensors[0].second;
  file.tensors[0].second = words.to(at::kHalf);
  WriteBytes(name, SafetensorsBytes(file));
  EXPECT_EQ(Error(RunHere()), "$" + name +
                                  ": tensor 'params/bert.embeddings.word_embeddings.weight' has numbers of type Half "
                                  "instead of Float (F32)" +
                                  remedy);
  file.tensors[0].second = words;
  file.metadata.clear();
  WriteBytes(name, SafetensorsBytes(file));
  EXPECT_EQ(Error(RunHere()), "$" + name + ": it has no training progress" + remedy);

  std::filesystem::remove(folder_ + name);
  EXPECT_EQ(Command(RunHere()).status, 0) << "the remedy must be one";
}

TEST_F(CommandLineTest, TestResultsThatAreDamaged) {
  StoppedRun();
  const std::string name = "run.partial/test-1shot-random.tsv";
  Write(name, "0.5\t0 1 0 1\n0.5");
  EXPECT_EQ(Error(RunHere()), "$" + name + ":2: not an episode's line; remove the file to test again");
  Write(name, "0.5\t0 1 0 1\n0.5\t0 1 0 1\n0.5\t0 1 0 1\n");
  EXPECT_EQ(Error(RunHere()), "$" + name + ":3: not an episode's line; remove the file to test again");
  std::filesystem::remove(folder_ + name);
  EXPECT_EQ(Command(RunHere()).status, 0);
}

TEST_F(CommandLineTest, RecordsThatAreDamaged) {
  std::filesystem::create_directory(folder_ + "run");
  Write("run/record.textproto", "version: 1\nresult {");
  EXPECT_EQ(Error({"show", "$run"}),
            "$run/record.textproto:2:8: there is no field 'result'; known: version, spec, dataset, model, results, "
            "manifest_sha256");
  Write("run/record.textproto", "results { shots: 1 tests { initialisation: 'random' } } results { shots: 5 }");
  EXPECT_EQ(Error({"show", "$run"}),
            "$run/record.textproto: version is missing; the file is empty or not the record of a run");
}

// Set in the process that runs again inside a new mount namespace, where $disk is a file system of one megabyte.
constexpr char kInside[] = "METAPROMPT_TEST_FULL_DISK";
constexpr int kNotAllowed = 77;

// The files below /proc/self, and their contents, that make another user root inside a user namespace.
using IdMaps = std::vector<std::pair<const char*, std::string>>;

// Runs between fork and exec, so it makes only system calls.
void RunInsideSmallDisk(const char* disk, const IdMaps& maps, char** argv, char** environment) {
  if (unshare(maps.empty() ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) {
    _exit(kNotAllowed);
  }
  for (const auto& [path, text] : maps) {
    const int file = open(path, O_WRONLY);
    if (write(file, text.data(), text.size()) < 0) {
      _exit(kNotAllowed);
    }
    close(file);
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", disk, "tmpfs", 0, "size=1m") != 0) {
    _exit(kNotAllowed);
  }
  execve("/proc/self/exe", argv, environment);
  _exit(1);
}

TEST_F(CommandLineTest, DiskThatIsFull) {
  const char* inside = std::getenv(kInside);
  if (inside == nullptr) {
    const std::string disk = folder_ + "disk";
    std::filesystem::create_directory(disk);
    std::vector<std::string> environment = {absl::StrCat(kInside, "=", disk)};
    for (char** variable = environ; *variable != nullptr; ++variable) {
      // The inner process must not overwrite this one's report or use its folder.
      if (!absl::StartsWith(*variable, "XML_OUTPUT_FILE=") && !absl::StartsWith(*variable, "TEST_TMPDIR=")) {
        environment.emplace_back(*variable);
      }
    }
    environment.push_back(absl::StrCat("TEST_TMPDIR=", folder_, "inner"));
    std::vector<std::string> arguments = {"test", "--gtest_filter=CommandLineTest.DiskThatIsFull"};
    const auto pointers = [](std::vector<std::string>& strings) {
      std::vector<char*> all;
      for (std::string& string : strings) {
        all.push_back(string.data());
      }
      all.push_back(nullptr);
      return all;
    };
    std::vector<char*> argv = pointers(arguments);
    std::vector<char*> envp = pointers(environment);
    IdMaps maps;
    if (geteuid() != 0) {
      maps = {{"/proc/self/setgroups", "deny"},
              {"/proc/self/uid_map", absl::StrCat("0 ", geteuid(), " 1")},
              {"/proc/self/gid_map", absl::StrCat("0 ", getegid(), " 1")}};
    }
    const pid_t child = fork();
    if (child == 0) {
      RunInsideSmallDisk(disk.c_str(), maps, argv.data(), envp.data());
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kNotAllowed) {
      GTEST_SKIP() << "this system does not let the test mount a small disk";
    }
    EXPECT_EQ(WEXITSTATUS(status), 0);
    return;
  }
  const std::string disk = inside;
  // The best parameters fit on the disk with the tokenizer, but a checkpoint, three times as large, does not.
  const std::vector<std::string> run = {"run",   "$tiny.textproto", "--set", "model.encoder.bert.intermediate=2000",
                                        "--out", disk + "/run"};
  const std::string partial = disk + "/run.partial";
  EXPECT_EQ(Error(run),
            absl::StrCat("cannot write ", partial, "/checkpoint-1shot.safetensors: No space left on device"));
  EXPECT_FALSE(std::filesystem::exists(partial)) << "it failed before its first checkpoint";
  // When there is room again, the same command finishes.
  ASSERT_EQ(mount("none", disk.c_str(), nullptr, MS_REMOUNT, "size=16m"), 0);
  const Outcome again = Command(run);
  EXPECT_EQ(again.status, 0) << again.err;
}

}  // namespace
}  // namespace metaprompt
