// Reads a pytorch_model.bin: a state dictionary that torch.save has written, since PyTorch 1.6 as a zip archive with a
// pickle and a record for each storage.
#ifndef METAPROMPT_CHECKPOINTS_TORCH_FILE_H_
#define METAPROMPT_CHECKPOINTS_TORCH_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "metaprompt/checkpoints/weight_file.h"

namespace metaprompt {

// LibTorch's reader opens the archive, and torch_pickle.h reads the pickle without running Python code. Opening reads
// no storage; reading a tensor reads its storage. Errors: compressed records (torch.save writes none, and a small file
// with them could fill the memory), and the format before PyTorch 1.6, which LibTorch cannot read.
absl::StatusOr<std::unique_ptr<WeightFile>> OpenTorchFile(const std::string& path);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_TORCH_FILE_H_
