// Small classification tasks in made-up words, and prompted models for them, in double precision. Learners are tested
// with these.
#ifndef TESTS_HELPERS_TOY_TASKS_H_
#define TESTS_HELPERS_TOY_TASKS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "learners/learner.h"
#include "learners/learner.pb.h"
#include "metaprompt/base/random.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/prompt_template.h"

namespace metaprompt {

constexpr int64_t kToyVocab = 32;
constexpr int64_t kToySoft = 2;  // soft vectors
constexpr int64_t kToyWays = 3;

enum class ToyModelKind {
  kPlain,
  kLora,              // low-rank updates, and features that are means over tokens
  kDeepPrompt,        // soft vectors that pass through an LSTM and an MLP, and a prefix
  kPrototypes,        // class vectors start as prototypes
  kDropout,           // with dropout
  kSequences,         // a causal model, which scores the answers' two words as a sequence
  kImages,            // a ViT with soft vectors and a prefix: see BuildImageEpisode
  kTied,              // a causal model whose head has no parameters, with low-rank updates
  kDecoder,           // an encoder-decoder with low-rank updates and prefixes: see WithDecoderStart
  kDecoderSequences,  // an encoder-decoder, which scores the answers' two words as a sequence
};

// Whether the model scores answers as sequences.
inline bool ScoresSequences(ToyModelKind kind) {
  return kind == ToyModelKind::kSequences || kind == ToyModelKind::kDecoderSequences;
}

// Whether the model is an encoder-decoder.
inline bool Decodes(ToyModelKind kind) {
  return kind == ToyModelKind::kDecoder || kind == ToyModelKind::kDecoderSequences;
}

ModelSpec ToyModelSpec(ToyModelKind kind);

// One layer of width 8, made once per kind.
const PromptModel& ToyModel(ToyModelKind kind);

// Token ids are those of the vocabulary, or -1 - s for soft vector s.
struct ToyTask {
  std::vector<PromptedText> support;
  std::vector<PromptedText> query;
  std::vector<int64_t> support_labels;
  std::vector<int64_t> query_labels;
  std::vector<std::vector<int64_t>> answers;  // [ways, 2]
};

// The texts of a class are made of `words` words that no other class has.
ToyTask MakeToyTask(uint64_t seed, int64_t shots, int64_t queries, int64_t words = 4);

// The tasks as TextSource builds them, over the vocabulary rows that occur in them. Way w of the episode is way[w] of
// each task.
Episode BuildEpisode(const std::vector<ToyTask>& tasks, const std::vector<int64_t>& way = {0, 1, 2});
Episode BuildEpisode(const ToyTask& task, const std::vector<int64_t>& way = {0, 1, 2});

// The same episode with vocabulary ids, for whole parameters. Needed because the scores of sequences depend on all
// rows.
Episode OverWholeVocabulary(const Episode& episode);
// The same episode with the decoder's first tokens: the ids 0 and 1, which every text has.
Episode WithDecoderStart(const Episode& episode);
// The same tasks as images of 6 x 6 pixels, for kImages: pixel i is 4 times the number of words i in the text.
Episode BuildImageEpisode(const std::vector<ToyTask>& tasks, const std::vector<int64_t>& way = {0, 1, 2});

// The model's whole initial parameters with noise, followed by the learner's own, with or without noise. Initial values
// contain zeros, which stop gradients, and equal values that training makes different.
ParamList WholeParams(const PromptModel& model, const Learner& learner, bool noise);

// The numbers from `first` to `end` - 1 in random order.
std::vector<int64_t> Shuffled(int64_t first, int64_t end, Random* random);

// On the CPU.
at::Tensor Int64Tensor(const std::vector<int64_t>& values);

// Step sizes are powers of 2, so that halves and float32 copies of them are exact.
constexpr char kToyInner[] =
    "inner { steps: 2 encoder_lr: 0.0625 prompt_lr: 0.125 lora_lr: 0.125 class_lr: 0.25 epsilon: 0.125 }";

// The spec with `settings` merged into it. The settings of meta_gradient are left out if the learner does not use them.
LearnerSpec WithSettings(const LearnerSpec& spec, const std::string& settings);

void ExpectSameBits(const ParamList& a, const ParamList& b, const std::string& what);

}  // namespace metaprompt

#endif  // TESTS_HELPERS_TOY_TASKS_H_
