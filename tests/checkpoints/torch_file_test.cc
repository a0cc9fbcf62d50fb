// pytorch_model.bin and the pickle in it: files that are of another kind, broken or hostile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/checkpoints/torch_pickle.h"
#include "tests/helpers/status_error.h"
#include "tests/helpers/weight_folders.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Golden(const std::string& name) { return FolderError(kWeightGoldens + name); }

TEST(TorchFileTest, ForeignAndHostileFiles) {
  const auto path = [](absl::string_view name) { return absl::StrCat(kWeightGoldens, name, "/pytorch_model.bin: "); };
  const char* mark = "/tmp/metaprompt-weights-test-ran";
  std::filesystem::remove(mark);
  EXPECT_EQ(Golden("malicious"),
            path("malicious") +
                "data.pkl: it uses 'posix.system', which tensors do not need; the file is refused (byte 178 of "
                "the pickle)");
  EXPECT_FALSE(std::filesystem::exists(mark));
  EXPECT_EQ(Golden("legacy"),
            path("legacy") +
                "it is in the format of torch.save before PyTorch 1.6, which LibTorch cannot read; "
                "load it in Python with a newer PyTorch and save it again, best as model.safetensors");
  EXPECT_EQ(Golden("not_a_tensor"), path("not_a_tensor") + "data.pkl: 'epoch' is not a tensor");
  EXPECT_EQ(Golden("a_list"), path("a_list") + "data.pkl: it holds something other than a dictionary of tensors");
  EXPECT_THAT(Golden("outside"),
              StartsWith(path("outside") +
                         "data.pkl: a tensor's sizes and strides reach outside of its storage of 6 elements (byte "));
  EXPECT_EQ(Golden("short_storage"),
            path("short_storage") + "tensor 'weight': its storage of 7 F32 numbers has 24 bytes");
  EXPECT_THAT(Golden("cut_pickle"), StartsWith(path("cut_pickle") + "data.pkl: it is cut short (byte "));
  EXPECT_EQ(Golden("compressed"), path("compressed") + "it has compressed records, which torch.save does not write");
}

TEST(TorchFileTest, BrokenAnywhereIsAnErrorOrTheSameNumbers) {
  const std::string folder = NewFolder("bin");
  const std::string path = folder + "/pytorch_model.bin";
  const std::string good = ReadOrDie(absl::StrCat(kWeightGoldens, "bin_module/pytorch_model.bin"));
  WriteOrDie(path, good);
  EXPECT_EQ(FolderError(folder), "no error");
  for (size_t size = 0; size < good.size(); size += 7) {
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(good.data(), static_cast<std::streamsize>(size));
    EXPECT_THAT(FolderError(folder), StartsWith(path + ": ")) << size;
  }
  std::ofstream(path, std::ios::trunc) << "PK\x03\x04 and no more";
  EXPECT_EQ(FolderError(folder), path + ": not a whole zip file: its directory is missing; the file may be cut short");
  std::ofstream(path, std::ios::trunc) << "<html>";
  EXPECT_EQ(FolderError(folder), path + ": not a zip file, which torch.save writes since PyTorch 1.6\n" + path +
                                     ": it is an HTML page; a download may have saved a page in place of the file");
  // Each byte is changed in turn: no crash, and an error of one line.
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(bad.data(), static_cast<std::streamsize>(bad.size()));
    EXPECT_THAT(FolderError(folder), ::testing::Not(HasSubstr("\n"))) << at;
  }
}

TEST(TorchPickleTest, OnlyADictionaryOfTensorsIsTaken) {
  using std::string_literals::operator""s;
  const auto error = [](const std::string& pickle) { return Error(ParseTorchPickle(pickle)); };
  const std::string dict = "\x80\x02}"s;
  EXPECT_EQ(error(dict + "."), "no error");
  EXPECT_EQ(error(""), "it is cut short (byte 0 of the pickle)");
  EXPECT_EQ(error(dict), "it is cut short (byte 3 of the pickle)");
  EXPECT_EQ(error("\x80\x04}."s), "it is of pickle protocol 4; torch.save writes 2 (byte 0 of the pickle)");
  EXPECT_EQ(error("."), "it holds something other than a dictionary of tensors");
  EXPECT_EQ(error(dict + "N."), "it holds something other than a dictionary of tensors");
  EXPECT_EQ(error(dict + "(."), "it holds something other than a dictionary of tensors");
  // Operands and marks that are missing.
  for (const char* pickle : {"t",     "R",     "u",  "s",          "a",    "e",   "b",  "Q",   "\x85", "\x86", "\x87",
                             "q\x01", "h\x01", "(R", "K\x01(\x85", "NN(R", "N(s", "]u", "(Nu", "NR",   "NQ",   "NNR"}) {
    EXPECT_THAT(error(pickle), StartsWith("not a pickle of tensors (byte ")) << pickle;
  }
  // Lengths beyond the end allocate no memory.
  EXPECT_EQ(error("X\xff\xff\xff\xff"s + "abc"), "it is cut short (byte 0 of the pickle)");
  EXPECT_EQ(error("\x8a\xff"s), "it holds a number of more than 64 bits (byte 0 of the pickle)");
  EXPECT_EQ(error("cos\nsystem\n"),
            "it uses 'os.system', which tensors do not need; the file is refused (byte 0 of the pickle)");
  EXPECT_THAT(error("cbuiltins\neval\n"), StartsWith("it uses 'builtins.eval', "));
  EXPECT_THAT(error("ctorch\nload\n"), StartsWith("it uses 'torch.load', "));
  EXPECT_THAT(error("cos\nsystem"), StartsWith("it is cut short"));
  // INST, OBJ, NEWOBJ, STACK_GLOBAL and REDUCE's other relatives.
  for (const char* code : {"i", "o", "\x81", "\x93", "\x92", "\x82", "P", "0", "I"}) {
    EXPECT_THAT(error(code), HasSubstr("is not one that tensors need; refused")) << code;
  }
  EXPECT_EQ(error(std::string(100000, '(') + "."), "it holds something other than a dictionary of tensors");
  EXPECT_EQ(error("N" + std::string(1000000, '\x85') + "."),
            "it holds something other than a dictionary of tensors");  // nested a million deep

  const std::string storage =
      "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
      "0X\x03\0\0\0cpuK\x06tQ"s;
  const auto tensor = [&](const std::string& view) { return dict + "X\x01\0\0\0w"s + storage + view + "tRs."; };
  const absl::StatusOr<std::vector<PickledTensor>> good = ParseTorchPickle(tensor("K\x01K\x02\x85K\x03\x85"));
  ASSERT_TRUE(good.ok()) << good.status();
  ASSERT_EQ(good->size(), 1U);
  EXPECT_EQ((*good)[0].tensor.name, "w");
  EXPECT_EQ((*good)[0].tensor.dtype, "F32");
  EXPECT_EQ((*good)[0].tensor.shape, std::vector<int64_t>{2});
  EXPECT_EQ((*good)[0].strides, std::vector<int64_t>{3});
  EXPECT_EQ((*good)[0].offset, 1);
  EXPECT_EQ((*good)[0].storage, "0");
  EXPECT_EQ((*good)[0].storage_size, 6);
  const std::string outside = "a tensor's sizes and strides reach outside of its storage of 6 elements (byte ";
  EXPECT_EQ(error(tensor("K\x05K\x01\x85K\x09\x85")), "no error");
  EXPECT_THAT(error(tensor("K\x06K\x01\x85K\x01\x85")), StartsWith(outside));
  EXPECT_THAT(error(tensor("K\x03K\x02\x85K\x03\x85")), StartsWith(outside));
  // A stride of 0 would turn a small file into a large tensor.
  EXPECT_THAT(error(tensor("K\x00M\xff\xff\x85K\x00\x85"s)), StartsWith(outside));
  // 2^62 times 2^62, and their sum.
  const std::string huge = "\x8a\x08\0\0\0\0\0\0\0\x40"s;
  EXPECT_THAT(error(tensor("K\x00"s + huge + huge + "\x86K\x01K\x01\x86")), StartsWith(outside));
  EXPECT_THAT(error(tensor("K\x01K\x03\x85"s + huge + "\x85")), StartsWith(outside));
  // Negative sizes, strides and offsets.
  for (const char* view : {"J\xff\xff\xff\xffK\x02\x85K\x03\x85", "K\x01J\xff\xff\xff\xff\x85K\x03\x85",
                           "K\x01K\x02\x85J\xff\xff\xff\xff\x85", "K\x01K\x02\x85K\x03K\x03\x86"}) {
    EXPECT_THAT(error(tensor(view)), StartsWith("not a pickle of tensors"));
  }
  const std::string w = "X\x01\0\0\0w"s + storage + "K\x01K\x02\x85K\x03\x85tRs";
  EXPECT_EQ(error(dict + w + w + "."), "two tensors are named 'w'");
}

}  // namespace
}  // namespace metaprompt
