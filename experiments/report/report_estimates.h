// The accuracies of the runs of a table, episode by episode, and the estimates that follow from them.
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

// Names, in the order of the tests.
std::vector<std::string> Initialisations(const SeedGroup& group);

// Episodes with equal keys are the same.
using EpisodesKey = std::string;
using ByEpisodes = std::map<EpisodesKey, std::vector<double>>;  // one number per episode

struct Tested {
  EpisodesKey episodes;
  const Evaluation* test = nullptr;  // of the group's record
};

// The tests of the group's runs from one initialisation, in one column; one per seed.
std::vector<Tested> TestsOf(const SeedGroup& group, const std::string& initialisation, const ReportColumn& column);

// For each episode, the mean of the runs' accuracies.
ByEpisodes MeansByEpisodes(const std::vector<Tested>& tests);

// Nothing if there are no tests.
std::optional<Estimate> AccuracyOf(const std::vector<Tested>& tests);

// The mean over all sets of episodes, which are assumed to be independent. Nothing if there is none.
std::optional<Estimate> EstimateOf(const ByEpisodes& values);

// `of` minus `over`, paired by episode, for the episodes that both have.
ByEpisodes Differences(const ByEpisodes& of, const ByEpisodes& over);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_ESTIMATES_H_
