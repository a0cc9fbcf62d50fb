#include "experiments/commands/bench.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/host/blas.h"
#include "experiments/host/threads.h"
#include "experiments/spec.h"
#include "experiments/workbench/workbench.h"
#include "learners/check_learner.h"
#include "learners/inner/meta_step.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/operations/bfloat16_linear.h"
#include "metaprompt/operations/text_products.h"

namespace metaprompt {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::atomic<double>& Flops() {
  static std::atomic<double> flops = 0;
  return flops;
}

// Adds 2 · [rows] · [columns of the second matrix] · [inner size], times the batch size.
std::unique_ptr<at::ObserverContext> AddProduct(const at::RecordFunction& function) {
  const char* name = function.name();
  const auto inputs = function.inputs();
  const bool with_bias = std::strcmp(name, "aten::addmm") == 0 || std::strcmp(name, "aten::baddbmm") == 0;
  const bool ours = std::strcmp(name, kTextProducts) == 0 || std::strcmp(name, kBfloat16Products) == 0;
  if (!with_bias && !ours && std::strcmp(name, "aten::mm") != 0 && std::strcmp(name, "aten::bmm") != 0) {
    return nullptr;
  }
  double flops = 0;
  if (ours) {
    flops = 2.0 * static_cast<double>(inputs[0].toTensor().numel()) * static_cast<double>(inputs[1].toInt());
  } else {
    const at::Tensor& left = inputs[with_bias ? 1 : 0].toTensor();
    const at::Tensor& right = inputs[with_bias ? 2 : 1].toTensor();
    flops = 2.0 * static_cast<double>(left.numel()) * static_cast<double>(right.size(-1));
  }
  double seen = Flops().load();
  while (!Flops().compare_exchange_weak(seen, seen + flops)) {
  }
  return nullptr;
}

struct Timed {
  std::string name;
  LearnerSpec learner;
  int64_t together = 1;
  bool one_after_another = false;  // one task at a time on all threads, as without a meta-batch
};

// The learners that are timed for each spec, with the spec's inner steps.
std::vector<Timed> TimedLearners(const ExperimentSpec& spec) {
  LearnerSpec base = spec.learner();
  base.clear_meta_test();
  base.mutable_maml();
  AddGroups(&base);
  MakeStepsTiny(base.mutable_inner());
  const std::string steps = absl::StrCat(", ", base.inner().steps(), " steps");
  std::vector<Timed> timed;
  const auto maml = [&] {
    LearnerSpec learner = base;
    learner.mutable_maml()->Clear();
    return learner;
  };
  timed.push_back({"MAML" + steps, maml(), spec.tasks_together(), false});
  LearnerSpec multi_step = maml();
  multi_step.mutable_maml()->mutable_multi_step();
  timed.push_back({"MAML, multi-step loss" + steps, multi_step, spec.tasks_together(), false});
  LearnerSpec first_order = maml();
  first_order.mutable_maml()->set_order(MamlSpec::FIRST);
  timed.push_back({"first-order MAML" + steps, first_order, spec.tasks_together(), false});
  LearnerSpec reptile = base;
  reptile.mutable_reptile();
  reptile.clear_meta_gradient();
  timed.push_back({"Reptile" + steps, reptile, spec.tasks_together(), false});
  // The encoder is neither adapted nor meta-learned.
  LearnerSpec prompt = maml();
  prompt.mutable_adapts()->set_part(ScopeSpec::PROMPT);
  prompt.mutable_learns()->set_part(ScopeSpec::PROMPT);
  if (prompt.inner().prompt_lr() == 0) {
    prompt.mutable_inner()->set_prompt_lr(1e-9);
  }
  timed.push_back({"prompt alone, one after another", prompt, 1, true});
  timed.push_back({"prompt alone, side by side", prompt, 1, false});
  if (spec.tasks_together() > 1 && spec.train().meta_batch() > 1) {
    timed.push_back(
        {absl::StrCat("prompt alone, ", spec.tasks_together(), " tasks together"), prompt, spec.tasks_together()});
  }
  return timed;
}

// One row of the table, each figure the median of the rounds.
struct Figures {
  double seconds = 0;   // of a meta-step
  double products = 0;  // 10⁹ floating-point operations per second in matrix products
  double sgemm = 0;     // the result of MeasureSgemmGflops, in the same unit
  double drawing = 0;   // share of the time spent on drawing and packing episodes
};

// The values that all rows share.
struct Benched {
  const ExperimentSpec& spec;
  Workbench* bench;
  const TaskSource* split;
  const ParamList& start;
  TaskPool* pool;
  int rounds;
};

absl::StatusOr<Figures> Measured(const Benched& shared, const Timed& timed, int shots) {
  const int64_t tasks = shared.spec.train().meta_batch();
  const PromptModel& model = shared.bench->model();
  const std::unique_ptr<Learner> learner = MakeLearner(timed.learner);
  ASSIGN_OR_RETURN(const EpisodeSampler sampler, shared.bench->TrainSampler(shots));
  LearnerState state = StartLearning(WithOwn(model, *learner, Detached(shared.start), shared.spec.seed()));
  absl::Status failed;
  const auto step = [&] {
    const int64_t at = state.meta_step;
    MetaBatch batch;
    batch.together = timed.together;
    batch.episode = [&](int64_t first, int64_t count) {
      return shared.split->Build(sampler.Plans(at * tasks + first, count), at::kFloat);
    };
    const int64_t times = timed.one_after_another ? tasks : 1;
    batch.tasks = tasks / times;
    for (int64_t i = 0; i < times; ++i) {
      failed.Update(
          MetaStep(*learner, model, timed.learner.meta_optimizer(), 1000000, batch, shared.pool, &state).status());
    }
  };
  step();  // warms up
  std::vector<double> seconds;
  std::vector<double> rates;
  std::vector<double> sgemm;
  std::vector<double> drawing;
  for (int round = 0; round < shared.rounds && failed.ok(); ++round) {
    sgemm.push_back(MeasureSgemmGflops());
    // The products are counted in a separate pass over the same episodes, which is not timed.
    LearnerState copy;
    copy.meta_step = state.meta_step;
    copy.params = Detached(state.params);
    copy.optimizer = {state.optimizer.step, Detached(state.optimizer.first), Detached(state.optimizer.second)};
    Clock::time_point begin = Clock::now();
    step();
    const double taken = SecondsSince(begin);
    std::swap(state, copy);
    rates.push_back(CountProductFlops(step) * 1e-9 / taken);
    seconds.push_back(taken);
    begin = Clock::now();
    shared.pool->Run(tasks,
                     [&](int64_t task) { shared.split->Build({sampler.Plan(round * tasks + task)}, at::kFloat); });
    drawing.push_back(SecondsSince(begin) / taken);
  }
  RETURN_IF_ERROR(failed);
  return Figures{Median(seconds), Median(rates), Median(sgemm), Median(drawing)};
}

// A run takes equally many meta-steps for each number of shots, so the rows are weighted by their time.
Figures Joined(const std::vector<Figures>& all) {
  Figures joined;
  for (const Figures& one : all) {
    joined.seconds += one.seconds;
    joined.products += one.seconds * one.products;
    joined.sgemm += one.seconds * one.sgemm;
    joined.drawing += one.seconds * one.drawing;
  }
  joined.products /= joined.seconds;
  joined.sgemm /= joined.seconds;
  joined.drawing /= joined.seconds;
  joined.seconds /= static_cast<double>(all.size());
  return joined;
}

}  // namespace

void MakeStepsTiny(InnerSpec* inner) {
  constexpr double kTiny = 1e-9;
  const auto tiny = [](double rate) { return rate == 0 ? 0.0 : kTiny; };
  inner->set_encoder_lr(tiny(inner->encoder_lr()));
  inner->set_prompt_lr(tiny(inner->prompt_lr()));
  inner->set_lora_lr(tiny(inner->lora_lr()));
  inner->set_class_lr(tiny(inner->class_lr()));
}

double CountProductFlops(const std::function<void()>& work) {
  Flops() = 0;
  const at::CallbackHandle handle = at::addGlobalCallback(
      at::RecordFunctionCallback(AddProduct).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  work();
  at::removeCallback(handle);
  return Flops();
}

absl::Status Bench(const ExperimentSpec& spec, int rounds, const std::string& only, std::ostream* out) {
  std::vector<Timed> chosen;
  std::vector<std::string> names;
  for (const Timed& timed : TimedLearners(spec)) {
    names.push_back(timed.name);
    if (absl::StrContains(timed.name, only)) {
      chosen.push_back(timed);
    }
  }
  if (chosen.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--only: no row's name contains ", Quoted(only),
                                                   "; they are called ", absl::StrJoin(names, ", ")));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Workbench> bench, Workbench::Open(spec, {}));
  ASSIGN_OR_RETURN(const TaskSource* const split, bench->Prompted(Split::kTrain));
  ASSIGN_OR_RETURN(const ParamList start, bench->InitialParams(spec.episodes().shots(0)));
  const int64_t tasks = spec.train().meta_batch();
  TaskPool pool(ThreadsOr(spec.threads()));
  *out << absl::StrFormat(
      "%d threads, BLAS kernel %s, %d-way, %d queries per class, meta-batch %d, median of %d rounds\n", pool.threads(),
      GetBlasInfo().kernel, TrainWays(spec.episodes()), TrainQueries(spec.episodes()), tasks, rounds);
  *out << absl::StrFormat("%-34s %5s %11s %9s %8s %6s %9s\n", "learner", "shots", "episodes/s", "GFLOP/s", "SGEMM",
                          "ratio", "drawing");
  const auto print = [&](const std::string& name, const std::string& shots, const Figures& one) {
    *out << absl::StrFormat("%-34s %5s %11.2f %9.1f %8.1f %6.2f %8.2f%%\n", name, shots,
                            static_cast<double>(tasks) / one.seconds, one.products, one.sgemm, one.products / one.sgemm,
                            100 * one.drawing)
         << std::flush;
  };
  const Benched shared = {spec, bench.get(), split, start, &pool, rounds};
  for (const Timed& timed : chosen) {
    std::vector<Figures> all;
    for (const int shots : spec.episodes().shots()) {
      ASSIGN_OR_RETURN(const Figures figures, Measured(shared, timed, shots));
      print(timed.name, absl::StrCat(shots), figures);
      all.push_back(figures);
    }
    if (all.size() > 1) {
      print(timed.name, "all", Joined(all));
    }
  }
  return absl::OkStatus();
}

}  // namespace metaprompt
