// Weights: the named tensors of a Hugging Face checkpoint folder, which are read one at a time.
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

// The folder may come from an unknown source: its files are checked, and no code in it is run. Reading takes the memory
// of the tensors and a few megabytes more (see mapped_safetensors.h).
class Weights {
 public:
  // Opens the first of these that the folder has: model.safetensors, model.safetensors.index.json and its shards,
  // pytorch_model.bin, pytorch_model.bin.index.json and its shards. If this file is broken, it is an error, and the
  // next one is not tried. Errors begin with the path of the file, or list all files that were looked for.
  static absl::StatusOr<std::unique_ptr<Weights>> Open(const std::string& folder);

  // In the order of the files, and in each file in its order.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  // A copy in new memory: float32 for floating-point types, int64 for I64. Other types are errors.
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
  std::map<std::string, std::pair<size_t, size_t>, std::less<>> places_;  // source, and index in the source
};

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_WEIGHTS_H_
