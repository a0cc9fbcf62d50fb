// Rows of a matrix put in other places: packing, padding and picking out masks, differentiable any number of times.
#ifndef METAPROMPT_ENCODERS_GATHER_ROWS_H_
#define METAPROMPT_ENCODERS_GATHER_ROWS_H_

#include <ATen/core/Tensor.h>

namespace metaprompt {

// y[m] = x[from[m]], or 0 where from[m] is -1. x [R, C]; from [M] int64 takes each row at most once; to [R] int64 says
// where each row of x went, or -1: to[from[m]] == m. Returns [M, C]. The gradient is a gather too, with from and to
// exchanged, so that no derivative of any order scatters.
at::Tensor GatherRows(const at::Tensor& x, const at::Tensor& from, const at::Tensor& to);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_GATHER_ROWS_H_
