// The speed of matrix products: which kernel BLAS uses, and how to get the best one.
#ifndef EXPERIMENTS_HOST_BLAS_H_
#define EXPERIMENTS_HOST_BLAS_H_

#include <string>

namespace metaprompt {

struct BlasInfo {
  std::string library;    // "OpenBLAS 0.3.21 ...", or "unknown"
  std::string kernel;     // such as "SkylakeX"; empty if the library does not tell
  std::string chosen_by;  // "library", "metaprompt" or "OPENBLAS_CORETYPE"
};

BlasInfo GetBlasInfo();

// OpenBLAS chooses its kernel when it is loaded, and an old version takes a new processor for one of 2004, which is
// five times slower. Also, LibTorch's OpenMP threads spin while they wait for work, on the cores that OpenBLAS' own
// threads need: where one task uses all threads, that is slower by half. If the kernel in use falls short of what the
// processor can do, or OpenMP's threads would spin, and the user has not set OPENBLAS_CORETYPE or OMP_WAIT_POLICY, this
// function sets them and runs the program again in this process' place (execv; there is no child). It then does not
// return. Call it first in main.
void UseBestBlasKernel(char** argv);

// The kernel that OpenBLAS of any version has for a processor with these abilities, or "" if its own choice is as good.
std::string BetterKernel(const std::string& current, bool avx2_fma, bool avx512);

// Whether a processor with these flags ("avx2 fma ...", as /proc/cpuinfo has them) can run OpenBLAS' kernel of that
// name. False for a name that is not known.
bool ProcessorHasKernel(const std::string& kernel, const std::string& flags);

// Which of its kernels LibTorch uses for elementwise operations and sums: "AVX2", "AVX512"; empty if it does not tell.
std::string VectorKernels();

// For a run that began on another machine: if OpenBLAS uses another kernel than `blas` ("Haswell"), or LibTorch another
// than `vector` ("AVX2"; empty: not known), and the processor has it and the user has not chosen another (with
// OPENBLAS_CORETYPE or ATEN_CPU_CAPABILITY), this function chooses it and runs the program again in this process'
// place, with the same arguments. It does not return then; otherwise it returns false. `flags`: the processor's.
bool UseKernels(const std::string& blas, const std::string& vector, const std::string& flags);

// The speed in GFLOP/s of a float32 product of two 1024 x 1024 matrices, with the number of threads that is set; the
// best of several.
double MeasureSgemmGflops();

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_BLAS_H_
