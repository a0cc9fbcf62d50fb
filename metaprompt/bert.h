// BERT (Devlin et al. 2019) with its masked-language-model head, as a pure function of a parameter list.
#ifndef METAPROMPT_BERT_H_
#define METAPROMPT_BERT_H_

#include <vector>

#include "absl/status/status.h"
#include "metaprompt/batch.h"
#include "metaprompt/model.h"
#include "metaprompt/model.pb.h"
#include "metaprompt/params.h"

namespace metaprompt {

// The encoder alone: its parameters, and what it makes of tokens.
class BertEncoder {
 public:
  // `vocab` is the number of vocabulary ids.
  BertEncoder(const BertSpec& spec, int64_t vocab);

  // What BertSpec's single fields can't say: width is a multiple of heads.
  static absl::Status Check(const BertSpec& spec);

  const std::vector<ParamInfo>& params() const { return params_; }

  // The last hidden state at each text's mask, [B, D]. `soft` [S, D] are the soft vectors that token ids past the last
  // row stand for. The last layer is computed at the masks alone, with keys and values of all tokens: the same numbers
  // for a fraction of the work. Products per token: 12 D² per layer (with intermediate = 4 D), 2 D² for the last.
  at::Tensor AtMask(const ParamList& params, const at::Tensor& soft, const Batch& batch) const;

  // What the decoder reads: the hidden states at the mask after the head's own layer, [B, D].
  at::Tensor Transformed(const ParamList& params, const at::Tensor& at_mask) const;

  // The place of the parameter that is added last to what the decoder reads, [D].
  size_t transform_bias() const;

  // The classes as the decoder sees them: the mean row [ways, D] and the mean bias [ways] of their answer words. The
  // mean of the words' logits is the logit of these. The decoder is the word embedding, one parameter with it.
  ParamList ClassHead(const ParamList& params, const Answers& answers) const;

 private:
  at::Tensor Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const Batch& batch,
                    bool masks_alone) const;
  at::Tensor Activate(const at::Tensor& x) const;

  BertSpec spec_;
  std::vector<ParamInfo> params_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_BERT_H_
