#include "experiments/ranks/tensor_stream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr size_t kMessageBytes = size_t{1} << 22;

}  // namespace

SentParts SentParts::Defined(const ParamList& tensors) {
  SentParts parts;
  for (const at::Tensor& tensor : tensors) {
    parts.parts.push_back(tensor.defined() ? kWhole : kNothing);
  }
  return parts;
}

std::vector<int64_t> SentParts::Shape(const ParamInfo& info, size_t i) const {
  std::vector<int64_t> shape = info.shape;
  if (parts[i] == kRows) {
    shape[0] = rows.size(0);
  }
  return shape;
}

size_t SentParts::Bytes(const std::vector<ParamInfo>& infos, at::ScalarType type) const {
  size_t bytes = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] != kNothing) {
      size_t size = c10::elementSize(type);
      for (const int64_t dim : Shape(infos[i], i)) {
        size *= static_cast<size_t>(dim);
      }
      bytes += size;
    }
  }
  return bytes;
}

absl::Status SendParts(const SentParts& parts, int to, Lane lane, Link* link) {
  std::vector<int64_t> header(parts.parts.begin(), parts.parts.end());
  header.push_back(parts.rows.defined() ? parts.rows.size(0) : -1);
  RETURN_IF_ERROR(link->Send(to, lane, header.data(), header.size() * sizeof(int64_t)));
  if (!parts.rows.defined()) {
    return absl::OkStatus();
  }
  const at::Tensor rows = parts.rows.contiguous();
  return link->Send(to, lane, rows.data_ptr<int64_t>(), rows.nbytes());
}

absl::StatusOr<SentParts> ReceiveParts(size_t count, int from, Lane lane, Link* link) {
  std::vector<int64_t> header(count + 1);
  RETURN_IF_ERROR(link->Receive(from, lane, header.data(), header.size() * sizeof(int64_t)));
  SentParts parts;
  const int64_t rows = header.back();
  header.pop_back();
  for (const int64_t part : header) {
    if (part < SentParts::kNothing || part > SentParts::kRows || (part == SentParts::kRows && rows < 0)) {
      return absl::InternalError(absl::StrCat("rank ", from, " sent a list of tensors that cannot be read"));
    }
    parts.parts.push_back(static_cast<SentParts::Part>(part));
  }
  if (rows >= 0) {
    parts.rows = at::empty({rows}, at::kLong);
    RETURN_IF_ERROR(link->Receive(from, lane, parts.rows.data_ptr<int64_t>(), parts.rows.nbytes()));
  }
  return parts;
}

absl::Status TensorWriter::Flush() {
  const absl::Status sent = link_->Send(to_, lane_, buffer_.data(), buffer_.size());
  buffer_.clear();
  return sent;
}

absl::Status TensorWriter::Write(const at::Tensor& tensor) {
  const at::Tensor whole = tensor.cpu().contiguous();
  const char* bytes = static_cast<const char*>(whole.data_ptr());
  size_t left = whole.nbytes();
  while (left > 0) {
    if (buffer_.empty() && left >= kMessageBytes) {  // without a copy
      RETURN_IF_ERROR(link_->Send(to_, lane_, bytes, kMessageBytes));
      bytes += kMessageBytes;
      left -= kMessageBytes;
      continue;
    }
    buffer_.reserve(kMessageBytes);
    const size_t part = std::min(left, kMessageBytes - buffer_.size());
    buffer_.append(bytes, part);
    bytes += part;
    left -= part;
    if (buffer_.size() == kMessageBytes) {
      RETURN_IF_ERROR(Flush());
    }
  }
  return absl::OkStatus();
}

absl::Status TensorWriter::End() { return buffer_.empty() ? absl::OkStatus() : Flush(); }

absl::StatusOr<at::Tensor> TensorReader::Read(const std::vector<int64_t>& shape, at::ScalarType type) {
  at::Tensor tensor = at::empty(shape, type);
  char* bytes = static_cast<char*>(tensor.data_ptr());
  size_t needed = tensor.nbytes();
  while (needed > 0) {
    const size_t message = std::min(left_, kMessageBytes);            // the size of the next one
    if (at_ == buffer_.size() && message > 0 && needed >= message) {  // without a copy
      RETURN_IF_ERROR(link_->Receive(from_, lane_, bytes, message));
      left_ -= message;
      bytes += message;
      needed -= message;
      continue;
    }
    if (at_ == buffer_.size()) {
      buffer_.resize(message);
      at_ = 0;
      TORCH_CHECK(!buffer_.empty(), "TensorReader: a tensor that was not sent");
      RETURN_IF_ERROR(link_->Receive(from_, lane_, buffer_.data(), buffer_.size()));
      left_ -= buffer_.size();
    }
    const size_t part = std::min(needed, buffer_.size() - at_);
    std::memcpy(bytes, buffer_.data() + at_, part);
    bytes += part;
    at_ += part;
    needed -= part;
  }
  return tensor;
}

absl::Status SendTensors(const SentParts& parts, const ParamList& tensors, int to, Lane lane, Link* link) {
  RETURN_IF_ERROR(SendParts(parts, to, lane, link));
  TensorWriter writer(to, lane, link);
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (parts.parts[i] == SentParts::kWhole) {
      RETURN_IF_ERROR(writer.Write(tensors[i]));
    } else if (parts.parts[i] == SentParts::kRows) {
      RETURN_IF_ERROR(writer.Write(tensors[i].index_select(0, parts.rows.to(tensors[i].device()))));
    }
  }
  return writer.End();
}

absl::Status ReceiveTensors(const std::vector<ParamInfo>& infos, at::Device device, int from, Lane lane, Link* link,
                            ParamList* tensors) {
  ASSIGN_OR_RETURN(const SentParts parts, ReceiveParts(infos.size(), from, lane, link));
  TensorReader reader(parts.Bytes(infos, at::kFloat), from, lane, link);
  for (size_t i = 0; i < infos.size(); ++i) {
    if (parts.parts[i] == SentParts::kNothing) {
      continue;
    }
    ASSIGN_OR_RETURN(const at::Tensor part, reader.Read(parts.Shape(infos[i], i), at::kFloat));
    at::Tensor& tensor = (*tensors)[i];
    if (parts.parts[i] == SentParts::kWhole) {
      tensor = part.to(device);
      continue;
    }
    if (!tensor.defined()) {
      tensor = at::zeros(infos[i].shape, at::TensorOptions(device).dtype(at::kFloat));
    }
    tensor.index_copy_(0, parts.rows.to(device), part.to(device));
  }
  return absl::OkStatus();
}

}  // namespace metaprompt
