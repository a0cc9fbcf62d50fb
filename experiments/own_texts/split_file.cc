#include "experiments/own_texts/split_file.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "datasets/readers/table.h"
#include "datasets/split.h"
#include "datasets/splits/drawn_sides.h"
#include "experiments/own_texts/examples.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/new_folder.h"
#include "metaprompt/base/process.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

// A record of the file.
struct Record {
  std::string label;
  std::string text;
  bool named = false;  // whether it gives the name of its class
  size_t line = 0;     // index of its first line
};

struct Records {
  TableFormat format;
  std::vector<Record> records;
};

absl::StatusOr<Records> ReadRecords(const std::string& file, const std::string& name, const ColumnNames& columns) {
  std::istringstream in(file);
  ASSIGN_OR_RETURN(Table table, Table::Open(&in, name, /*labelled=*/true, columns));
  Records all;
  all.format = table.format();
  for (TableRow row;;) {
    ASSIGN_OR_RETURN(const bool more, table.Next(&row));
    if (!more) {
      return all;
    }
    std::string text = ExampleOf(row);
    if (text.empty()) {
      return table.ErrorAt(row.line, "empty text; write one, or remove the record");
    }
    all.records.push_back({row.label, std::move(text), !row.name.empty(), static_cast<size_t>(row.line - 1)});
  }
}

// The lines of the file with their ends, which the last line gets if it has none.
std::vector<std::string> LinesOf(absl::string_view file) {
  absl::ConsumePrefix(&file, "\xef\xbb\xbf");  // a byte-order mark
  std::vector<std::string> lines;
  while (!file.empty()) {
    const size_t end = std::min(file.find('\n'), file.size() - 1) + 1;
    lines.emplace_back(file.substr(0, end));
    file.remove_prefix(end);
  }
  if (!lines.empty() && lines.back().back() != '\n') {
    lines.back().push_back('\n');
  }
  return lines;
}

// The classes in the order of their labels, without names and with each text once.
std::vector<SupportClass> ClassesOf(const std::vector<Record>& records) {
  std::map<std::string, std::set<std::string>> texts;
  for (const Record& record : records) {
    texts[record.label].insert(record.text);
  }
  std::vector<SupportClass> classes;
  for (const auto& [label, its_texts] : texts) {
    classes.push_back({label, "", {its_texts.begin(), its_texts.end()}});
  }
  return classes;
}

// Where the examples of a class would lose its name, makes the first text (in byte order) with the name an example.
void KeepNames(const std::vector<Record>& records, Sides* sides) {
  std::map<std::string, const Record*> lost;  // for each class with a name; null: an example has the name
  for (const Record& record : records) {
    if (record.named) {
      const Record*& first = lost.emplace(record.label, &record).first->second;
      const bool stays = first != nullptr && sides->at(record.text) == Split::kTest;
      first = !stays ? nullptr : record.text < first->text ? &record : first;
    }
  }
  for (const auto& [label, record] : lost) {
    if (record != nullptr) {
      sides->at(record->text) = Split::kTrain;
    }
  }
}

// Draws the sides of all texts. `untested` becomes the classes without a test text.
absl::StatusOr<Sides> DrawAll(const SplitFileOptions& options, const std::vector<Record>& records,
                              const std::vector<SupportClass>& classes, std::vector<std::string>* untested) {
  if (classes.size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.file, ": ",
                     classes.empty() ? "no text in this file"
                                     : absl::StrCat("all texts have the label ", Quoted(classes[0].label),
                                                    "; a classifier needs two classes or more")));
  }
  Sides sides;
  for (const SupportClass& one : classes) {
    DrawSides(one.texts, /*valid_share=*/0, options.test_share, options.seed, &sides);
  }
  KeepNames(records, &sides);
  for (const SupportClass& one : classes) {
    const auto tests = std::count_if(one.texts.begin(), one.texts.end(),
                                     [&](const std::string& text) { return sides.at(text) == Split::kTest; });
    if (tests == static_cast<std::ptrdiff_t>(one.texts.size())) {
      return absl::InvalidArgumentError(absl::StrCat(
          options.file, ": no example of the class ", Quoted(one.label), " would be left; it has ", one.texts.size(),
          one.texts.size() == 1 ? " text" : " texts", ", and a smaller --test-share leaves more"));
    }
    if (tests == 0) {
      untested->push_back(OneLine(one.label));
    }
  }
  return untested->size() < classes.size()
             ? absl::StatusOr<Sides>(std::move(sides))
             : absl::InvalidArgumentError(absl::StrCat(
                   options.file, ": no class has so many texts that one could test; a larger --test-share takes more"));
}

// What to print after the files are written.
std::string Summary(const SplitFileOptions& options, const TableFormat& format, const std::vector<std::string>& files,
                    const std::vector<size_t>& counts, const std::vector<SupportClass>& classes,
                    const std::vector<std::string>& untested) {
  std::vector<std::string> command = {"metaprompt", "classify", "--support",  files[0],
                                      "--encoder",  "FOLDER",   "--labelled", files[1]};
  // Columns that were guessed from the whole file may not be guessed from a part of it.
  const auto place_of = [&](const std::string& header, size_t place) {
    return header.empty() ? absl::StrCat(place + 1) : header;
  };
  const std::string label = format.guessed ? place_of(format.label_name, format.label) : options.columns.label;
  const std::string text =
      format.guessed ? place_of(format.texts[0].header, format.texts[0].place) : options.columns.text;
  for (const auto& [option, name] : {std::make_pair("--label-column", label), std::make_pair("--text-column", text),
                                     std::make_pair("--text-b-column", options.columns.text_b)}) {
    if (!name.empty()) {
      command.insert(command.end(), {option, name});
    }
  }
  const std::string warning = TwoClassesWarning(options.file, classes);
  return absl::StrCat(options.file, ": ", format.Describe(), "\n", warning, warning.empty() ? "" : "\n", files[0], ": ",
                      counts[0], " texts in ", classes.size(), " classes\n", files[1], ": ", counts[1],
                      counts[1] == 1 ? " text" : " texts",
                      untested.empty() ? "" : absl::StrCat("; none of ", absl::StrJoin(untested, ", ")), "\n",
                      ShellLine(command), "\n");
}

}  // namespace

absl::StatusOr<std::string> SplitFile(const SplitFileOptions& options) {
  if (options.file == "-") {
    return absl::InvalidArgumentError("the standard input cannot be split; give the path of a file");
  }
  RETURN_IF_ERROR(NewFolder::CheckFree(options.out));
  ASSIGN_OR_RETURN(const std::string file, ReadFile(options.file));
  const absl::StatusOr<Records> read = ReadRecords(file, options.file, options.columns);
  RETURN_IF_ERROR(WithLikelyCause(read.status(), options.file));
  const std::vector<SupportClass> classes = ClassesOf(read->records);
  std::vector<std::string> untested;
  ASSIGN_OR_RETURN(const Sides sides, DrawAll(options, read->records, classes, &untested));
  const std::vector<std::string> lines = LinesOf(file);
  const auto begin_of = [&](size_t i) { return i < read->records.size() ? read->records[i].line : lines.size(); };
  const std::string header = absl::StrJoin(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(begin_of(0)), "");
  std::vector<std::string> contents = {header, header};  // of the examples, and of the test set
  std::vector<size_t> counts = {0, 0};
  for (size_t i = 0; i < read->records.size(); ++i) {
    const size_t side = sides.at(read->records[i].text) == Split::kTest ? 1 : 0;
    ++counts[side];
    for (size_t line = begin_of(i); line < begin_of(i + 1); ++line) {
      contents[side] += lines[line];
    }
  }
  const std::string ending = std::filesystem::path(options.file).extension().string();
  const std::vector<std::string> names = {"examples" + ending, "test" + ending};
  ASSIGN_OR_RETURN(NewFolder folder, NewFolder::Create(options.out));
  std::vector<std::string> files;
  for (size_t side = 0; side < 2; ++side) {
    RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(folder.path(), "/", names[side]), contents[side]));
    files.push_back((std::filesystem::path(options.out) / names[side]).string());
  }
  RETURN_IF_ERROR(folder.Commit());
  return Summary(options, read->format, files, counts, classes, untested);
}

}  // namespace metaprompt
