// The parameters of a model, as a list of tensors, and a parallel list that describes them.
#ifndef METAPROMPT_MODEL_PARAMS_H_
#define METAPROMPT_MODEL_PARAMS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace metaprompt {

// The values of parameters. Learners differentiate with respect to them and replace them, but never change them in
// place.
using ParamList = std::vector<at::Tensor>;

// The arguments of a model: its parameters and, if the task has one, a class head. size() and operator[] treat both as
// one list, the parameters first.
struct ModelParams {
  ModelParams() = default;
  // Implicit, because most calls have no class head.
  ModelParams(ParamList all, ParamList class_head = {})  // NOLINT(google-explicit-constructor)
      : params(std::move(all)), head(std::move(class_head)) {}

  ParamList params;  // as Model::params() lists them
  ParamList head;    // as Model::ClassHead returns it; empty: the model computes it from its parameters

  size_t size() const { return params.size() + head.size(); }
  const at::Tensor& operator[](size_t i) const { return i < params.size() ? params[i] : head[i - params.size()]; }
  at::Tensor& operator[](size_t i) { return i < params.size() ? params[i] : head[i - params.size()]; }
};

// kLora: low-rank updates of the encoder's matrices. kLearner: parameters that the learner adds, such as learned step
// sizes.
enum class ParamGroup { kEncoder, kPrompt, kLora, kLearner };

struct ParamInfo {
  std::string name;            // as in Hugging Face's checkpoints, if they have the parameter
  std::vector<int64_t> shape;  // of the whole parameter, before LocalParams
  ParamGroup group = ParamGroup::kEncoder;
  int layer = 0;            // 0: embeddings and prompts; 1..L: transformer layers; L+1: head
  bool decay = false;       // whether weight decay applies
  bool vocab_rows = false;  // whether there is a row (or entry) per vocabulary id; an episode needs only some of them
  bool prompt_map = false;  // whether it belongs to the LSTM or MLP on the soft vectors (kPrompt only)
};

// The parameters for one episode. Of a parameter with `vocab_rows`, only the rows `rows` [U] (int64 vocabulary ids) are
// kept, in a copy. All others are unchanged. The token ids of the episode's batches are indices into `rows`. If `rows`
// is undefined, all parameters are unchanged, and token ids are vocabulary ids.
ParamList LocalParams(const std::vector<ParamInfo>& infos, const ParamList& params, const at::Tensor& rows);

// Adds the gradients of one episode's parameters to `sums`, which have the shapes of the whole parameters. For a
// parameter with `vocab_rows`, row u of the gradient is added to row rows[u] of the sum. An undefined gradient is zero.
void AddLocal(const std::vector<ParamInfo>& infos, const ParamList& grads, const at::Tensor& rows, ParamList* sums);

// Copies of the tensors, without their graphs. An undefined tensor stays undefined.
ParamList Detached(const ParamList& params);

// The total number of entries of the parameters of a group.
int64_t CountNumbers(const std::vector<ParamInfo>& infos, ParamGroup group);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_PARAMS_H_
