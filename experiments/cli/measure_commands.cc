#include "experiments/cli/measure_commands.h"

#include <memory>
#include <string>

#include "experiments/commands/bench.h"
#include "experiments/commands/bench_memory.h"
#include "experiments/commands/sinusoid.h"
#include "experiments/host/environment.h"
#include "experiments/host/progress.h"
#include "experiments/host/threads.h"
#include "experiments/spec.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

struct BenchOptions {
  SpecOptions spec;
  int rounds = 5;
  std::string only;
  bool memory = false;
};

absl::Status RunBench(const BenchOptions& options, const Console& console) {
  ASSIGN_OR_RETURN(const ExperimentSpec spec, LoadSpec(options.spec.file, options.spec.sets));
  return options.memory ? BenchMemory(spec, console.out) : Bench(spec, options.rounds, options.only, console.out);
}

void RegisterBench(Commands* commands) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* bench = commands->Add("bench", "Time each learner on a spec's data and model",
                                  [options](const Console& console) { return RunBench(*options, console); },
                                  {/*best_kernel=*/true, /*hears_signals=*/false});
  AddSpecOptions(kExperimentSpecHelp, /*required=*/true, bench, &options->spec);
  CLI::Option* rounds = bench->add_option("--rounds", options->rounds, "Number of rounds; the median is printed")
                            ->capture_default_str()
                            ->check(CLI::Range(1, 1000));
  CLI::Option* only =
      bench->add_option("--only", options->only, "Time only the rows whose names contain this, as in --only Reptile");
  bench
      ->add_flag(
          "--memory", options->memory,
          "Measure peak memory instead: of exact meta-gradients, with the graph recomputed and kept, for one inner "
          "step and for ten")
      ->excludes(rounds)
      ->excludes(only);
}

void RegisterSinusoid(Commands* commands) {
  auto options = std::make_shared<SinusoidOptions>();
  CLI::App* sinusoid =
      commands->Add("sinusoid", "Sinusoid regression (Finn et al. 2017): meta-train, then test on new sinusoids",
                    [options](const Console& console) {
                      Progress progress(console.err, /*terminal=*/false);
                      return RunSinusoid(*options, &progress, console.out, *console.stop);
                    },
                    {/*best_kernel=*/true, /*hears_signals=*/false});
  sinusoid->option_defaults()->always_capture_default();
  sinusoid->add_option("--learner", options->learner, "Learner")->check(CLI::IsMember({"maml", "meta_sgd", "reptile"}));
  sinusoid->add_option("--shots", options->shots, "Support points per task")->check(CLI::Range(1, 100000));
  sinusoid->add_option("--queries", options->queries, "Query points per task in training; 0: as many as support points")
      ->check(CLI::Range(0, 100000));
  sinusoid->add_option("--meta-steps", options->meta_steps, "Number of meta-steps")->check(CLI::Range(0, 100000000));
  sinusoid->add_option("--meta-batch", options->meta_batch, "Tasks per meta-step")->check(CLI::Range(1, 100000));
  sinusoid
      ->add_option("--inner-lr", options->inner_lr,
                   "Inner step size; for meta_sgd, the first value of the learned step sizes")
      ->check(FiniteRange(0, 100));
  sinusoid->add_option("--inner-steps", options->inner_steps, "Inner steps in training; 0 stands for 1, for Reptile 10")
      ->check(CLI::Range(0, 1000));
  sinusoid
      ->add_option("--meta-lr", options->meta_lr, "Peak of the meta-learning rate; 0 stands for 0.001, for Reptile 1")
      ->check(FiniteRange(0, 100));
  sinusoid->add_option("--seed", options->seed, "Seed of everything that is random")->check(WholeNumber());
  sinusoid->add_option("--threads", options->threads, "Number of processor threads")->check(CLI::Range(1, 1024));
  sinusoid->add_option("--test-tasks", options->test_tasks, "Number of test tasks")->check(CLI::Range(2, 1000000));
  sinusoid
      ->add_option("--test-steps", options->test_steps, "Test after these numbers of inner steps, separated by commas")
      ->delimiter(',')
      ->check(CLI::Range(0, 100000));
  sinusoid->add_option("--curve", options->curve, "Write the errors on held-out tasks during training to this file");
  CLI::Option* dump = sinusoid->add_option(
      "--dump", options->dump, "Write exact meta-gradients of generated tasks to this file, and train nothing");
  for (const char* trains : {"--learner", "--shots", "--queries", "--meta-steps", "--meta-batch", "--inner-lr",
                             "--inner-steps", "--meta-lr", "--test-tasks", "--test-steps", "--curve"}) {
    dump->excludes(trains);
  }
}

void RegisterDoctor(Commands* commands) {
  auto threads = std::make_shared<int>(0);
  CLI::App* doctor = commands->Add("doctor", "Print what a bug report needs: versions, processor, BLAS, speed",
                                   [threads](const Console& console) {
                                     *console.out << DoctorText(ThreadsOr(*threads));
                                     return absl::OkStatus();
                                   },
                                   {/*best_kernel=*/true, /*hears_signals=*/false});
  AddThreadsOption(doctor, threads.get());
}

}  // namespace

void RegisterMeasureCommands(Commands* commands) {
  RegisterBench(commands);
  RegisterSinusoid(commands);
  RegisterDoctor(commands);
}

}  // namespace metaprompt
