#include "experiments/own_texts/classify.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "datasets/readers/known_columns.h"
#include "datasets/readers/table.h"
#include "datasets/readers/texts_by_label.h"
#include "experiments/own_texts/classifier.h"
#include "experiments/own_texts/labelled.h"
#include "experiments/own_texts/prepare_classifier.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr size_t kChunkTexts = 512;  // texts that are read, labelled and written together

// The number with the digits that a float has, without the noise of its binary fraction.
double Rounded(float probability) { return std::stod(absl::StrFormat("%.7g", probability)); }

size_t Best(const float* probabilities, size_t classes) {
  return static_cast<size_t>(std::max_element(probabilities, probabilities + classes) - probabilities);
}

// One line of the output. `probabilities` is null for an example with a blank text. `names`: of the row's texts.
std::string Line(const ClassifyOptions& options, const std::vector<SupportClass>& classes,
                 const std::vector<std::string>& names, const TableRow& row, const float* probabilities) {
  const bool blank = probabilities == nullptr;
  const size_t best = blank ? 0 : Best(probabilities, classes.size());
  if (!options.json) {
    std::string line = blank ? "\t" : absl::StrFormat("%s\t%.4f", classes[best].label, probabilities[best]);
    for (size_t c = 0; options.all && c < classes.size(); ++c) {
      absl::StrAppend(&line, "\t", blank ? "" : absl::StrFormat("%.4f", probabilities[c]));
    }
    for (const std::string& text : row.texts) {
      absl::StrAppend(&line, "\t", CollapseBlanks(text));
    }
    for (const KeptField& field : row.kept) {
      absl::StrAppend(&line, "\t", CollapseBlanks(field.text));
    }
    return line + "\n";
  }
  nlohmann::ordered_json object = {{"label", nullptr}, {"probability", nullptr}};
  for (size_t i = 0; i < names.size(); ++i) {
    object[names[i]] = row.texts[i];
  }
  if (!blank) {
    object["label"] = classes[best].label;
    object["probability"] = Rounded(probabilities[best]);
  }
  if (options.all) {
    nlohmann::ordered_json& all = object["probabilities"];
    for (size_t c = 0; c < classes.size() && !blank; ++c) {
      all[classes[c].label] = Rounded(probabilities[c]);
    }
  }
  std::string line = object.dump();
  line.pop_back();
  for (size_t i = 0; i < row.kept.size(); ++i) {
    const KeptField& field = row.kept[i];
    absl::StrAppend(&line, ",", nlohmann::json(options.columns.keep[i]).dump(), ":",
                    field.json ? field.text : nlohmann::json(field.text).dump());
  }
  return line + "}\n";
}

std::string HeaderLine(const std::vector<SupportClass>& classes, const std::vector<std::string>& names,
                       const std::vector<std::string>& kept) {
  std::string line = "label\tprobability";
  for (const SupportClass& one : classes) {
    absl::StrAppend(&line, "\t", one.label);
  }
  for (const std::vector<std::string>* const columns : {&names, &kept}) {
    for (const std::string& name : *columns) {
      absl::StrAppend(&line, "\t", OneLine(name));
    }
  }
  return line + "\n";
}

// OK unless JSON would have two fields of one name.
absl::Status CheckKept(const ClassifyOptions& options, const std::vector<std::string>& names) {
  std::set<std::string> used(names.begin(), names.end());
  used.insert({"label", "probability", "probabilities"});
  for (const std::string& name : options.columns.keep) {
    if (options.json && !used.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat("--keep ", name, ": with --json, the output has a field ",
                                                     Quoted(name), " already; leave one of them out"));
    }
  }
  return absl::OkStatus();
}

// The remark that there are other columns; empty if there are none, or if the user has chosen among them.
std::string OtherColumns(const TableFormat& format) {
  std::vector<std::string> others;
  for (size_t i = 0; i < format.names.size(); ++i) {
    if (std::none_of(format.texts.begin(), format.texts.end(),
                     [&](const ColumnOfText& text) { return text.place == i; })) {
      others.push_back(OneLine(format.names[i]));
    }
  }
  if (others.empty() || !format.kept.empty()) {
    return "";
  }
  const std::string names = absl::StrJoin(others, ", ");
  constexpr size_t kMost = 400;
  return absl::StrCat("; --keep COLUMN puts another column into the output: ",
                      names.size() <= kMost ? names : absl::StrCat("there are ", others.size()));
}

// Labels texts, and writes either one line per text or, for labelled texts, a summary of all.
class Labelling {
 public:
  Labelling(const ClassifyOptions& options, PreparedClassifier* prepared, std::ostream* out)
      : options_(options), prepared_(prepared), out_(out), result_(LabelsOf(prepared->classes)) {
    for (size_t c = 0; c < prepared->classes.size(); ++c) {
      places_[prepared->classes[c].label] = c;
      if (options.labelled) {
        examples_.insert(prepared->classes[c].texts.begin(), prepared->classes[c].texts.end());
      }
    }
  }

  // Labels the rows and writes their lines.
  absl::Status Take(const std::vector<TableRow>& rows) {
    std::vector<std::string> texts;
    for (const TableRow& row : rows) {
      std::string text = ExampleOf(row);
      if (!text.empty()) {
        texts.push_back(std::move(text));
      }
    }
    at::Tensor probabilities;
    if (!texts.empty()) {
      ASSIGN_OR_RETURN(probabilities, Probabilities(texts));
    }
    const auto* next = texts.empty() ? nullptr : probabilities.data_ptr<float>();
    const size_t classes = prepared_->classes.size();
    for (const TableRow& row : rows) {
      const std::string text = ExampleOf(row);
      const bool blank = text.empty();
      blanks_ += blank ? 1 : 0;
      if (options_.labelled) {
        learned_ += static_cast<int64_t>(examples_.count(text));
        const auto before = labels_.emplace(text, row.label).first;
        contradictions_ += before->second == row.label ? 0 : 1;
        const size_t best = Best(next, classes);
        result_.Add(places_[row.label], best, next[best], ReadableExample(text));
      } else {
        *out_ << Line(options_, prepared_->classes, names(), row, blank ? nullptr : next);
      }
      next += blank ? 0 : classes;
    }
    out_->flush();
    count_ += static_cast<int64_t>(rows.size());
    return absl::OkStatus();
  }

  // Finds what is wrong with a row of labelled texts.
  absl::Status CheckLabelled(const Table& table, const TableRow& row) const {
    if (ExampleOf(row).empty()) {
      return table.ErrorAt(row.line, "empty text; write one, or remove the record");
    }
    if (places_.count(row.label) > 0) {
      return absl::OkStatus();
    }
    const std::vector<std::string> known = LabelsOf(prepared_->classes);
    return table.ErrorAt(row.line, absl::StrCat("the label ", Quoted(row.label),
                                                " is not that of an example; known: ", absl::StrJoin(known, ", ")));
  }

  // The names of the texts of an example.
  const std::vector<std::string>& names() const { return prepared_->start->run.prompt().names(); }

  int64_t count() const { return count_; }
  int64_t blanks() const { return blanks_; }
  // How many of the labelled texts are examples of the classifier.
  int64_t learned() const { return learned_; }
  // How many labelled texts have another label than the first copy of the text.
  int64_t contradictions() const { return contradictions_; }
  const LabelledResult& result() const { return result_; }

 private:
  static std::vector<std::string> LabelsOf(const std::vector<SupportClass>& classes) {
    std::vector<std::string> labels;
    for (const SupportClass& one : classes) {
      labels.push_back(one.label);
    }
    return labels;
  }

  absl::StatusOr<at::Tensor> Probabilities(const std::vector<std::string>& texts) {
    absl::StatusOr<at::Tensor> probabilities = prepared_->classifier->Probabilities(texts);
    if (!probabilities.ok()) {
      return absl::Status(probabilities.status().code(),
                          absl::StrCat("texts ", count_ + 1, " to ", count_ + static_cast<int64_t>(texts.size()), ": ",
                                       probabilities.status().message()));
    }
    return probabilities;
  }

  const ClassifyOptions& options_;
  PreparedClassifier* prepared_;
  std::ostream* out_;
  std::map<std::string, size_t> places_;       // of the classes, by label
  std::set<std::string> examples_;             // if labelled; a saved classifier does not keep them
  std::map<std::string, std::string> labels_;  // if labelled: the label of each text
  LabelledResult result_;
  int64_t count_ = 0;
  int64_t blanks_ = 0;
  int64_t learned_ = 0;
  int64_t contradictions_ = 0;
};

// Reads rows until no more input is waiting. After an error, the rows before it are still to be labelled.
absl::Status NextRows(const ClassifyOptions& options, const Labelling& labelling, Table* table,
                      std::vector<TableRow>* rows) {
  rows->clear();
  do {
    TableRow row;
    ASSIGN_OR_RETURN(const bool more, table->Next(&row));
    if (!more) {
      break;
    }
    if (options.labelled) {
      RETURN_IF_ERROR(labelling.CheckLabelled(*table, row));
    }
    rows->push_back(std::move(row));
  } while (rows->size() < kChunkTexts && table->Waiting());
  return absl::OkStatus();
}

// Where the texts are, whose names are `names`: for texts without labels, in columns called as in the examples, if the
// file has them. Columns that the user gives are those of the examples if there are examples.
ColumnNames ColumnsFor(const ClassifyOptions& options, const PreparedClassifier& prepared,
                       const std::vector<std::string>& names) {
  ColumnNames columns = options.columns;
  columns.wanted = names;
  const bool of_texts = options.support.empty() && !(columns.text.empty() && columns.text_b.empty());
  if (options.labelled || of_texts) {
    return columns;
  }
  columns.of_examples = true;
  columns.text.clear();
  columns.text_b.clear();
  for (size_t i = 0; i < std::min(names.size(), prepared.text_columns.size()); ++i) {
    if (names[i] == "text") {
      columns.text = prepared.text_columns[i];
    } else if (names[i] == "text_b") {
      columns.text_b = prepared.text_columns[i];
    }
  }
  return columns;
}

// What to add to the description of the format if each line is taken as a text, and perhaps should not be.
std::string DoubtAboutLines(const ClassifyOptions& options, const PreparedClassifier& prepared,
                            const TableFormat& format) {
  if (format.kind != TableFormat::kLines) {
    return "";
  }
  if (format.guessed && options.support.empty()) {
    return absl::StrCat(
        "; if these are columns, name that of the texts with --text-column; the names that are found are ",
        KnownTextNames());
  }
  if (format.guessed) {
    const std::vector<std::string>& own = prepared.text_columns;
    return absl::StrCat("; if these are columns, give that of the texts a name that is found: ",
                        own.empty() || HasTextName(own) ? "" : absl::StrCat(own[0], ", "), KnownTextNames());
  }
  return options.support.empty() || options.columns.text.empty() || !prepared.text_columns.empty()
             ? ""
             : absl::StrCat("; --text-column ", options.columns.text, " is for ", options.support,
                            ", which has no column names");
}

}  // namespace

absl::Status ClassifyLines(const ClassifyOptions& options, std::istream* in, const std::string& name, std::ostream* out,
                           Progress* progress) {
  TaskPool pool(options.device == "cpu" ? options.threads : 1);
  ASSIGN_OR_RETURN(PreparedClassifier prepared, PrepareClassifier(options, &pool, progress));
  const std::vector<std::string>& names = prepared.start->run.prompt().names();
  RETURN_IF_ERROR(CheckKept(options, names));
  progress->Begin("classify", "texts", 0, 0);
  if (options.all && !options.json && !options.labelled) {
    *out << HeaderLine(prepared.classes, names, options.columns.keep) << std::flush;
  }
  ASSIGN_OR_RETURN(Table table, Table::Open(in, name, options.labelled, ColumnsFor(options, prepared, names)));
  progress->Line(absl::StrCat(name, ": ", table.format().Describe(), DoubtAboutLines(options, prepared, table.format()),
                              options.labelled ? "" : OtherColumns(table.format())));
  Labelling labelling(options, &prepared, out);
  for (std::vector<TableRow> rows;;) {
    const absl::Status status = NextRows(options, labelling, &table, &rows);
    RETURN_IF_ERROR(labelling.Take(rows));
    RETURN_IF_ERROR(status);
    if (rows.empty() || !out->good()) {  // the caller checks `out`
      break;
    }
  }
  if (labelling.count() == 0 && (options.labelled || options.text_is_file)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": no text in this file"));
  }
  if (labelling.count() == 0) {
    progress->Line(absl::StrCat(name, ": warning: there is no text"));
  }
  if (labelling.learned() > 0) {
    progress->Line(absl::StrCat(name, ": warning: ", labelling.learned(), " of the ", labelling.count(),
                                " texts are among the examples; the accuracy on other texts is probably lower"));
  }
  if (labelling.contradictions() > 0) {
    progress->Line(absl::StrCat(name, ": warning: ", labelling.contradictions(), " of the ", labelling.count(),
                                " texts are there with another label, too; not all of these can be right"));
  }
  if (options.labelled) {
    *out << (options.json ? labelling.result().Json() : labelling.result().Text());
  }
  const int64_t cut = prepared.classifier->cut();
  progress->End(absl::StrCat(labelling.count(), labelling.count() == 1 ? " text" : " texts",
                             labelling.blanks() > 0 ? absl::StrCat(", ", labelling.blanks(), " of them blank") : "",
                             cut > 0 ? absl::StrCat(", ", cut, " of them cut to fit") : ""));
  return absl::OkStatus();
}

}  // namespace metaprompt
