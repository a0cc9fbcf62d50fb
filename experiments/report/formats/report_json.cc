#include "experiments/report/formats/report_json.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace metaprompt {
namespace {

using Json = nlohmann::ordered_json;

Json EstimatesJson(const std::vector<std::optional<Estimate>>& estimates) {
  Json all = Json::array();
  for (const std::optional<Estimate>& one : estimates) {
    all.push_back(one.has_value() ? Json({{"mean", one->mean},
                                          {"half_width", one->half_width},
                                          {"seeds", one->seeds},
                                          {"seed_deviation", one->seed_deviation}})
                                  : Json());
  }
  return all;
}

}  // namespace

std::string JsonReport(const Report& report) {
  Json object = {{"columns", Json::array()}, {"rows", Json::array()}};
  for (const ReportColumn& column : report.columns) {
    object["columns"].push_back({{"dataset", column.dataset}, {"ways", column.ways}, {"shots", column.shots}});
  }
  for (const ReportRow& row : report.rows) {
    object["rows"].push_back({{"run", row.run},
                              {"seeds", row.seeds},
                              {"spread", row.is_spread},
                              {"learner", row.learner},
                              {"initialisation", row.initialisation},
                              {"adapts", row.adapts},
                              {"accuracies", EstimatesJson(row.accuracies)},
                              {"differences", EstimatesJson(row.differences)},
                              {"wall_seconds", row.wall_seconds.has_value() ? Json(*row.wall_seconds) : Json()}});
  }
  object["baseline"] = report.baseline;
  object["notes"] = report.notes;
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace metaprompt
