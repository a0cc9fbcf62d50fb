// The facts about the machine that bug reports and environment.textproto contain.
#ifndef EXPERIMENTS_HOST_ENVIRONMENT_H_
#define EXPERIMENTS_HOST_ENVIRONMENT_H_

#include <string>

#include "experiments/result.pb.h"

namespace metaprompt {

// The program's version, such as "0.1.0".
const char* ProgramVersion();

// Everything but wall_seconds.
Environment HostEnvironment(int threads);

// The differences between two machines that change numbers by rounding, as one text such as "the BLAS kernel was
// Haswell and is SkylakeX"; empty if there are none. `bfloat16`: whether matrix products are in bfloat16. The number of
// threads is not compared, because a run keeps its own.
std::string DifferentNumerics(const Environment& before, const Environment& now, bool bfloat16);

// The same for ranks 0 and `rank` of one run: "the BLAS kernel is Haswell on rank 0 and SkylakeX on rank 1".
std::string DifferentNumericsOfRank(const Environment& rank0, const Environment& other, int rank, bool bfloat16);

// The output of `metaprompt doctor`. Measures the speed of the matrix product, which takes about a second.
std::string DoctorText(int threads);

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_ENVIRONMENT_H_
