#include "metaprompt/checkpoints/safetensors.h"

#include <ATen/ATen.h>

#include <array>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/model/finite.h"

namespace metaprompt {
namespace {

constexpr std::array<std::pair<at::ScalarType, const char*>, 5> kTypes = {
    {{at::kFloat, "F32"}, {at::kDouble, "F64"}, {at::kHalf, "F16"}, {at::kBFloat16, "BF16"}, {at::kLong, "I64"}}};

const char* TypeName(at::ScalarType type) {
  for (const auto& [known, name] : kTypes) {
    if (known == type) {
      return name;
    }
  }
  TORCH_CHECK(false, "safetensors: tensors of type ", type, " are not written");
}

std::vector<StoredTensor> StoredTensors(const TensorFile& file) {
  std::vector<StoredTensor> stored;
  stored.reserve(file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    stored.push_back(Stored(name, tensor));
  }
  return stored;
}

at::Tensor Plain(const at::Tensor& tensor) { return tensor.detach().contiguous().cpu(); }

absl::string_view Bytes(const at::Tensor& plain) {
  return {static_cast<const char*>(plain.data_ptr()), plain.nbytes()};
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

absl::StatusOr<at::ScalarType> ElementType(absl::string_view dtype) {
  for (const auto& [type, name] : kTypes) {
    if (dtype == name) {
      return type;
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("dtype ", dtype, " is none of F32, F64, F16, BF16, I64"));
}

StoredTensor Stored(const std::string& name, const at::Tensor& tensor) {
  return {name, TypeName(tensor.scalar_type()), tensor.sizes().vec()};
}

std::string SafetensorsBytes(const TensorFile& file) {
  const absl::StatusOr<std::string> header = SafetensorsHeaderBytes(StoredTensors(file), file.metadata);
  TORCH_CHECK(header.ok(), "SafetensorsBytes: ", std::string(header.status().message()));
  size_t size = header->size();
  for (const auto& named : file.tensors) {
    size += named.second.nbytes();
  }
  std::string bytes;
  bytes.reserve(size);
  bytes += *header;
  for (const auto& named : file.tensors) {
    const at::Tensor plain = Plain(named.second);
    const absl::string_view its = Bytes(plain);
    bytes.append(its.data(), its.size());
  }
  return bytes;
}

absl::Status WriteSafetensors(const std::string& path, const TensorFile& file, BeforeRename before_rename) {
  StreamedTensors streamed;
  streamed.tensors = StoredTensors(file);
  streamed.metadata = file.metadata;
  streamed.tensor = [&file](size_t i) { return file.tensors[i].second; };
  return WriteSafetensors(path, streamed, std::move(before_rename));
}

absl::Status WriteSafetensors(const std::string& path, const StreamedTensors& file, BeforeRename before_rename) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SafetensorsWriter> writer,
                   SafetensorsWriter::Create(path, file.tensors, file.metadata, std::move(before_rename)));
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    ASSIGN_OR_RETURN(const at::Tensor tensor, file.tensor(i));
    if (const absl::Status status = CheckFinite(file.tensors[i].name, tensor); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat("cannot write ", path, ": ", status.message()));
    }
    RETURN_IF_ERROR(writer->Append(Bytes(Plain(tensor))));
  }
  return writer->Finish();
}

absl::Status AppendTensor(const at::Tensor& piece, SafetensorsWriter* writer) {
  if (piece.numel() == 0) {
    return absl::OkStatus();
  }
  const StoredTensor* current = writer->current();
  TORCH_CHECK(current != nullptr && current->dtype == TypeName(piece.scalar_type()), "AppendTensor: a piece of type ",
              piece.scalar_type(), current == nullptr ? " after the last tensor" : " for a tensor of another");
  return writer->Append(Bytes(Plain(piece)));
}

absl::StatusOr<TensorFile> ParseSafetensors(absl::string_view bytes, absl::string_view name) {
  ASSIGN_OR_RETURN(SafetensorsHeader header, ParseSafetensorsHeader(bytes, name));
  TensorFile file;
  file.metadata = std::move(header.metadata);
  for (SafetensorsEntry& entry : header.entries) {
    const absl::StatusOr<at::ScalarType> type = ElementType(entry.tensor.dtype);
    if (!type.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": tensor ", Quoted(entry.tensor.name), ": ", type.status().message()));
    }
    at::Tensor tensor = at::empty(entry.tensor.shape, at::TensorOptions().dtype(*type));
    if (entry.end > entry.begin) {
      std::memcpy(tensor.data_ptr(), bytes.data() + entry.begin, entry.end - entry.begin);
    }
    file.tensors.emplace_back(std::move(entry.tensor.name), std::move(tensor));
  }
  return file;
}

}  // namespace metaprompt
