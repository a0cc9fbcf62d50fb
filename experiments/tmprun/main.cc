#include <atomic>
#include <iostream>
#include "experiments/host/blas.h"
#include "experiments/host/progress.h"
#include "experiments/runs/run.h"
#include "experiments/spec.h"
using namespace metaprompt;
int main(int argc, char** argv) {
  std::vector<std::string> sets(argv + 3, argv + argc);
  auto spec = LoadSpec(argv[1], sets);
  if (!spec.ok()) { std::cerr << spec.status() << "\n"; return 1; }
  Progress progress(&std::cerr, false);
  std::atomic<bool> stop(false);
  auto r = RunExperiment(*spec, argv[2], &progress, stop, false);
  if (!r.ok()) { std::cerr << r.status() << "\n"; return 1; }
  for (const auto& res : r->results()) {
    for (const auto& t : res.tests()) printf("%d-shot %s %.4f +- %.4f\n", res.shots(), t.initialisation().c_str(), t.mean_accuracy(), t.half_width());
    for (const auto& d : res.differences()) printf("%d-shot %s over %s %+.4f +- %.4f\n", res.shots(), d.of().c_str(), d.over().c_str(), d.mean(), d.half_width());
  }
}
