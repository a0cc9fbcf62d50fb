// Fuzzes the pickle of a pytorch_model.bin: any bytes must give an error of one line, or tensors that are inside their
// storages.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "metaprompt/checkpoints/torch_pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::StatusOr<std::vector<metaprompt::PickledTensor>> tensors =
      metaprompt::ParseTorchPickle({reinterpret_cast<const char*>(data), size});
  if (!tensors.ok()) {
    if (tensors.status().message().find('\n') != absl::string_view::npos) {
      std::abort();
    }
    return 0;
  }
  for (const metaprompt::PickledTensor& tensor : *tensors) {
    const uint64_t bytes = metaprompt::TensorBytes(tensor.tensor.dtype, tensor.tensor.shape).value();
    if (bytes == 0) {
      continue;
    }
    __int128 last = tensor.offset;
    for (size_t i = 0; i < tensor.strides.size(); ++i) {
      if (tensor.strides[i] < 0 || tensor.tensor.shape[i] < 1) {
        std::abort();
      }
      last += static_cast<__int128>(tensor.strides[i]) * (tensor.tensor.shape[i] - 1);
    }
    if (tensor.offset < 0 || last >= tensor.storage_size) {
      std::abort();
    }
  }
  return 0;
}
