#include "metaprompt/safetensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace metaprompt {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100U << 20U;  // as the format's own library bounds it

const char* TypeName(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "F32";
    case at::kDouble:
      return "F64";
    case at::kLong:
      return "I64";
    default:
      TORCH_CHECK(false, "SafetensorsBytes: tensors of type ", type, " are not written");
  }
}

bool TypeOf(const std::string& name, at::ScalarType* type) {
  for (const at::ScalarType known : {at::kFloat, at::kDouble, at::kLong}) {
    if (name == TypeName(known)) {
      *type = known;
      return true;
    }
  }
  return false;
}

// One entry of the header as a tensor, or a reason why not. Takes its place in `data`.
absl::Status ParseTensor(const Json& entry, absl::string_view data, at::Tensor* tensor,
                         std::pair<uint64_t, uint64_t>* place) {
  const auto bad = [](absl::string_view what) { return absl::InvalidArgumentError(what); };
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets") ||
      !entry["dtype"].is_string() || !entry["shape"].is_array() || !entry["data_offsets"].is_array()) {
    return bad("needs dtype, shape and data_offsets");
  }
  at::ScalarType type = at::kFloat;
  const std::string type_name = entry["dtype"].get<std::string>();
  if (!TypeOf(type_name, &type)) {
    return bad(absl::StrCat("dtype ", type_name, " is none of F32, F64, I64"));
  }
  std::vector<int64_t> shape;
  uint64_t bytes = at::elementSize(type);
  for (const Json& dim : entry["shape"]) {
    if (!dim.is_number_unsigned() || dim.get<uint64_t>() > (1ULL << 40U)) {
      return bad("shape holds something other than sizes");
    }
    shape.push_back(dim.get<int64_t>());
    const auto size = dim.get<uint64_t>();
    if (size != 0 && bytes > std::numeric_limits<uint64_t>::max() / size) {
      return bad("shape is too large");
    }
    bytes *= size;
  }
  const Json& offsets = entry["data_offsets"];
  if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
    return bad("data_offsets must be two numbers");
  }
  *place = {offsets[0].get<uint64_t>(), offsets[1].get<uint64_t>()};
  if (place->second < place->first || place->second > data.size()) {
    return bad(absl::StrCat("data_offsets [", place->first, ", ", place->second, ") are not inside the ", data.size(),
                            " bytes of data; the file may be cut short"));
  }
  if (place->second - place->first != bytes) {
    return bad(absl::StrCat("its shape takes ", bytes, " bytes, its data_offsets ", place->second - place->first));
  }
  *tensor = at::empty(shape, at::TensorOptions().dtype(type));
  if (bytes > 0) {
    std::memcpy(tensor->data_ptr(), data.data() + place->first, bytes);
  }
  return absl::OkStatus();
}

}  // namespace

at::Tensor TensorFile::Find(absl::string_view name) const {
  for (const auto& [key, tensor] : tensors) {
    if (key == name) {
      return tensor;
    }
  }
  return {};
}

std::string SafetensorsBytes(const TensorFile& file) {
  Json header = Json::object();
  if (!file.metadata.empty()) {
    header["__metadata__"] = file.metadata;
  }
  uint64_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    const uint64_t end = offset + tensor.nbytes();
    header[name] = {
        {"dtype", TypeName(tensor.scalar_type())}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data is aligned
  std::string bytes;
  bytes.reserve(kLengthBytes + text.size() + offset);
  for (size_t i = 0; i < kLengthBytes; ++i) {
    bytes.push_back(static_cast<char>(text.size() >> (8 * i) & 0xffU));
  }
  bytes += text;
  for (const auto& [name, tensor] : file.tensors) {
    const at::Tensor whole = tensor.detach().contiguous().cpu();
    bytes.append(static_cast<const char*>(whole.data_ptr()), whole.nbytes());
  }
  return bytes;
}

absl::StatusOr<TensorFile> ParseSafetensors(absl::string_view bytes, absl::string_view name) {
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": not a whole safetensors file: ", what));
  };
  if (bytes.size() < kLengthBytes) {
    return bad(absl::StrCat("it has ", bytes.size(), " bytes"));
  }
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  if (length > kMaxHeader || length > bytes.size() - kLengthBytes) {
    return bad(absl::StrCat("a header of ", length, " bytes does not fit in its ", bytes.size(), " bytes"));
  }
  const absl::string_view text = bytes.substr(kLengthBytes, length);
  const Json header = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) {
    return bad("its header is not a JSON object");
  }
  const absl::string_view data = bytes.substr(kLengthBytes + length);
  TensorFile file;
  std::vector<std::pair<uint64_t, uint64_t>> places;
  for (const auto& [key, entry] : header.items()) {
    if (key == "__metadata__") {
      if (!entry.is_object()) {
        return bad("__metadata__ is not an object");
      }
      for (const auto& [field, value] : entry.items()) {
        if (!value.is_string()) {
          return bad(absl::StrCat("__metadata__.", field, " is not text"));
        }
        file.metadata[field] = value.get<std::string>();
      }
      continue;
    }
    at::Tensor tensor;
    std::pair<uint64_t, uint64_t> place;
    if (const absl::Status status = ParseTensor(entry, data, &tensor, &place); !status.ok()) {
      return bad(absl::StrCat("tensor '", key, "': ", status.message()));
    }
    places.push_back(place);
    file.tensors.emplace_back(key, std::move(tensor));
  }
  std::sort(places.begin(), places.end());
  uint64_t end = 0;
  for (const auto& place : places) {
    if (place.first != end) {
      return bad("its tensors overlap or leave gaps");
    }
    end = place.second;
  }
  if (end != data.size()) {
    return bad(absl::StrCat(data.size() - end, " bytes belong to no tensor"));
  }
  return file;
}

}  // namespace metaprompt
