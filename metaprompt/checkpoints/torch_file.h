// A pytorch_model.bin: a state dictionary as torch.save writes it since PyTorch 1.6, a zip archive of one pickle and a
// record for each storage.
#ifndef METAPROMPT_CHECKPOINTS_TORCH_FILE_H_
#define METAPROMPT_CHECKPOINTS_TORCH_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "metaprompt/checkpoints/weight_file.h"

namespace metaprompt {

// LibTorch's own reader takes the archive apart, and torch_pickle.h the pickle, of which nothing is run. Opening reads
// no storage; reading a tensor reads its storage. Errors: compressed records (torch.save writes none; they would let a
// small file fill the memory), the older format, which LibTorch cannot read.
absl::StatusOr<std::unique_ptr<WeightFile>> OpenTorchFile(const std::string& path);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_TORCH_FILE_H_
