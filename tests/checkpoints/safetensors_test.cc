// Safetensors files: tensors are read as they were written, the bytes are those of the format, and damaged files are
// errors.
#include "metaprompt/checkpoints/safetensors.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/helpers/status_error.h"

namespace metaprompt {
namespace {

using ::testing::StartsWith;

std::string FileBytes(const std::string& header, const std::string& data) {
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<char>(header.size() >> (8 * i) & 0xffU));
  }
  return bytes + header + data;
}

TEST(SafetensorsTest, WhatIsWrittenIsRead) {
  TensorFile file;
  file.tensors.emplace_back("b", at::arange(6, at::kFloat).view({2, 3}).t());  // not contiguous
  file.tensors.emplace_back("a", at::full({1}, 1.0 / 3.0, at::kDouble));
  file.tensors.emplace_back("empty", at::zeros({0, 4}, at::kFloat));
  file.tensors.emplace_back("scalar", at::full({}, INT64_MIN, at::kLong));
  file.metadata["progress"] = "line\n\"quoted\" ü";
  const std::string bytes = SafetensorsBytes(file);
  EXPECT_EQ(SafetensorsBytes(file), bytes);
  const absl::StatusOr<TensorFile> read = ParseSafetensors(bytes, "x");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->metadata, file.metadata);
  ASSERT_EQ(read->tensors.size(), file.tensors.size());
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    EXPECT_EQ(read->tensors[i].first, file.tensors[i].first);
    EXPECT_TRUE(at::equal(read->tensors[i].second, file.tensors[i].second)) << file.tensors[i].first;
    EXPECT_EQ(read->tensors[i].second.scalar_type(), file.tensors[i].second.scalar_type());
    EXPECT_EQ(read->tensors[i].second.sizes(), file.tensors[i].second.sizes());
  }
  EXPECT_EQ(SafetensorsBytes(*read), bytes);
  EXPECT_TRUE(read->Find("a").defined());
  EXPECT_FALSE(read->Find("c").defined());
  // The bytes of the format: the header's length, the header padded to a multiple of 8, and little-endian numbers.
  TensorFile one;
  one.tensors.emplace_back("x", at::full({1}, 1.0, at::kFloat));
  EXPECT_EQ(SafetensorsBytes(one), FileBytes("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  ",
                                             std::string("\x00\x00\x80\x3f", 4)));
}

TEST(SafetensorsTest, BrokenFilesAreErrors) {
  const auto error = [](const std::string& bytes) { return Error(ParseSafetensors(bytes, "model.safetensors")); };
  const auto entry = [](absl::string_view dtype, absl::string_view shape, absl::string_view offsets) {
    return absl::StrCat("{\"dtype\":\"", dtype, "\",\"shape\":", shape, ",\"data_offsets\":", offsets, "}");
  };
  const auto one = [&](absl::string_view dtype, absl::string_view shape, absl::string_view offsets, size_t data) {
    return error(FileBytes(absl::StrCat("{\"x\":", entry(dtype, shape, offsets), "}"), std::string(data, 'd')));
  };
  const std::string whole = "model.safetensors: not a whole safetensors file: ";
  EXPECT_EQ(one("F32", "[2]", "[0,8]", 8), "no error");
  EXPECT_EQ(error(""), whole + "it has 0 bytes");
  EXPECT_EQ(error("1234567"), whole + "it has 7 bytes");
  EXPECT_EQ(error(FileBytes("{}  ", "").substr(0, 10)), whole + "a header of 4 bytes does not fit in its 10 bytes");
  EXPECT_EQ(error(std::string(16, '\xff')),
            whole + "a header of 18446744073709551615 bytes does not fit in its 16 bytes");
  EXPECT_EQ(error(FileBytes("{\"x\":", "")), whole + "its header is not a JSON object");
  EXPECT_EQ(error(FileBytes("[1]", "")), whole + "its header is not a JSON object");
  EXPECT_EQ(error(FileBytes("{\"\xff\":1}", "")), whole + "its header is not a JSON object");
  EXPECT_EQ(error(FileBytes("{\"x\":7}", "")),
            whole + "tensor 'x': needs dtype, shape and data_offsets, and nothing else");
  EXPECT_EQ(error(FileBytes("{\"__metadata__\":{\"a\":1}}", "")), whole + "__metadata__ 'a' is not text");
  EXPECT_EQ(error(FileBytes("{\"__metadata__\":[]}", "")), whole + "__metadata__ is not an object");
  EXPECT_EQ(one("F16", "[2]", "[0,4]", 4), "no error");
  EXPECT_EQ(one("F17", "[2]", "[0,4]", 4), whole + "tensor 'x': dtype 'F17' is not a type of the format");
  EXPECT_EQ(one("I32", "[1]", "[0,4]", 4),
            "model.safetensors: tensor 'x': dtype I32 is none of F32, F64, F16, BF16, I64");
  EXPECT_EQ(one("F32", "[-1]", "[0,4]", 4), whole + "tensor 'x': shape holds something other than sizes");
  EXPECT_EQ(one("F32", "[1.5]", "[0,4]", 4), whole + "tensor 'x': shape holds something other than sizes");
  EXPECT_EQ(one("F32", "[1099511627776,1099511627776]", "[0,4]", 4), whole + "tensor 'x': shape is too large");
  EXPECT_EQ(one("F32", "[1]", "[0]", 4), whole + "tensor 'x': data_offsets must be two numbers");
  EXPECT_EQ(one("F32", "[1]", "[-4,0]", 4), whole + "tensor 'x': data_offsets must be two numbers");
  EXPECT_EQ(one("F32", "[2]", "[0,8]", 7),
            whole + "tensor 'x': data_offsets [0, 8) are not inside the 7 bytes of data; the file may be cut short");
  EXPECT_EQ(one("F32", "[2]", "[8,0]", 8),
            whole + "tensor 'x': data_offsets [8, 0) are not inside the 8 bytes of data; the file may be cut short");
  EXPECT_EQ(one("F32", "[3]", "[0,8]", 8), whole + "tensor 'x': its shape takes 12 bytes, its data_offsets 8");
  EXPECT_EQ(one("F32", "[1]", "[0,4]", 6), whole + "2 bytes belong to no tensor");
  EXPECT_EQ(one("F32", "[1]", "[4,8]", 8), whole + "its tensors overlap or leave gaps");
  const auto two = [&](absl::string_view a, absl::string_view b, size_t data) {
    return error(FileBytes(absl::StrCat("{\"x\":", entry("F32", "[1]", a), ",\"y\":", entry("F32", "[1]", b), "}"),
                           std::string(data, 'd')));
  };
  EXPECT_EQ(two("[4,8]", "[0,4]", 8), "no error");
  EXPECT_EQ(two("[0,4]", "[0,4]", 4), whole + "its tensors overlap or leave gaps");
  EXPECT_EQ(two("[0,4]", "[2,6]", 6), whole + "its tensors overlap or leave gaps");
  EXPECT_EQ(two("[0,4]", "[8,12]", 12), whole + "its tensors overlap or leave gaps");
  // An empty tensor of absurd shape takes no bytes. It may be read or refused, but must not crash.
  EXPECT_THAT(one("F32", "[0,1099511627776,1099511627776]", "[0,0]", 0),
              ::testing::AnyOf("no error", StartsWith(whole)));
  // A good file that is cut at any place is an error.
  TensorFile file;
  file.tensors.emplace_back("weight", at::ones({3, 2}));
  file.metadata["k"] = "v";
  const std::string good = SafetensorsBytes(file);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(error(good.substr(0, size)), StartsWith(whole));
  }
  EXPECT_EQ(error(good + "x"), whole + "1 bytes belong to no tensor");
}

}  // namespace
}  // namespace metaprompt
