// The accuracies of the runs of a table by episode, and estimates from them.
#ifndef EXPERIMENTS_REPORT_REPORT_ESTIMATES_H_
#define EXPERIMENTS_REPORT_REPORT_ESTIMATES_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "experiments/report/report.h"
#include "experiments/report/reported_runs.h"
#include "experiments/result.pb.h"

namespace metaprompt {

// The names of the initialisations of a group, in the order of the tests.
std::vector<std::string> Initialisations(const SeedGroup& group);

// Sets of episodes with equal keys are the same.
using EpisodesKey = std::string;
using ByEpisodes = std::map<EpisodesKey, std::vector<double>>;  // one number per episode

struct Tested {
  EpisodesKey episodes;
  const Evaluation* test = nullptr;  // in the record of a run of the group
};

// The tests of one initialisation that belong into one column, one per run (and seed) of the group.
std::vector<Tested> TestsOf(const SeedGroup& group, const std::string& initialisation, const ReportColumn& column);

// The mean accuracy of each episode over the runs.
ByEpisodes MeansByEpisodes(const std::vector<Tested>& tests);

// Nothing if there are no tests.
std::optional<Estimate> AccuracyOf(const std::vector<Tested>& tests);

// The mean over the sets of episodes, which count as independent. Nothing if there are none.
std::optional<Estimate> EstimateOf(const ByEpisodes& values);

// `of` - `over`, paired by episode, for the sets of episodes that both have.
ByEpisodes Differences(const ByEpisodes& of, const ByEpisodes& over);

// The sample standard deviation (with n - 1); 0 for fewer than two values.
double Deviation(const std::vector<double>& values);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_ESTIMATES_H_
