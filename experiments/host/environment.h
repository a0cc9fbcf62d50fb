// The machine: what a bug report and environment.textproto tell about it.
#ifndef EXPERIMENTS_HOST_ENVIRONMENT_H_
#define EXPERIMENTS_HOST_ENVIRONMENT_H_

#include <string>

#include "experiments/result.pb.h"

namespace metaprompt {

// The program's version, such as "0.1.0".
const char* ProgramVersion();

// Everything but wall_seconds.
Environment HostEnvironment(int threads);

// What numbers depend on by rounding and differs between two machines, one after the other, such as "the BLAS kernel
// was Haswell and is SkylakeX"; empty if nothing does. `bfloat16`: whether matrix products are in bfloat16. The number
// of threads is the run's own.
std::string DifferentNumerics(const Environment& before, const Environment& now, bool bfloat16);

// What `metaprompt doctor` prints; measures the matrix product, which takes a second or so.
std::string DoctorText(int threads);

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_ENVIRONMENT_H_
