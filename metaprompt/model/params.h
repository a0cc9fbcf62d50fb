// Parameters are values: a list of tensors, and beside it what each of them is.
#ifndef METAPROMPT_MODEL_PARAMS_H_
#define METAPROMPT_MODEL_PARAMS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace metaprompt {

// What learners differentiate and replace. Never changed in place.
using ParamList = std::vector<at::Tensor>;

// What a model computes with: its parameters and, if the task has one, a class head. Both together are numbered too,
// the parameters first, for what treats all of them alike.
struct ModelParams {
  ModelParams() = default;
  // Most models have no class head, so a list of parameters is enough.
  ModelParams(ParamList all, ParamList class_head = {})  // NOLINT(google-explicit-constructor)
      : params(std::move(all)), head(std::move(class_head)) {}

  ParamList params;  // as Model::params() lists them
  ParamList head;    // as Model::ClassHead returns it; empty: the task has no class head of its own

  size_t size() const { return params.size() + head.size(); }
  const at::Tensor& operator[](size_t i) const { return i < params.size() ? params[i] : head[i - params.size()]; }
  at::Tensor& operator[](size_t i) { return i < params.size() ? params[i] : head[i - params.size()]; }
};

// kLora: low-rank updates of the encoder's matrices. kLearner: a learner's own, such as learned step sizes.
enum class ParamGroup { kEncoder, kPrompt, kLora, kLearner };

struct ParamInfo {
  std::string name;            // as Hugging Face names it, where it does
  std::vector<int64_t> shape;  // of the whole parameter
  ParamGroup group = ParamGroup::kEncoder;
  int layer = 0;            // 0: embeddings and prompts; 1..L: transformer layers; L+1: head
  bool decay = false;       // weight decay applies
  bool vocab_rows = false;  // a row (or entry) for each vocabulary id: an episode needs only the rows it uses
  bool prompt_map = false;  // of kPrompt: no vector of the prompt, but a weight of what its vectors pass through
};

// The parameters as one episode sees them: those with `vocab_rows` cut down to `rows` [U] (int64 vocabulary ids), the
// others as they are. A batch's token ids are indices into `rows`. Costs a copy of U rows.
ParamList LocalParams(const std::vector<ParamInfo>& infos, const ParamList& params, const at::Tensor& rows);

// sums[i] += grads[i], where a local gradient's rows are added to those rows of the sum that `rows` names. Undefined
// gradients count as zero. Returns nothing; `sums` has the shapes of the whole parameters.
void AddLocal(const std::vector<ParamInfo>& infos, const ParamList& grads, const at::Tensor& rows, ParamList* sums);

// Copies that share no memory and no graph; of what is undefined none.
ParamList Detached(const ParamList& params);

// Numbers in all parameters of a group.
int64_t CountNumbers(const std::vector<ParamInfo>& infos, ParamGroup group);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_PARAMS_H_
