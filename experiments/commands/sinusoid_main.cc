// The sinusoid benchmark as a program of its own.
#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <iostream>

#include "experiments/commands/sinusoid.h"
#include "experiments/host/blas.h"

namespace {

std::atomic<bool>& StopFlag() {
  static std::atomic<bool> stop = false;
  return stop;
}

void AskToStop(int signal) {
  StopFlag() = true;
  std::signal(signal, SIG_DFL);
}

}  // namespace

int main(int argc, char** argv) {
  metaprompt::UseBestBlasKernel(argv);
  metaprompt::SinusoidOptions options;
  CLI::App app("Sinusoid regression (Finn et al. 2017): meta-train, test on new sinusoids.", "sinusoid");
  app.option_defaults()->always_capture_default();
  app.add_option("--learner", options.learner, "Learner")->check(CLI::IsMember({"maml", "meta_sgd", "reptile"}));
  app.add_option("--shots", options.shots, "Support points")->check(CLI::Range(1, 100000));
  app.add_option("--queries", options.queries, "Query points in training; 0: as support points")
      ->check(CLI::Range(0, 100000));
  app.add_option("--meta-steps", options.meta_steps, "Meta-steps")->check(CLI::Range(0, 100000000));
  app.add_option("--meta-batch", options.meta_batch, "Tasks of a meta-step")->check(CLI::Range(1, 100000));
  app.add_option("--inner-lr", options.inner_lr, "Inner step size; where meta_sgd's begin")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--inner-steps", options.inner_steps, "Inner steps in training; 0: 1, and 10 of Reptile")
      ->check(CLI::Range(0, 1000));
  app.add_option("--meta-lr", options.meta_lr, "Peak rate; 0: 0.001, and 1 of Reptile")->check(CLI::Range(0.0, 100.0));
  app.add_option("--seed", options.seed, "Seed");
  app.add_option("--threads", options.threads, "Threads inside operations")->check(CLI::Range(1, 1024));
  app.add_option("--test-tasks", options.test_tasks, "Test tasks")->check(CLI::Range(1, 1000000));
  app.add_option("--test-steps", options.test_steps, "Test after so many inner steps")->delimiter(',');
  app.add_option("--curve", options.curve, "File for the errors on held-out tasks in the course of training");
  app.add_option("--dump", options.dump, "File for exact meta-gradients; trains nothing");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGINT, AskToStop);
  std::signal(SIGTERM, AskToStop);
  metaprompt::Progress progress(&std::cerr, /*terminal=*/false);
  const absl::Status status = metaprompt::RunSinusoid(options, &progress, &std::cout, StopFlag());
  if (!status.ok()) {
    std::cerr << (absl::IsCancelled(status) ? "" : "error: ") << std::string(status.message()) << '\n';
  }
  return status.ok() ? 0 : absl::IsCancelled(status) ? 130 : 1;
}
