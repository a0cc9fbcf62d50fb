// The pickle inside a file that torch.save wrote: which tensors there are and where their numbers lie. No LibTorch.
//
// LibTorch's own unpickler is not safe for files of unknown origin: in 1.13 it takes marks and operands from its stack
// without a check that there are any, and gives tensors whatever strides the file has. This one runs and imports
// nothing. A pickle names Python functions; only those that build a tensor are accepted here, and their arguments are
// checked numbers.
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
  int64_t storage_size = 0;  // elements of the storage; those of the tensor are among them, and no more
  int64_t offset = 0;
  std::vector<int64_t> strides;
};

// The tensors of a dictionary of tensors, as torch.save(model.state_dict()) pickles one, in its order. O(pickle) in
// time and memory. Errors, without the file's name: other content, and a pickle that is cut short. A global other than
// OrderedDict and the functions that rebuild tensors is refused by name.
absl::StatusOr<std::vector<PickledTensor>> ParseTorchPickle(absl::string_view pickle);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_TORCH_PICKLE_H_
