// Reads the pickle in a file that torch.save has written: the tensors, and where their numbers are stored. This file
// needs no LibTorch.
//
// LibTorch's own unpickler is not safe for files of unknown origin: in 1.13 it takes marks and operands from its stack
// without checking that there are any, and does not check the strides of tensors. This unpickler runs and imports
// nothing. A pickle contains names of Python functions. Only those that build a tensor are accepted here, and their
// arguments are checked.
#ifndef METAPROMPT_CHECKPOINTS_TORCH_PICKLE_H_
#define METAPROMPT_CHECKPOINTS_TORCH_PICKLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/checkpoints/safetensors_header.h"

namespace metaprompt {

// A tensor as a view of a storage: element (i, j, ...) is the storage's number offset + i strides[0] + j strides[1] +
// ...
struct PickledTensor {
  StoredTensor tensor;       // the dtype has safetensors' name
  std::string storage;       // the record data/STORAGE of the archive
  int64_t storage_size = 0;  // number of elements of the storage; the tensor's elements are within it
  int64_t offset = 0;
  std::vector<int64_t> strides;
};

// The tensors of a pickled dictionary of tensors, as torch.save(model.state_dict()) writes it, in its order. Takes time
// and memory in proportion to the pickle. Errors, without the file's name: other contents, a pickle that is cut short,
// and a global other than OrderedDict and the functions that rebuild tensors, which the error names.
absl::StatusOr<std::vector<PickledTensor>> ParseTorchPickle(absl::string_view pickle);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_TORCH_PICKLE_H_
