#include "metaprompt/checkpoints/safetensors_header.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100000000;
constexpr uint64_t kMaxBytes = 1ULL << 62U;
constexpr absl::string_view kMetadata = "__metadata__";

// The dtypes whose elements take whole bytes.
constexpr std::array<std::pair<absl::string_view, int>, 17> kTypes = {{
    {"BOOL", 1},
    {"U8", 1},
    {"I8", 1},
    {"F8_E5M2", 1},
    {"F8_E4M3", 1},
    {"F8_E8M0", 1},
    {"I16", 2},
    {"U16", 2},
    {"F16", 2},
    {"BF16", 2},
    {"I32", 4},
    {"U32", 4},
    {"F32", 4},
    {"F64", 8},
    {"I64", 8},
    {"U64", 8},
    {"C64", 8},
}};

// Reads the header while it is parsed, without building a tree, and stops at the first error. The grammar is
//   {name: {"dtype": text, "shape": [size...], "data_offsets": [begin, end]}..., "__metadata__": {text: text...}}
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  // `data_bytes` is the number of bytes after the header. Offsets are counted from the first of them.
  explicit HeaderReader(uint64_t data_bytes) : data_bytes_(data_bytes) {}

  const std::string& error() const { return error_; }
  SafetensorsHeader Take() { return std::move(header_); }

  bool start_object(size_t /*size*/) override {
    if (depth_ == 0) {
      depth_ = 1;
      return true;
    }
    if (depth_ == 1) {
      depth_ = 2;
      return true;
    }
    return Misplaced();
  }
  bool end_object() override {
    if (depth_ == 2 && !in_metadata_ && !EndTensor()) {
      return false;
    }
    --depth_;
    return true;
  }
  bool start_array(size_t /*size*/) override {
    if (depth_ == 2 && !in_metadata_ && (field_ == "shape" || field_ == "data_offsets")) {
      depth_ = 3;
      return true;
    }
    return Misplaced();
  }
  bool end_array() override {
    depth_ = 2;
    return true;
  }
  bool key(std::string& key) override {
    if (depth_ == 1) {
      if (!names_.insert(key).second) {
        return Fail(absl::StrCat("two entries are named ", Quoted(key)));
      }
      in_metadata_ = key == kMetadata;
      entry_ = SafetensorsEntry();
      entry_.tensor.name = key;
      fields_.clear();
      offsets_.clear();
      return true;
    }
    if (in_metadata_) {
      field_ = key;
      return header_.metadata.emplace(key, "").second ||
             Fail(absl::StrCat("two entries of __metadata__ are named ", Quoted(key)));
    }
    field_ = key;
    return fields_.insert(key).second || FailTensor(absl::StrCat("two of its fields are named ", Quoted(key)));
  }
  bool string(std::string& value) override {
    if (depth_ == 2 && in_metadata_) {
      header_.metadata[field_] = value;
      return true;
    }
    if (depth_ == 2 && field_ == "dtype") {
      entry_.tensor.dtype = value;
      return true;
    }
    return Misplaced();
  }
  bool number_unsigned(uint64_t value) override {
    if (depth_ != 3) {
      return Misplaced();
    }
    if (field_ == "shape") {
      if (value > kMaxBytes) {
        return FailTensor("shape is too large");
      }
      entry_.tensor.shape.push_back(static_cast<int64_t>(value));
      return true;
    }
    offsets_.push_back(value);
    return offsets_.size() <= 2 || Misplaced();
  }
  bool number_integer(int64_t /*value*/) override { return Misplaced(); }
  bool number_float(double /*value*/, const std::string& /*text*/) override { return Misplaced(); }
  bool boolean(bool /*value*/) override { return Misplaced(); }
  bool null() override { return Misplaced(); }
  bool binary(Json::binary_t& /*value*/) override { return Misplaced(); }
  bool parse_error(size_t /*position*/, const std::string& /*token*/, const Json::exception& /*error*/) override {
    return Fail("its header is not a JSON object");
  }

 private:
  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }
  bool FailTensor(absl::string_view error) {
    return Fail(absl::StrCat("tensor ", Quoted(entry_.tensor.name), ": ", error));
  }

  // The error for a value where the grammar has none.
  bool Misplaced() {
    if (depth_ == 0) {
      return Fail("its header is not a JSON object");
    }
    if (in_metadata_) {
      return Fail(depth_ == 1 ? "__metadata__ is not an object"
                              : absl::StrCat("__metadata__ ", Quoted(field_), " is not text"));
    }
    if (field_ == "shape" && depth_ == 3) {
      return FailTensor("shape holds something other than sizes");
    }
    if (field_ == "data_offsets" && depth_ == 3) {
      return FailTensor("data_offsets must be two numbers");
    }
    return FailTensor("needs dtype, shape and data_offsets, and nothing else");
  }

  bool EndTensor() {
    if (fields_ != std::set<std::string>{"data_offsets", "dtype", "shape"}) {
      return FailTensor("needs dtype, shape and data_offsets, and nothing else");
    }
    if (offsets_.size() != 2) {
      return FailTensor("data_offsets must be two numbers");
    }
    const absl::StatusOr<uint64_t> bytes = TensorBytes(entry_.tensor.dtype, entry_.tensor.shape);
    if (!bytes.ok()) {
      return FailTensor(bytes.status().message());
    }
    const uint64_t begin = offsets_[0];
    const uint64_t end = offsets_[1];
    if (end < begin || end > data_bytes_) {
      return FailTensor(absl::StrCat("data_offsets [", begin, ", ", end, ") are not inside the ", data_bytes_,
                                     " bytes of data; the file may be cut short"));
    }
    if (end - begin != *bytes) {
      return FailTensor(absl::StrCat("its shape takes ", *bytes, " bytes, its data_offsets ", end - begin));
    }
    entry_.begin = begin;
    entry_.end = end;
    header_.entries.push_back(std::move(entry_));
    return true;
  }

  uint64_t data_bytes_;
  SafetensorsHeader header_;
  std::string error_;
  std::set<std::string> names_;

  int depth_ = 0;  // 1 inside the header, 2 inside a tensor or the metadata, 3 inside a tensor's array
  bool in_metadata_ = false;
  std::string field_;
  std::set<std::string> fields_;  // the fields that the tensor has so far
  SafetensorsEntry entry_;
  std::vector<uint64_t> offsets_;
};

// OK if the tensors fill the data without gaps and overlaps.
absl::Status CheckNoGaps(const std::vector<SafetensorsEntry>& entries, uint64_t data_bytes) {
  std::vector<std::pair<uint64_t, uint64_t>> places;
  places.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) {
    places.emplace_back(entry.begin, entry.end);
  }
  std::sort(places.begin(), places.end());
  uint64_t end = 0;
  for (const auto& place : places) {
    if (place.first != end) {
      return absl::InvalidArgumentError("its tensors overlap or leave gaps");
    }
    end = place.second;
  }
  if (end != data_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(data_bytes - end, " bytes belong to no tensor"));
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t ElementBytes(absl::string_view dtype) {
  for (const auto& [name, bytes] : kTypes) {
    if (name == dtype) {
      return static_cast<uint64_t>(bytes);
    }
  }
  return 0;
}

absl::StatusOr<uint64_t> TensorBytes(absl::string_view dtype, const std::vector<int64_t>& shape) {
  uint64_t bytes = ElementBytes(dtype);
  if (bytes == 0) {
    return absl::InvalidArgumentError(absl::StrCat("dtype ", Quoted(dtype), " is not a type of the format"));
  }
  // As in LibTorch, the other sizes are checked even if a size is 0.
  bool empty = false;
  for (const int64_t dim : shape) {
    if (dim < 0) {
      return absl::InvalidArgumentError("shape holds something other than sizes");
    }
    empty = empty || dim == 0;
    const uint64_t size = std::max<uint64_t>(1, static_cast<uint64_t>(dim));
    if (size > kMaxBytes / bytes) {
      return absl::InvalidArgumentError("shape is too large");
    }
    bytes *= size;
  }
  return empty ? 0 : bytes;
}

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view file, absl::string_view name) {
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": not a whole safetensors file: ", what));
  };
  if (file.size() < kLengthBytes) {
    return bad(absl::StrCat("it has ", file.size(), " bytes"));
  }
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<uint64_t>(static_cast<unsigned char>(file[i])) << (8 * i);
  }
  if (length > file.size() - kLengthBytes) {
    return bad(absl::StrCat("a header of ", length, " bytes does not fit in its ", file.size(), " bytes"));
  }
  if (length > kMaxHeader) {
    return bad(absl::StrCat("its header has ", length, " bytes, more than ", kMaxHeader));
  }
  const uint64_t data_begin = kLengthBytes + length;
  const uint64_t data_bytes = file.size() - data_begin;
  const absl::string_view text = file.substr(kLengthBytes, length);
  HeaderReader reader(data_bytes);
  if (!Json::sax_parse(text.begin(), text.end(), &reader)) {
    return bad(reader.error());
  }
  SafetensorsHeader header = reader.Take();
  if (const absl::Status status = CheckNoGaps(header.entries, data_bytes); !status.ok()) {
    return bad(status.message());
  }
  for (SafetensorsEntry& entry : header.entries) {
    entry.begin += data_begin;
    entry.end += data_begin;
  }
  return header;
}

absl::StatusOr<std::string> SafetensorsHeaderBytes(const std::vector<StoredTensor>& tensors,
                                                   const std::map<std::string, std::string>& metadata) {
  using Ordered = nlohmann::ordered_json;
  const auto text = [](const std::string& utf8) { return Ordered(utf8).dump(); };
  for (const auto& [key, value] : metadata) {
    if (!CheckUtf8(key).ok() || !CheckUtf8(value).ok()) {
      return absl::InvalidArgumentError(absl::StrCat("metadata ", Quoted(key), " is not UTF-8"));
    }
  }
  // Written entry by entry, because nlohmann's ordered objects search all keys for each new one.
  std::string json =
      metadata.empty() ? "{" : absl::StrCat("{", text(std::string(kMetadata)), ":", Ordered(metadata).dump());
  std::set<absl::string_view> names;
  uint64_t offset = 0;
  for (const StoredTensor& tensor : tensors) {
    const auto bad = [&](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", Quoted(tensor.name), ": ", what));
    };
    if (!names.insert(tensor.name).second || tensor.name == kMetadata) {
      return bad("the name is taken");
    }
    if (!CheckUtf8(tensor.name).ok()) {
      return bad("the name is not UTF-8");
    }
    const absl::StatusOr<uint64_t> bytes = TensorBytes(tensor.dtype, tensor.shape);
    if (!bytes.ok()) {
      return bad(bytes.status().message());
    }
    if (*bytes > kMaxBytes - offset) {
      return bad("shape is too large");
    }
    const Ordered entry = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + *bytes}}};
    absl::StrAppend(&json, json.size() > 1 ? "," : "", text(tensor.name), ":", entry.dump());
    offset += *bytes;
  }
  json += '}';
  json.resize((json.size() + 7) / 8 * 8, ' ');  // so that the data is aligned
  std::string header;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    header.push_back(static_cast<char>(json.size() >> (8 * i) & 0xffU));
  }
  return header + json;
}

}  // namespace metaprompt
