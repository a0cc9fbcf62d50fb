#include "experiments/sweeping/sweep_plan.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/spec.h"
#include "experiments/spec_file.h"
#include "experiments/sweep.pb.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/field_rules.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

const SweepChoice* Find(const SweepAxis& axis, const std::string& name) {
  const auto found = std::find_if(axis.choice().begin(), axis.choice().end(),
                                  [&](const SweepChoice& choice) { return choice.name() == name; });
  return found == axis.choice().end() ? nullptr : &*found;
}

bool IsName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
}

std::vector<std::string> Broken(const SweepSpec& sweep) {
  std::vector<std::string> broken = BrokenRules(sweep);
  std::set<uint64_t> seeds;
  for (const uint64_t seed : sweep.seed()) {
    if (!seeds.insert(seed).second) {
      broken.push_back(absl::StrCat("seed names ", seed, " twice"));
    }
  }
  for (int a = 0; a < sweep.axis_size(); ++a) {
    const SweepAxis& axis = sweep.axis(a);
    std::set<std::string> names;
    for (const SweepChoice& choice : axis.choice()) {
      const std::string where = absl::StrCat("axis[", a, "], choice ", Quoted(choice.name()));
      if (!IsName(choice.name())) {
        broken.push_back(absl::StrCat(where, ": a name may contain only letters, digits, - and _"));
      }
      if (!names.insert(choice.name()).second) {
        broken.push_back(absl::StrCat(where, ": the name is there twice"));
      }
      // The chain of `from` must end at a choice without `from`.
      const SweepChoice* at = &choice;
      for (int steps = 0; at != nullptr && at->has_from(); ++steps) {
        const SweepChoice* const next = Find(axis, at->from());
        if (next == nullptr && at == &choice) {
          broken.push_back(
              absl::StrCat(where, ": from names ", Quoted(at->from()), ", which is not a choice of this axis"));
        } else if (steps == axis.choice_size()) {
          broken.push_back(absl::StrCat(where, ": its chain of from returns to itself"));
          break;
        }
        at = next;
      }
    }
  }
  return broken;
}

// The choices of a run, one per axis.
using Choices = std::vector<const SweepChoice*>;

std::string NameOf(const Choices& choices) {
  return absl::StrJoin(choices, "-",
                       [](std::string* to, const SweepChoice* choice) { absl::StrAppend(to, choice->name()); });
}

std::vector<Choices> Product(const SweepSpec& sweep) {
  std::vector<Choices> all = {{}};
  for (const SweepAxis& axis : sweep.axis()) {
    std::vector<Choices> longer;
    for (const Choices& choices : all) {
      for (const SweepChoice& choice : axis.choice()) {
        longer.push_back(choices);
        longer.back().push_back(&choice);
      }
    }
    all = std::move(longer);
  }
  return all;
}

class Planner {
 public:
  Planner(const std::string& path, const SweepSpec& sweep, const std::vector<std::string>& sets, const std::string& out)
      : path_(path), sweep_(sweep), sets_(sets), out_(out) {}

  // Adds the run, after the run that it starts from, unless the plan has it. Returns its index.
  absl::StatusOr<int64_t> Add(const Choices& choices, const uint64_t* seed) {
    const std::string suffix = seed == nullptr ? "" : absl::StrCat("-seed", *seed);
    SweepRun run;
    run.name = NameOf(choices);
    run.out = absl::StrCat(out_, "/", run.name, suffix);
    if (const auto known = places_.find(run.out); known != places_.end()) {
      return known->second;
    }
    std::string spec = sweep_.spec();
    run.sets.assign(sweep_.set().begin(), sweep_.set().end());
    run.sets.push_back(absl::StrCat("name=", run.name));
    if (seed != nullptr) {
      run.sets.push_back(absl::StrCat("seed=", *seed));
    }
    Choices before = choices;
    for (size_t a = 0; a < choices.size(); ++a) {
      const SweepChoice& choice = *choices[a];
      spec = choice.has_spec() ? choice.spec() : spec;
      run.sets.insert(run.sets.end(), choice.set().begin(), choice.set().end());
      if (choice.has_from()) {
        if (run.after >= 0) {
          return absl::InvalidArgumentError(
              absl::StrCat(path_, ": ", run.name, " begins from two runs; one choice of a run can have from"));
        }
        before[a] = Find(sweep_.axis(static_cast<int>(a)), choice.from());
        ASSIGN_OR_RETURN(run.after, Add(before, seed));
        run.sets.push_back(absl::StrCat("model.init_from_run=", plan_.runs[static_cast<size_t>(run.after)].out));
      }
    }
    if (spec.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path_, ": ", run.name, " has no spec; name one in the sweep or in a choice"));
    }
    run.spec = (std::filesystem::path(path_).parent_path() / spec).lexically_normal().string();
    run.sets.insert(run.sets.end(), sets_.begin(), sets_.end());
    ASSIGN_OR_RETURN(run.planned, Planned(run, seed));
    places_[run.out] = static_cast<int64_t>(plan_.runs.size());
    plan_.runs.push_back(std::move(run));
    return static_cast<int64_t>(plan_.runs.size()) - 1;
  }

  SweepPlan Take() { return std::move(plan_); }

 private:
  // The run's spec. It is an error if a set changes a field that the plan sets.
  absl::StatusOr<ExperimentSpec> Planned(const SweepRun& run, const uint64_t* seed) const {
    const absl::StatusOr<ExperimentSpec> loaded = LoadSpec(run.spec, run.sets);
    if (!loaded.ok()) {
      return absl::Status(loaded.status().code(), absl::StrCat(path_, ": ", run.name, ": ", loaded.status().message()));
    }
    const std::string start = run.after < 0 ? "" : plan_.runs[static_cast<size_t>(run.after)].out;
    for (const auto& [differs, what] :
         {std::make_pair(loaded->name() != run.name, "name"),
          std::make_pair(seed != nullptr && loaded->seed() != *seed, "seed"),
          std::make_pair(run.after >= 0 && loaded->model().init_from_run() != start, "model.init_from_run")}) {
      if (differs) {
        return absl::InvalidArgumentError(
            absl::StrCat(path_, ": ", run.name, ": ", what, " is set, but the sweep decides it"));
      }
    }
    return *loaded;
  }

  const std::string& path_;
  const SweepSpec& sweep_;
  const std::vector<std::string>& sets_;
  const std::string& out_;
  SweepPlan plan_;
  std::map<std::string, int64_t> places_;
};

}  // namespace

absl::StatusOr<SweepPlan> PlanSweep(const std::string& path, const std::vector<std::string>& sets,
                                    const std::vector<std::string>& only, const std::string& out) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  SweepSpec sweep;
  RETURN_IF_ERROR(WithLikelyCause(WithOtherKind(ParseSpec(text, path, &sweep), text, path, sweep), path));
  if (const std::vector<std::string> broken = Broken(sweep); !broken.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", absl::StrJoin(broken, absl::StrCat("\n", path, ": "))));
  }
  const std::vector<Choices> product = Product(sweep);
  std::set<std::string> names;
  for (const Choices& choices : product) {
    if (!names.insert(NameOf(choices)).second) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": two runs are called ", NameOf(choices)));
    }
  }
  std::vector<const uint64_t*> seeds;
  for (const uint64_t& seed : sweep.seed()) {
    seeds.push_back(&seed);
  }
  if (seeds.empty()) {
    seeds.push_back(nullptr);
  }
  Planner planner(path, sweep, sets, out);
  for (const uint64_t* const seed : seeds) {
    for (const Choices& choices : product) {
      const std::string name = NameOf(choices);
      if (!only.empty() && std::none_of(only.begin(), only.end(),
                                        [&](const std::string& part) { return absl::StrContains(name, part); })) {
        continue;
      }
      RETURN_IF_ERROR(planner.Add(choices, seed));
    }
  }
  SweepPlan plan = planner.Take();
  if (plan.runs.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": no run's name contains ", absl::StrJoin(only, " or "),
                                                   "; they are called ", absl::StrJoin(names, ", ")));
  }
  plan.keep_checkpoints = sweep.keep_checkpoints();
  return plan;
}

std::vector<std::string> RunArguments(const SweepRun& run) {
  std::vector<std::string> arguments = {"run", run.spec, "--out", run.out};
  for (const std::string& set : run.sets) {
    arguments.insert(arguments.end(), {"--set", set});
  }
  return arguments;
}

}  // namespace metaprompt
