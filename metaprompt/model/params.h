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
// the parameters first, for code that treats all of them alike.
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

// kLora: low-rank updates of the encoder's matrices. kLearner: parameters of the learner, such as learned step sizes.
enum class ParamGroup { kEncoder, kPrompt, kLora, kLearner };

struct ParamInfo {
  std::string name;            // Hugging Face's name, if it has one
  std::vector<int64_t> shape;  // of the whole parameter, before LocalParams
  ParamGroup group = ParamGroup::kEncoder;
  int layer = 0;            // 0: embeddings and prompts; 1..L: transformer layers; L+1: head
  bool decay = false;       // weight decay applies
  bool vocab_rows = false;  // one row (or entry) per vocabulary id; an episode needs only the rows that it uses
  bool prompt_map = false;  // a weight of the LSTM or MLP that the prompt's vectors pass through (kPrompt only)
};

// The parameters for one episode. Those with `vocab_rows` keep only the rows in `rows` [U] (int64 vocabulary ids); the
// others are unchanged. The token ids of a batch are indices into `rows`. Costs a copy of U rows. Undefined `rows`: all
// parameters are unchanged, and token ids are vocabulary ids.
ParamList LocalParams(const std::vector<ParamInfo>& infos, const ParamList& params, const at::Tensor& rows);

// Adds the gradients of one episode's parameters to `sums`, which have the shapes of the whole parameters. For a
// parameter with `vocab_rows`, row u of the gradient is added to row rows[u] of the sum. An undefined gradient is zero.
void AddLocal(const std::vector<ParamInfo>& infos, const ParamList& grads, const at::Tensor& rows, ParamList* sums);

// Copies of the tensors, without their graph. An undefined tensor stays undefined.
ParamList Detached(const ParamList& params);

// How many numbers the parameters of a group have together.
int64_t CountNumbers(const std::vector<ParamInfo>& infos, ParamGroup group);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_PARAMS_H_
