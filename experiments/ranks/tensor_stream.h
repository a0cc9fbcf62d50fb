// Lists of tensors as bytes from one rank to another.
#ifndef EXPERIMENTS_RANKS_TENSOR_STREAM_H_
#define EXPERIMENTS_RANKS_TENSOR_STREAM_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/ranks/link.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// What is sent of each tensor of a list.
struct SentParts {
  enum Part : int64_t { kNothing, kWhole, kRows };

  std::vector<Part> parts;
  at::Tensor rows;  // [U] int64 on the CPU: the rows of the tensors with kRows; undefined if there are none

  // All tensors of the list that are defined, whole.
  static SentParts Defined(const ParamList& tensors);

  // The shape of what is sent of tensor i, which is described by `info`.
  std::vector<int64_t> Shape(const ParamInfo& info, size_t i) const;
  // The number of bytes of all tensors, each of the type `type`.
  size_t Bytes(const std::vector<ParamInfo>& infos, at::ScalarType type) const;
};

// Sends and receives what will be sent. `count`: the number of tensors, which both sides know.
absl::Status SendParts(const SentParts& parts, int to, Lane lane, Link* link);
absl::StatusOr<SentParts> ReceiveParts(size_t count, int from, Lane lane, Link* link);

// Writes tensors one after another, in messages of one size, so that the next rank can begin before the last tensor is
// ready.
class TensorWriter {
 public:
  TensorWriter(int to, Lane lane, Link* link) : to_(to), lane_(lane), link_(link) {}
  absl::Status Write(const at::Tensor& tensor);
  // Sends the rest. Call it once, after the last tensor.
  absl::Status End();

 private:
  absl::Status Flush();

  int to_;
  Lane lane_;
  Link* link_;
  std::string buffer_;
};

// Reads what a TensorWriter writes. `bytes`: how many bytes that is in all.
class TensorReader {
 public:
  TensorReader(size_t bytes, int from, Lane lane, Link* link) : left_(bytes), from_(from), lane_(lane), link_(link) {}
  // Reads the next tensor, on the CPU.
  absl::StatusOr<at::Tensor> Read(const std::vector<int64_t>& shape, at::ScalarType type);

 private:
  size_t left_;  // bytes that are not received yet
  int from_;
  Lane lane_;
  Link* link_;
  std::string buffer_;
  size_t at_ = 0;  // the first byte in the buffer that is not read yet
};

// Sends these parts of the tensors.
absl::Status SendTensors(const SentParts& parts, const ParamList& tensors, int to, Lane lane, Link* link);

// Receives what SendTensors sends into `tensors`, on `device`. A tensor of which rows are sent is changed in place; if
// it is undefined, its other rows become zero.
absl::Status ReceiveTensors(const std::vector<ParamInfo>& infos, at::Device device, int from, Lane lane, Link* link,
                            ParamList* tensors);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_TENSOR_STREAM_H_
