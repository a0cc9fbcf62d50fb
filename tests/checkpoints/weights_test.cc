// Weights that other programs wrote: compares each type and layout with the values that Python reads, and opens
// safetensors files that are broken or cut short.
#include "metaprompt/checkpoints/weights.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/checkpoints/safetensors_writer.h"
#include "tests/helpers/one_thread.h"  // a child of fork() cannot use the parent's threads
#include "tests/helpers/status_error.h"
#include "tests/helpers/weight_folders.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kRenew[] = "renew with: python3 tests/reference/make_weight_goldens.py";

// The values in the notation of the goldens: whole numbers, or the bits of a float32.
std::string Spelled(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.reshape({-1});
  std::vector<std::string> values;
  for (int64_t i = 0; i < flat.numel(); ++i) {
    if (flat.scalar_type() == at::kLong) {
      values.push_back(absl::StrCat(flat[i].item<int64_t>()));
    } else {
      const auto value = flat[i].item<float>();
      uint32_t bits = 0;
      std::memcpy(&bits, &value, sizeof(bits));
      values.push_back(absl::StrCat(absl::Hex(bits, absl::kZeroPad8)));
    }
  }
  return absl::StrJoin(values, " ");
}

TEST(WeightsTest, EveryTypeAndLayoutAsPythonReadsIt) {
  const std::string expected = ReadOrDie(absl::StrCat(kWeightGoldens, "expected.tsv"));
  std::map<std::string, std::vector<std::string>> names;
  int rows = 0;
  for (const absl::string_view line : absl::StrSplit(expected, '\n', absl::SkipEmpty())) {
    SCOPED_TRACE(absl::StrCat(line, "; ", kRenew));
    const std::vector<std::string> row = absl::StrSplit(line, '\t');
    ASSERT_EQ(row.size(), 5U);
    const absl::StatusOr<std::unique_ptr<Weights>> weights = Weights::Open(kWeightGoldens + row[0]);
    ASSERT_TRUE(weights.ok()) << weights.status();
    const absl::StatusOr<at::Tensor> tensor = (*weights)->Read(row[1]);
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    EXPECT_EQ(tensor->scalar_type(), row[2] == "int64" ? at::kLong : at::kFloat);
    EXPECT_EQ(absl::StrJoin(tensor->sizes(), ","), row[3]);
    EXPECT_EQ(Spelled(*tensor), row[4]);
    EXPECT_TRUE(tensor->is_contiguous());
    names[row[0]].push_back(row[1]);
    ++rows;
  }
  EXPECT_EQ(rows, 27);
  // The whole folder's contents, and where they came from.
  const auto weights = Weights::Open(absl::StrCat(kWeightGoldens, "sharded_safetensors")).value();
  ASSERT_EQ(weights->tensors().size(), 3U);
  EXPECT_THAT(weights->files(), ElementsAre(HasSubstr("/model-00001-of-00002.safetensors"),
                                            HasSubstr("/model-00002-of-00002.safetensors")));
  EXPECT_EQ(weights->tensors()[2].name, "b.weight");
  EXPECT_EQ(weights->tensors()[2].dtype, "F16");
  EXPECT_EQ(weights->tensors()[2].shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(Weights::Open(absl::StrCat(kWeightGoldens, "bin")).value()->tensors().size(), names["bin"].size());
  EXPECT_EQ(Error(weights->Read("c")), absl::StrJoin(weights->files(), ", ") + ": there is no tensor 'c'");
  // Two reads are two copies.
  const at::Tensor once = weights->Read("a.bias").value();
  once.fill_(0);
  EXPECT_EQ(weights->Read("a.bias").value()[0].item<float>(), 0.5F);
  const auto bin = Weights::Open(absl::StrCat(kWeightGoldens, "bin")).value();
  bin->Read("part").value().fill_(0);
  EXPECT_EQ(bin->Read("part").value()[0].item<float>(), 4.0F);
}

TEST(WeightsTest, TypesThatNobodyReadsAreNoError) {
  const auto weights = Weights::Open(absl::StrCat(kWeightGoldens, "other_types")).value();
  EXPECT_EQ(weights->tensors().size(), 4U);
  const std::string file = absl::StrCat(kWeightGoldens, "other_types/model.safetensors: tensor ");
  for (const auto& [name, dtype] : {std::pair("i32", "I32"), std::pair("u8", "U8"), std::pair("bool", "BOOL")}) {
    EXPECT_EQ(Error(weights->Read(name)),
              absl::StrCat(file, "'", name, "': dtype ", dtype, " is none of F32, F64, F16, BF16, I64"));
  }
  EXPECT_TRUE(weights->Read("f32").ok());
}

TEST(WeightsTest, WhatIsLookedFor) {
  const std::string folder = NewFolder("order");
  EXPECT_EQ(FolderError(folder + "/none"), folder + "/none: no such folder");
  const std::string all =
      "model.safetensors, model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json";
  EXPECT_EQ(FolderError(folder), folder + ": it has none of " + all);
  // From the last to the first: each file hides those before it, and a broken file is not skipped.
  for (const char* name :
       {"pytorch_model.bin.index.json", "pytorch_model.bin", "model.safetensors.index.json", "model.safetensors"}) {
    WriteOrDie(absl::StrCat(folder, "/", name), "");
    EXPECT_THAT(FolderError(folder), StartsWith(absl::StrCat(folder, "/", name, ": ")));
  }
  EXPECT_EQ(FolderError(folder), folder + "/model.safetensors: not a whole safetensors file: it has 0 bytes");
  std::filesystem::remove(folder + "/model.safetensors");
  std::filesystem::create_directory(folder + "/model.safetensors");
  EXPECT_EQ(FolderError(folder), folder + "/model.safetensors: not a file");
}

std::string FileBytes(const std::string& header, const std::string& data) {
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<char>(header.size() >> (8 * i) & 0xffU));
  }
  return bytes + header + data;
}

TEST(SafetensorsFileTest, BrokenHeadersAreErrors) {
  const std::string folder = NewFolder("header");
  const std::string path = folder + "/model.safetensors";
  const auto error = [&](const std::string& bytes) {
    WriteOrDie(path, bytes);
    const std::string text = FolderError(folder);
    const std::string begin = path + ": not a whole safetensors file: ";
    return absl::StartsWith(text, begin) ? text.substr(begin.size()) : text;
  };
  const auto entry = [](absl::string_view dtype, absl::string_view shape, absl::string_view offsets) {
    return absl::StrCat(R"({"dtype":")", dtype, R"(","shape":)", shape, R"(,"data_offsets":)", offsets, "}");
  };
  const auto one = [&](absl::string_view dtype, absl::string_view shape, absl::string_view offsets, size_t data) {
    return error(FileBytes(absl::StrCat("{\"x\":", entry(dtype, shape, offsets), "}"), std::string(data, 'd')));
  };
  const std::string x = entry("F32", "[1]", "[0,4]");
  EXPECT_EQ(one("F32", "[2]", "[0,8]", 8), "no error");
  EXPECT_EQ(one("F32", "[]", "[0,4]", 4), "no error");
  EXPECT_EQ(one("F32", "[0,3]", "[0,0]", 0), "no error");
  EXPECT_EQ(error(FileBytes("{}", "")), "no error");
  EXPECT_EQ(error("1234567"), "it has 7 bytes");
  EXPECT_EQ(error(FileBytes("{}      ", "").substr(0, 12)), "a header of 8 bytes does not fit in its 12 bytes");
  EXPECT_EQ(error(std::string(8, '\xff') + "{}"),
            "a header of 18446744073709551615 bytes does not fit in its 10 bytes");
  EXPECT_EQ(error(FileBytes("", "")), "its header is not a JSON object");
  EXPECT_EQ(error(FileBytes("{\"x\":" + x, "dddd")), "its header is not a JSON object");
  EXPECT_EQ(error(FileBytes("{\"x\":" + x + "}}", "dddd")), "its header is not a JSON object");
  EXPECT_EQ(error(FileBytes("\"x\"", "")), "its header is not a JSON object");
  EXPECT_EQ(error(FileBytes("{\"x\":" + x + ",\"x\":" + x + "}", "dddd")), "two entries are named 'x'");
  EXPECT_EQ(error(FileBytes(R"({"__metadata__":{"k":"1","k":"2"}})", "")), "two entries of __metadata__ are named 'k'");
  EXPECT_EQ(error(FileBytes(R"({"__metadata__":{"k":{}}})", "")), "__metadata__ 'k' is not text");
  EXPECT_EQ(error(FileBytes(R"({"x":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "dddd")),
            "tensor 'x': two of its fields are named 'dtype'");
  const std::string needs = "tensor 'x': needs dtype, shape and data_offsets, and nothing else";
  EXPECT_EQ(error(FileBytes(R"({"x":{"dtype":"F32","shape":[1]}})", "dddd")), needs);
  EXPECT_EQ(error(FileBytes(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"y":"z"}})", "dddd")), needs);
  EXPECT_EQ(error(FileBytes(R"({"x":{"dtype":["F32"],"shape":[1],"data_offsets":[0,4]}})", "dddd")), needs);
  EXPECT_EQ(error(FileBytes(R"({"x":[1]})", "")), needs);
  EXPECT_EQ(one("F31", "[1]", "[0,4]", 4), "tensor 'x': dtype 'F31' is not a type of the format");
  EXPECT_EQ(one("F32", "[[1]]", "[0,4]", 4), "tensor 'x': shape holds something other than sizes");
  EXPECT_EQ(one("F32", "[-1]", "[0,4]", 4), "tensor 'x': shape holds something other than sizes");
  EXPECT_EQ(one("F32", "[1]", "[0,4,8]", 8), "tensor 'x': data_offsets must be two numbers");
  EXPECT_EQ(one("F32", "[1]", "[0,4.0]", 4), "tensor 'x': data_offsets must be two numbers");
  // 4 * 2^62 overflows to 0, and so does 2^32 * 2^32.
  EXPECT_EQ(one("F32", "[4611686018427387904]", "[0,0]", 0), "tensor 'x': shape is too large");
  EXPECT_EQ(one("U8", "[4294967296,4294967296]", "[0,0]", 0), "tensor 'x': shape is too large");
  EXPECT_EQ(one("F32", "[0,4294967296,4294967296]", "[0,0]", 0), "tensor 'x': shape is too large");
  EXPECT_EQ(one("F32", "[18446744073709551615]", "[0,0]", 0), "tensor 'x': shape is too large");
  EXPECT_EQ(one("F32", "[2]", "[0,8]", 7),
            "tensor 'x': data_offsets [0, 8) are not inside the 7 bytes of data; the file may be cut short");
  EXPECT_EQ(one("BF16", "[3]", "[0,8]", 8), "tensor 'x': its shape takes 6 bytes, its data_offsets 8");
  EXPECT_EQ(one("F32", "[1]", "[4,8]", 8), "its tensors overlap or leave gaps");
  EXPECT_EQ(one("F32", "[1]", "[0,4]", 9), "5 bytes belong to no tensor");
  EXPECT_EQ(error(FileBytes("{\"x\":" + x + ",\"y\":" + x + "}", "dddd")), "its tensors overlap or leave gaps");
  // Deep nesting is refused immediately, at any place.
  for (const char* begin : {"", "{\"x\":", "{\"x\":{\"dtype\":", "{\"x\":{\"shape\":[", "{\"__metadata__\":{\"a\":"}) {
    for (const char open : {'[', '{'}) {
      EXPECT_NE(error(FileBytes(begin + std::string(1000000, open), "")), "no error");
    }
  }
  // Text from the file can neither break the line of the error nor make it long.
  const std::string long_name = error(FileBytes("{\"" + std::string(5000, 'n') + "\\n\":7}", ""));
  EXPECT_LT(long_name.size(), 150U);
  EXPECT_THAT(error(FileBytes("{\"a\\nb\":7}", "")), StartsWith("tensor 'a\\nb': "));
}

TEST(SafetensorsFileTest, ShardsThatDoNotFitTheirIndex) {
  const std::string folder = NewFolder("shards");
  const std::string index = folder + "/model.safetensors.index.json";
  TensorFile a;
  a.tensors.emplace_back("a", at::ones({2}));
  TensorFile ab = a;
  ab.tensors.emplace_back("b", at::ones({2}));
  WriteOrDie(folder + "/1.safetensors", SafetensorsBytes(a));
  WriteOrDie(folder + "/2.safetensors", SafetensorsBytes(ab));
  const auto error = [&](absl::string_view json) {
    WriteOrDie(index, json);
    return FolderError(folder);
  };
  EXPECT_EQ(error(R"({"weight_map": {"a": "2.safetensors", "b": "2.safetensors"}})"), "no error");
  EXPECT_EQ(error("{"), index + ": not JSON at byte 2");
  EXPECT_EQ(error("{}"), index + ": it needs an object weight_map");
  EXPECT_EQ(error(R"({"weight_map": {}})"), index + ": its weight_map is empty");
  EXPECT_EQ(error(R"({"weight_map": {"a": 1}})"), index + ": weight_map: the shard of 'a' must be a file name, not 1");
  EXPECT_EQ(error(R"({"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}})"),
            index + ": the key 'a' stands twice in one object");
  EXPECT_EQ(error(R"({"weight_map": {"a": "3.safetensors"}})"),
            folder + "/3.safetensors: No such file or directory; it is a shard that " + index + " names");
  EXPECT_EQ(error(R"({"weight_map": {"b": "1.safetensors"}})"),
            index + ": weight_map: 'b' is not in its shard 1.safetensors");
  EXPECT_EQ(error(R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})"),
            folder + "/2.safetensors: tensor 'a' is in " + folder + "/1.safetensors too");
  EXPECT_EQ(error(R"({"weight_map": {"a": "1.bin"}})"), index + ": weight_map: '1.bin' is not a safetensors file");
  for (const char* name :
       {"../1.safetensors", "/etc/passwd", "sub/1.safetensors", "..", ".", "", "1\\u0000.safetensors"}) {
    EXPECT_THAT(error(absl::StrCat(R"({"weight_map": {"a": ")", name, "\"}}")),
                ::testing::AllOf(StartsWith(index + ": weight_map: the shard of 'a', '"),
                                 HasSubstr("', is not the name of a file in the same folder")));
  }
}

TEST(SafetensorsFileTest, PiecesMakeTheSameFile) {
  const std::string folder = NewFolder("write");
  const std::string path = folder + "/model.safetensors";
  TensorFile file;
  file.tensors.emplace_back("none", at::zeros({0}));
  file.tensors.emplace_back("hidden", at::arange(12, at::kFloat).view({4, 3}));
  file.tensors.emplace_back("half", at::arange(4, at::kFloat).to(at::kHalf));
  file.tensors.emplace_back("bf16", at::arange(4, at::kFloat).to(at::kBFloat16));
  file.tensors.emplace_back("turned", at::arange(6, at::kDouble).view({2, 3}).t());
  file.tensors.emplace_back("labels", at::arange(3, at::kLong));
  file.metadata["format"] = "pt";
  ASSERT_TRUE(WriteSafetensors(path, file).ok());
  EXPECT_EQ(ReadOrDie(path), SafetensorsBytes(file));
  EXPECT_EQ(FolderError(folder), "no error");
  const TensorFile read = ParseSafetensors(ReadOrDie(path), path).value();
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    EXPECT_EQ(read.tensors[i].second.scalar_type(), file.tensors[i].second.scalar_type());
    EXPECT_TRUE(at::equal(read.tensors[i].second, file.tensors[i].second)) << file.tensors[i].first;
  }

  std::vector<StoredTensor> infos;
  for (const auto& [name, tensor] : file.tensors) {
    infos.push_back(Stored(name, tensor));
  }
  const std::string again = folder + "/again.safetensors";
  auto writer = SafetensorsWriter::Create(again, infos, file.metadata).value();
  for (const auto& [name, tensor] : file.tensors) {
    for (int64_t row = 0; row < tensor.size(0); ++row) {
      EXPECT_EQ(writer->current()->name, name);
      ASSERT_TRUE(AppendTensor(tensor[row], writer.get()).ok());
    }
  }
  EXPECT_EQ(writer->current(), nullptr);
  EXPECT_FALSE(std::filesystem::exists(again));  // until it is whole
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(ReadOrDie(again), ReadOrDie(path));

  // A file that is not finished or is wrong is removed.
  const std::string never = folder + "/never.safetensors";
  writer = SafetensorsWriter::Create(never, infos, {}).value();
  ASSERT_TRUE(writer->Append("1234").ok());
  EXPECT_EQ(std::string(writer->Finish().message()), "cannot write " + never + ": tensor 'hidden' waits for 44 bytes");
  EXPECT_EQ(std::string(writer->Append(std::string(1000, 'x')).message()),
            "cannot write " + never + ": 868 bytes more than its tensors take");
  EXPECT_FALSE(writer->Finish().ok());
  writer.reset();
  EXPECT_EQ(Error(SafetensorsWriter::Create(never, {{"a", "F32", {1}}, {"a", "F32", {1}}}, {})),
            "cannot write " + never + ": tensor 'a': the name is taken");
  EXPECT_EQ(Error(SafetensorsWriter::Create(never, {{"a", "F99", {1}}}, {})),
            "cannot write " + never + ": tensor 'a': dtype 'F99' is not a type of the format");
  EXPECT_EQ(Error(SafetensorsWriter::Create(never, {{"\xff", "F32", {1}}}, {})),
            "cannot write " + never + ": tensor '\\xff': the name is not UTF-8");
  EXPECT_EQ(Error(SafetensorsWriter::Create(folder + "/no/x", {}, {})),
            "cannot write " + folder + "/no/x: No such file or directory");
  for (const auto& file_there : std::filesystem::directory_iterator(folder)) {
    EXPECT_THAT(file_there.path().filename().string(), ::testing::AnyOf("model.safetensors", "again.safetensors"));
  }
}

TEST(SafetensorsFileTest, CutShortWhileItIsMapped) {
  const std::string folder = NewFolder("cut");
  const std::string path = folder + "/model.safetensors";
  TensorFile file;
  file.tensors.emplace_back("a", at::zeros({100000}));
  ASSERT_TRUE(WriteSafetensors(path, file).ok());
  const auto weights = Weights::Open(folder).value();
  std::filesystem::resize_file(path, 5000);
  EXPECT_EQ(Error(weights->Read("a")), path + ": it was cut short while it was read, from 400072 bytes to 5000");
}

int64_t Kilobytes(const char* field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    int64_t value = 0;
    if (absl::StartsWith(line, field) &&
        absl::SimpleAtoi(absl::StripSuffix(absl::string_view(line).substr(std::strlen(field)), " kB"), &value)) {
      return value;
    }
  }
  return -1;
}

// Resets the process's peak memory, if possible, and measures that loading takes the memory of the tensors and little
// more.
TEST(SafetensorsFileTest, LoadingTakesTheTensorsMemoryAndLittleMore) {
  constexpr int64_t kTensors = 3;
  constexpr int64_t kRows = 10 << 20;  // 40 MB of float32 each, which malloc requests from the system each time
  for (const char* dtype : {"F32", "BF16"}) {
    const std::string folder = NewFolder("memory");
    std::vector<StoredTensor> infos;
    for (int64_t i = 0; i < kTensors; ++i) {
      infos.push_back({absl::StrCat("layer.", i), dtype, {kRows}});
    }
    auto writer = SafetensorsWriter::Create(folder + "/model.safetensors", infos, {}).value();
    const std::string piece(1 << 20, '\1');
    while (writer->current() != nullptr) {
      ASSERT_TRUE(writer->Append(piece).ok());
    }
    ASSERT_TRUE(writer->Finish().ok());
    malloc_trim(0);
    std::ofstream reset("/proc/self/clear_refs");
    reset << "5" << std::flush;
    if (!reset) {
      GTEST_SKIP() << "this system does not let a process reset its VmHWM";
    }
    const int64_t before = Kilobytes("VmRSS:");
    const auto weights = Weights::Open(folder).value();
    std::vector<at::Tensor> loaded;
    for (const StoredTensor& stored : weights->tensors()) {
      loaded.push_back(weights->Read(stored.name).value());
    }
    const double grown = static_cast<double>(Kilobytes("VmHWM:") - before) * 1024;
    const double size = static_cast<double>(kTensors * kRows) * 4;
    RecordProperty(absl::StrCat("peak_over_size_", dtype), absl::StrCat(grown / size));
    std::cout << dtype << ": " << size / 1e6 << " MB of float32 tensors, peak of the process grown by " << grown / size
              << " times that\n";
    EXPECT_LT(grown, 1.15 * size);
    EXPECT_GT(grown, 0.9 * size);
    std::filesystem::remove_all(folder);
  }
}

// A child process whose folder is a file system of one megabyte writes the parts that fit, and then gets an error.
TEST(SafetensorsFileTest, DiskThatIsFull) {
  constexpr int kNotAllowed = 77;
  const std::string folder = NewFolder("full");
  const std::string path = folder + "/model.safetensors";
  TensorFile file;
  file.tensors.emplace_back("fits", at::zeros({100000}));
  file.tensors.emplace_back("does not", at::zeros({300000}));
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m") != 0) {
      _exit(kNotAllowed);
    }
    const absl::Status status = WriteSafetensors(path, file);
    EXPECT_EQ(std::string(status.message()), "cannot write " + path + ": No space left on device");
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNotAllowed) {
    GTEST_SKIP() << "this system does not let the test mount a small disk";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace metaprompt
