// The pickle inside a file that torch.save wrote: which tensors there are and where their numbers lie. No LibTorch.
//
// LibTorch's own unpickler is not used on files of others: that of 1.13 takes marks and operands from its stack without
// looking whether there are any, and gives tensors any strides that the file asks for. This one runs nothing and
// imports nothing: a pickle names Python functions by text, and only those that put a tensor together are known here,
// each as a few checked numbers.
#ifndef METAPROMPT_CHECKPOINTS_TORCH_PICKLE_H_
#define METAPROMPT_CHECKPOINTS_TORCH_PICKLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/checkpoints/safetensors_header.h"

namespace metaprompt {

// A tensor as a view of a storage: element (i, j, ...) is number offset + i strides[0] + j strides[1] + ... of it.
struct PickledTensor {
  StoredTensor tensor;       // dtype by safetensors' name
  std::string storage;       // the record data/STORAGE of the archive
  int64_t storage_size = 0;  // its elements; every element of the tensor is among them, and it has no more than those
  int64_t offset = 0;
  std::vector<int64_t> strides;
};

// The tensors of a dictionary of tensors, as torch.save(model.state_dict()) pickles one, in its order. O(pickle) in
// time and memory. Errors, without the file's name: anything else, or cut short; a global that is none of OrderedDict
// and the tensor rebuilders is refused by name.
absl::StatusOr<std::vector<PickledTensor>> ParseTorchPickle(absl::string_view pickle);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_TORCH_PICKLE_H_
