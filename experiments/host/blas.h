// The matrix product's speed: which kernel BLAS runs, and how to get the best one.
#ifndef EXPERIMENTS_HOST_BLAS_H_
#define EXPERIMENTS_HOST_BLAS_H_

#include <string>

namespace metaprompt {

struct BlasInfo {
  std::string library;    // "OpenBLAS 0.3.21 ...", or "unknown"
  std::string kernel;     // "SkylakeX", say; empty if the library doesn't tell
  std::string chosen_by;  // "library", "metaprompt" or "OPENBLAS_CORETYPE"
};

BlasInfo GetBlasInfo();

// OpenBLAS chooses its kernel when it is loaded, and an old one takes a new processor for one of 2004: a factor of
// five. And LibTorch's OpenMP threads, while they wait for work, spin on the cores that OpenBLAS' own threads need: a
// factor of one and a half where one task uses all threads. If the kernel in use falls short of what the processor can
// do, or OpenMP's threads would spin, and the user has not set OPENBLAS_CORETYPE or OMP_WAIT_POLICY, this sets them and
// starts the program again; it then does not return. Call it first thing in main.
void UseBestBlasKernel(char** argv);

// The kernel that OpenBLAS of any version has for a processor with these abilities, or "" if its own choice is as good.
std::string BetterKernel(const std::string& current, bool avx2_fma, bool avx512);

// Floating-point operations a second of a float32 product of two 1024 x 1024 matrices on the threads in force, in 10⁹;
// the best of several.
double MeasureSgemmGflops();

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_BLAS_H_
