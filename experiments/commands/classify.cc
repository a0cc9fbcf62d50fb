#include "experiments/commands/classify.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/splits/class_split.h"
#include "experiments/commands/classifier.h"
#include "experiments/commands/support_file.h"
#include "experiments/host/device.h"
#include "experiments/workbench/finished_run.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr size_t kChunkLines = 512;  // lines that are read, labelled and written together

int64_t NumTexts(const std::vector<SupportClass>& classes) {
  int64_t texts = 0;
  for (const SupportClass& one : classes) {
    texts += static_cast<int64_t>(one.texts.size());
  }
  return texts;
}

// Of the run's numbers of shots, the nearest to the mean number of examples per class. If two are equally near, the
// larger.
int NearestShots(const RunRecord& record, const std::vector<SupportClass>& classes) {
  const double wanted = static_cast<double>(NumTexts(classes)) / static_cast<double>(classes.size());
  int nearest = 0;
  for (const ShotResult& result : record.results()) {
    const double distance = std::abs(result.shots() - wanted);
    const double best = std::abs(nearest - wanted);
    if (nearest == 0 || distance < best || (distance == best && result.shots() > nearest)) {
      nearest = result.shots();
    }
  }
  return nearest;
}

// The names of the first classes, such as " (spam, ham, called 'no spam')".
std::string NamesOf(const std::vector<SupportClass>& classes) {
  constexpr size_t kNamed = 8;
  std::string names;
  for (size_t i = 0; i < std::min(kNamed, classes.size()); ++i) {
    const SupportClass& one = classes[i];
    absl::StrAppend(&names, i == 0 ? " (" : ", ", one.label,
                    one.name == DefaultName(one.label) ? "" : absl::StrCat(", called ", Quoted(one.name)));
  }
  return absl::StrCat(names, classes.size() > kNamed ? ", ..." : "", ")");
}

// Reads the lines of the input in chunks. Empty lines are errors.
class TextLines {
 public:
  TextLines(std::istream* in, std::string name) : in_(in), name_(std::move(name)) {}

  // Reads the next lines into `lines`, which is empty at the end of the input. If a line is an error, `lines` has the
  // lines before it.
  absl::Status Next(std::vector<std::string>* lines) {
    lines->clear();
    for (std::string line; lines->size() < kChunkLines && std::getline(*in_, line);) {
      ++number_;
      if (!line.empty() && line.back() == '\r') {
        line.pop_back();
      }
      if (number_ == 1 && absl::StartsWith(line, "\xef\xbb\xbf")) {  // a byte-order mark
        line.erase(0, 3);
      }
      if (const absl::Status status = CheckUtf8(line); !status.ok()) {
        return Error(status.message());
      }
      if (CollapseBlanks(line).empty()) {
        return Error("empty text; write one, or remove the line");
      }
      lines->push_back(std::move(line));
    }
    return in_->bad() ? absl::UnavailableError(absl::StrCat(name_, ": ", std::strerror(errno))) : absl::OkStatus();
  }

 private:
  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(name_, ":", number_, ": ", what));
  }

  std::istream* in_;
  std::string name_;
  int64_t number_ = 0;
};

// One line of the output.
std::string Line(const ClassifyOptions& options, const std::vector<SupportClass>& classes, const std::string& text,
                 const float* probabilities) {
  const auto best =
      static_cast<size_t>(std::max_element(probabilities, probabilities + classes.size()) - probabilities);
  if (!options.json) {
    std::string line = absl::StrFormat("%s\t%.4f", classes[best].label, probabilities[best]);
    for (size_t c = 0; options.all && c < classes.size(); ++c) {
      absl::StrAppendFormat(&line, "\t%.4f", probabilities[c]);
    }
    return absl::StrCat(line, "\t", CollapseBlanks(text), "\n");
  }
  // As many digits as a float has, without the noise of its binary fraction.
  const auto rounded = [](float p) { return std::stod(absl::StrFormat("%.7g", p)); };
  nlohmann::ordered_json object = {
      {"label", classes[best].label}, {"probability", rounded(probabilities[best])}, {"text", text}};
  if (options.all) {
    nlohmann::ordered_json& all = object["probabilities"];
    for (size_t c = 0; c < classes.size(); ++c) {
      all[classes[c].label] = rounded(probabilities[c]);
    }
  }
  return object.dump() + "\n";
}

std::string HeaderLine(const std::vector<SupportClass>& classes) {
  std::string line = "label\tprobability";
  for (const SupportClass& one : classes) {
    absl::StrAppend(&line, "\t", one.label);
  }
  return absl::StrCat(line, "\ttext\n");
}

}  // namespace

absl::Status ClassifyLines(const ClassifyOptions& options, std::istream* in, std::ostream* out, Progress* progress) {
  ASSIGN_OR_RETURN(const std::vector<SupportClass> classes, ReadSupport(options.support));
  ASSIGN_OR_RETURN(const at::Device device, DeviceOf(options.device));
  progress->Begin("classify", "texts", 0, 0);
  ASSIGN_OR_RETURN(FinishedRun run, FinishedRun::Open(options.run));
  if (!options.precision.empty()) {
    run.set_bfloat16(options.precision == "BFLOAT16");
  }
  ASSIGN_OR_RETURN(const int shots,
                   run.ShotsOf(options.shots > 0 ? options.shots : NearestShots(run.record(), classes)));
  ASSIGN_OR_RETURN(const ParamList params, run.Params(shots));
  TaskPool pool(device.is_cpu() ? options.threads : 1);
  absl::StatusOr<Classifier> classifier = Classifier::Adapt(&run, params, classes, device, &pool);
  if (!classifier.ok()) {
    return absl::Status(classifier.status().code(), absl::StrCat(options.support, ": ", classifier.status().message()));
  }
  progress->End(absl::StrFormat("the %d-shot initialisation of %s, adapted to %d classes%s; %d of their %d texts right",
                                shots, options.run, classes.size(), NamesOf(classes), classifier->support_right(),
                                classifier->support_texts()));

  progress->Begin("classify", "texts", 0, 0);
  if (options.all && !options.json) {
    *out << HeaderLine(classes);
  }
  TextLines texts(in, options.text.empty() ? "the standard input" : options.text);
  int64_t count = 0;
  for (std::vector<std::string> lines;;) {
    const absl::Status status = texts.Next(&lines);
    if (!lines.empty()) {
      std::vector<std::string> collapsed;
      collapsed.reserve(lines.size());
      for (const std::string& line : lines) {
        collapsed.push_back(CollapseBlanks(line));
      }
      const absl::StatusOr<at::Tensor> probabilities = classifier->Probabilities(collapsed);
      if (!probabilities.ok()) {
        return absl::Status(
            probabilities.status().code(),
            absl::StrCat("texts ", count + 1, " to ", count + lines.size(), ": ", probabilities.status().message()));
      }
      const auto* row = probabilities->data_ptr<float>();
      for (const std::string& line : lines) {
        *out << Line(options, classes, line, row);
        row += classes.size();
      }
      out->flush();
      count += static_cast<int64_t>(lines.size());
    }
    RETURN_IF_ERROR(status);
    if (lines.empty() || !out->good()) {  // the caller checks `out`
      break;
    }
  }
  progress->End(absl::StrCat(
      count, " texts", classifier->cut() > 0 ? absl::StrCat(", ", classifier->cut(), " of them cut to fit") : ""));
  return absl::OkStatus();
}

}  // namespace metaprompt
