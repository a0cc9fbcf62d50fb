// Moves rows of a matrix to other places, for packing, padding and selecting the tokens at which answers are read.
// Differentiable any number of times.
#ifndef METAPROMPT_OPERATIONS_GATHER_ROWS_H_
#define METAPROMPT_OPERATIONS_GATHER_ROWS_H_

#include <ATen/core/Tensor.h>

namespace metaprompt {

// y[m] = x[from[m]], or 0 where from[m] is -1. x is [R, C]. `from` [M] int64 has each row of x at most once. `to` [R]
// int64 is its inverse: to[from[m]] = m, and -1 for rows of x that are not in `from`. Returns [M, C]. The gradient is a
// gather with `from` and `to` exchanged, so derivatives of any order need no scatter.
at::Tensor GatherRows(const at::Tensor& x, const at::Tensor& from, const at::Tensor& to);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_GATHER_ROWS_H_
