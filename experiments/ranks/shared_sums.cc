#include "experiments/ranks/shared_sums.h"

#include <ATen/ATen.h>

#include <utility>

#include "absl/status/statusor.h"
#include "experiments/ranks/tensor_stream.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

using Part = SentParts::Part;

// What is sent of a sum that is defined: only `rows` of a parameter with a row for each vocabulary id, if they are
// known.
Part PartOf(const ParamInfo& info, const at::Tensor& rows) {
  return info.vocab_rows && rows.defined() ? SentParts::kRows : SentParts::kWhole;
}

// A sum from what was received of it. The rows that were not sent are zero.
at::Tensor WholeSum(Part part, const at::Tensor& received, const at::Tensor& rows, const at::Tensor& like) {
  if (part == SentParts::kWhole) {
    return received.to(like.device());
  }
  at::Tensor sum = at::zeros_like(like);
  sum.index_copy_(0, rows.to(like.device()), received.to(like.device()));
  return sum;
}

}  // namespace

absl::Status ReceiveSums(const std::vector<ParamInfo>& infos, const ParamList& params, int from, Link* link,
                         ParamList* sums) {
  ASSIGN_OR_RETURN(const SentParts parts, ReceiveParts(infos.size(), from, Lane::kSums, link));
  TensorReader reader(parts.Bytes(infos, params[0].scalar_type()), from, Lane::kSums, link);
  for (size_t i = 0; i < infos.size(); ++i) {
    if (parts.parts[i] != SentParts::kNothing) {
      ASSIGN_OR_RETURN(const at::Tensor received, reader.Read(parts.Shape(infos[i], i), params[i].scalar_type()));
      (*sums)[i] = WholeSum(parts.parts[i], received, parts.rows, params[i]);
    }
  }
  return absl::OkStatus();
}

ChainError PassSums(const std::vector<ParamInfo>& infos, const ParamList& params, const GradientBlock& block, int from,
                    int to, Link* link) {
  absl::StatusOr<SentParts> in = SentParts{std::vector<Part>(infos.size(), SentParts::kNothing), at::Tensor()};
  if (from >= 0) {
    in = ReceiveParts(infos.size(), from, Lane::kSums, link);
  }
  if (!in.ok()) {
    return {in.status(), from};
  }
  SentParts out;
  // Without rows on either side, some sum may have to be sent whole: then the others are, too.
  out.rows = from < 0 ? block.Rows() : UnionOfRows({in->rows, block.Rows()});
  for (size_t i = 0; i < infos.size(); ++i) {
    const bool any = in->parts[i] != SentParts::kNothing || block.Has(i);
    out.parts.push_back(any ? PartOf(infos[i], out.rows) : SentParts::kNothing);
  }
  if (absl::Status sent = SendParts(out, to, Lane::kSums, link); !sent.ok()) {
    return {std::move(sent), to};
  }
  TensorReader reader(in->Bytes(infos, params[0].scalar_type()), from, Lane::kSums, link);
  TensorWriter writer(to, Lane::kSums, link);
  for (size_t i = 0; i < infos.size(); ++i) {
    at::Tensor sum;
    if (in->parts[i] != SentParts::kNothing) {
      const absl::StatusOr<at::Tensor> received = reader.Read(in->Shape(infos[i], i), params[i].scalar_type());
      if (!received.ok()) {
        return {received.status(), from};
      }
      sum = WholeSum(in->parts[i], *received, in->rows, params[i]);
    }
    block.AddTo(infos[i], i, params[i], &sum);
    if (out.parts[i] == SentParts::kNothing) {
      continue;
    }
    const at::Tensor part =
        out.parts[i] == SentParts::kRows ? sum.index_select(0, out.rows.to(sum.device())) : std::move(sum);
    if (absl::Status written = writer.Write(part); !written.ok()) {
      return {std::move(written), to};
    }
  }
  return {writer.End(), to};
}

}  // namespace metaprompt
