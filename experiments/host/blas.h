// Which kernel BLAS computes matrix products with, how to get the best one, and how fast it is.
#ifndef EXPERIMENTS_HOST_BLAS_H_
#define EXPERIMENTS_HOST_BLAS_H_

#include <string>

namespace metaprompt {

struct BlasInfo {
  std::string library;    // "OpenBLAS 0.3.21 ...", or "unknown"
  std::string kernel;     // such as "SkylakeX"; empty if not known
  std::string chosen_by;  // "library", "metaprompt" or "OPENBLAS_CORETYPE"
};

BlasInfo GetBlasInfo();

// OpenBLAS chooses its kernel when it is loaded. An old version does not recognise a new processor and uses a kernel of
// 2004, which is five times slower. Also, LibTorch's OpenMP threads spin while they wait for work, on the cores that
// OpenBLAS' own threads need; where one task uses all threads, this makes it slower by half. Unless the user has set
// them, this function sets OPENBLAS_CORETYPE, if there is a better kernel, and OMP_WAIT_POLICY to passive. If it has
// set one of them, it runs the program again in place of this process (execv; there is no child) and does not return.
// Call it first in main.
void UseBestBlasKernel(char** argv);

// The best kernel for a processor with these abilities among those that every version of OpenBLAS has, or "" if none of
// them is better than `current`.
std::string BetterKernel(const std::string& current, bool avx2_fma, bool avx512);

// Whether a processor with these flags ("avx2 fma ...", as in /proc/cpuinfo) can run OpenBLAS' kernel of that name.
// False for an unknown name.
bool ProcessorHasKernel(const std::string& kernel, const std::string& flags);

// Which of its kernels LibTorch uses for elementwise operations and sums: "AVX2", "AVX512"; empty if not known.
std::string VectorKernels();

// For a run that began on another machine. If OpenBLAS does not use the kernel `blas` ("Haswell"), or LibTorch does not
// use the kernels `vector` ("AVX2"; empty: not known), this function chooses them and runs the program again in place
// of this process, with the same arguments. It does so only if the processor has the kernels and the user has not
// chosen others (with OPENBLAS_CORETYPE or ATEN_CPU_CAPABILITY). It then does not return; otherwise it returns false.
// `flags`: those of the processor.
bool UseKernels(const std::string& blas, const std::string& vector, const std::string& flags);

// The speed in GFLOP/s of a float32 product of two 1024 x 1024 matrices, with the number of threads that is set; the
// best of several.
double MeasureSgemmGflops();

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_BLAS_H_
