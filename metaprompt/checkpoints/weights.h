// The named tensors of a Hugging Face checkpoint folder, each read on request.
#ifndef METAPROMPT_CHECKPOINTS_WEIGHTS_H_
#define METAPROMPT_CHECKPOINTS_WEIGHTS_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/checkpoints/safetensors_header.h"
#include "metaprompt/checkpoints/weight_file.h"

namespace metaprompt {

// Nothing in the folder is trusted, and no code in it is run. Reading takes the memory of the tensors and a few
// megabytes more (see mapped_safetensors.h).
class Weights {
 public:
  // Opens the first of these that the folder has: model.safetensors, model.safetensors.index.json and its shards,
  // pytorch_model.bin, pytorch_model.bin.index.json and its shards. A broken file is an error; the next is not tried.
  // Errors begin with the path of the file, or list all that were looked for.
  static absl::StatusOr<std::unique_ptr<Weights>> Open(const std::string& folder);

  // File by file, in the order of each.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  // A copy in new memory: float32 for floating types, int64 for I64. Reading other types is an error.
  absl::StatusOr<at::Tensor> Read(absl::string_view name) const;
  // The paths of the files that were opened.
  const std::vector<std::string>& files() const { return files_; }

 private:
  Weights() = default;
  absl::Status AddFile(const std::string& path);
  absl::Status AddShards(const std::string& folder, const std::string& index);

  std::vector<std::unique_ptr<WeightFile>> sources_;
  std::vector<std::string> files_;  // of each source
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::pair<size_t, size_t>, std::less<>> places_;  // source, and index in it
};

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_WEIGHTS_H_
