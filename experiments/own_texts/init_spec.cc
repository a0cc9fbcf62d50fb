#include "experiments/own_texts/init_spec.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "datasets/splits/class_split.h"
#include "experiments/own_texts/examples.h"
#include "experiments/own_texts/first_spec.h"
#include "experiments/own_texts/init_kinds.h"
#include "experiments/spec.h"
#include "experiments/workbench/model_assembly.h"
#include "experiments/workbench/workbench.h"
#include "learners/check_learner.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

constexpr size_t kLeastTexts = 6;  // per class: one shot and five queries
constexpr int kVocabSizes[] = {4000, 2000, 1000, 500, 250, 125, 64};
constexpr size_t kLeastClasses = 6;  // two each for training, validation and test

// The classes, with each text once per class.
std::vector<SupportClass> WithoutDuplicates(std::vector<SupportClass> classes) {
  for (SupportClass& one : classes) {
    std::vector<std::string>& texts = one.texts;
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  }
  std::sort(classes.begin(), classes.end(), [](const auto& a, const auto& b) { return a.label < b.label; });
  return classes;
}

// "billing 12, login 9 and 3 more".
std::string Counts(const std::vector<SupportClass>& classes) {
  constexpr size_t kListed = 6;
  std::string list;
  for (size_t i = 0; i < std::min(kListed, classes.size()); ++i) {
    absl::StrAppend(&list, i == 0 ? "" : ", ", classes[i].label, " ", classes[i].texts.size());
  }
  return classes.size() <= kListed ? list : absl::StrCat(list, " and ", classes.size() - kListed, " more");
}

// A column by its name in the header, or by its number from 1.
std::string Column(const std::string& name, size_t place) {
  return absl::StrCat("\"", name.empty() ? absl::StrCat(place + 1) : absl::Utf8SafeCEscape(name), "\"");
}

// " text_column: ..." and, for a pair, " text_b_column: ..."; `what` is _column or _field.
std::string TextFields(const TableFormat& format, absl::string_view what) {
  std::string fields;
  for (const ColumnOfText& text : format.texts) {
    absl::StrAppend(&fields, " ", text.name, what, ": ", Column(text.header, text.place));
  }
  return fields;
}

// The name of the delimiter in CsvSource.
const char* DelimiterName(char delimiter) {
  switch (delimiter) {
    case ';':
      return "SEMICOLON";
    case '\t':
      return "TAB";
    case '|':
      return "PIPE";
    default:
      return "COMMA";
  }
}

std::string SourceText(const std::string& path, const TableFormat& format) {
  const std::string file = absl::StrCat("path: \"", absl::Utf8SafeCEscape(path), "\"");
  switch (format.kind) {
    case TableFormat::kJson:
      return absl::StrCat("  jsonl { ", file, TextFields(format, "_field"),
                          " label_field: ", Column(format.label_name, 0), " }\n");
    case TableFormat::kSeparated:
      return absl::StrCat(
          "  csv { ", file, TextFields(format, "_column"), " label_column: ", Column(format.label_name, format.label),
          format.header ? "" : " header: false", " delimiter: ", DelimiterName(format.delimiter), " }\n");
    case TableFormat::kLabelTabText:
    case TableFormat::kTabbedTexts:
    case TableFormat::kLines:
      break;
  }
  return absl::StrCat("  tsv { ", file, " }\n");
}

// The shape of the experiment, chosen for the data.
struct Shape {
  std::vector<SupportClass> used;  // classes with enough texts
  size_t left_out = 0;
  size_t train = 0;  // classes
  size_t valid = 0;
  size_t test = 0;
  size_t ways = 0;
  bool five_shots = false;  // beside one shot
  size_t queries = 0;
};

Shape ShapeOf(const std::vector<SupportClass>& classes) {
  Shape shape;
  size_t least = SIZE_MAX;
  for (const SupportClass& one : classes) {
    if (one.texts.size() >= kLeastTexts) {
      shape.used.push_back(one);
      least = std::min(least, one.texts.size());
    }
  }
  shape.left_out = classes.size() - shape.used.size();
  const size_t fifth = (shape.used.size() + 2) / 5;
  shape.valid = std::max<size_t>(2, fifth);
  shape.test = shape.valid;
  shape.train = shape.used.size() - std::min(shape.used.size(), shape.valid + shape.test);
  shape.ways = std::min<size_t>(5, shape.valid);
  shape.five_shots = least >= 10;
  shape.queries = std::min<size_t>(15, least - (shape.five_shots ? 5 : 1));
  return shape;
}

absl::Status TooFewClasses(const InitOptions& options, const std::vector<SupportClass>& classes, const Shape& shape) {
  const std::string encoder = options.encoder.empty() ? "DIR" : options.encoder;
  return absl::FailedPreconditionError(absl::StrCat(
      options.data, ": ", shape.used.size(), " of its ", classes.size(), " classes (", Counts(classes), ") have ",
      kLeastTexts, " different texts or more; a run needs ", kLeastClasses,
      " such classes, two each for training, validation and test. With fewer, label texts without a run: metaprompt "
      "classify --encoder ",
      encoder, " --support ", options.data, " < texts"));
}

std::string SplitText(const Shape& shape, bool trains) {
  const auto share = [&](size_t classes) {
    const double exact = static_cast<double>(classes) / static_cast<double>(shape.used.size());
    return absl::StrFormat("%.6g", exact);
  };
  const std::string shares = absl::StrCat("train: ", share(shape.train), " valid: ", share(shape.valid));
  const std::string why = absl::StrCat(
      trains ? "" : "  # Nothing is trained, so only the test classes count. They are those of the other templates.\n",
      absl::StrFormat("  # %d classes for training, %d for validation, %d for test", shape.train, shape.valid,
                      shape.test));
  if (shape.left_out == 0) {
    return absl::StrCat(why, "; a seed draws which.\n  split { shares { ", shares, " } }\n");
  }
  ClassSplit split;
  split.mutable_shares()->set_train(static_cast<double>(shape.train) / static_cast<double>(shape.used.size()));
  split.mutable_shares()->set_valid(static_cast<double>(shape.valid) / static_cast<double>(shape.used.size()));
  std::vector<std::string> labels;
  for (const SupportClass& one : shape.used) {
    labels.push_back(one.label);
  }
  const absl::StatusOr<ClassPlaces> places = SplitClasses(split, labels);
  std::string text = absl::StrCat(why, ".\n  # Left out: ", shape.left_out, " with fewer than ", kLeastTexts,
                                  " different texts.\n  split {\n    lists {\n");
  for (const Split side : kSplits) {
    std::vector<std::string> names;
    for (const auto& [label, place] : *places) {
      if (place.split == side) {
        names.push_back(absl::StrCat("\"", absl::Utf8SafeCEscape(label), "\""));
      }
    }
    absl::StrAppend(&text, "      ", SplitName(side), ": [", absl::StrJoin(names, ", "), "]\n");
  }
  return absl::StrCat(text, "    }\n  }\n");
}

// The number of words of an example, whose texts are separated by tabs.
int64_t Words(const std::string& example) {
  return 1 + std::count_if(example.begin(), example.end(), [](char c) { return c == ' ' || c == '\t'; });
}

// The number of words that 19 of 20 texts do not exceed.
int64_t LongTexts(const std::vector<SupportClass>& classes) {
  std::vector<int64_t> words;
  for (const SupportClass& one : classes) {
    for (const std::string& text : one.texts) {
      words.push_back(Words(text));
    }
  }
  const auto place = words.begin() + static_cast<std::ptrdiff_t>(words.size() * 19 / 20);
  std::nth_element(words.begin(), place, words.end());
  return *place;
}

// Enough tokens for most texts: about 1.4 per word, and a dozen for the prompt.
int MaxTokensFor(int64_t words) {
  const auto tokens = static_cast<int>(std::ceil(1.4 * static_cast<double>(words) + 12));
  return std::min(128, std::max(32, (tokens + 15) / 16 * 16));
}

absl::StatusOr<std::string> ModelText(const InitOptions& options, const InitKind& kind,
                                      const std::vector<std::string>& names, int64_t words, int vocab_size) {
  const int tokens = MaxTokensFor(words);
  const std::string second = names.size() > 1 ? " {text_b}" : "";
  const std::string why = absl::StrFormat(
      "# %d tokens: 95 in 100 of the texts have %d words or fewer. What is longer is cut at the end.\n", tokens, words);
  if (options.encoder.empty()) {
    if (kind.random_learner == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("the template ", kind.name, " needs a pre-trained encoder; name its folder with --encoder"));
    }
    return absl::StrCat(
        why,
        "# A small encoder with random weights, and a tokenizer trained on the texts of the training classes: it runs\n"
        "# everywhere and shows how things work. For good accuracy begin with a checkpoint: metaprompt init --encoder "
        "DIR\n"
        "model {\n"
        "  tokenizer { vocab_size: ",
        vocab_size, " }\n  encoder { bert { layers: 1 width: 256 heads: 4 intermediate: 512 max_positions: ", tokens,
        " } }\n", "  prompt { template: \"<soft> {mask} : {text}", second.empty() ? "" : " ;", second,
        "\" }\n  verbalizer { allow_same_words: true }\n}\n");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, OpenTokenizer(options.encoder));
  ASSIGN_OR_RETURN(const EncoderParts parts,
                   OpenEncoder(options.encoder, /*allow_unknown=*/false, std::move(tokenizer)));
  RETURN_IF_ERROR(CheckPredictsWords(*parts.encoder, options.encoder));
  if (!kind.prototypes) {
    return absl::StrCat(why, "model {\n  encoder { checkpoint { path: \"", absl::Utf8SafeCEscape(options.encoder),
                        "\" max_tokens: ", tokens, " } }\n  prompt { template: \"{text} {mask}", second,
                        "\" }\n  features: MEAN\n  verbalizer { allow_same_words: true "
                        "}\n}\n");
  }
  return absl::StrCat(why, FirstModelText(options.encoder, *parts.encoder, tokens, names));
}

// `model` with the class names of the file as answer words, because no field of a spec can name the column of class
// names.
std::string WithAnswers(const std::string& model, const std::vector<SupportClass>& classes) {
  std::string answers;
  for (const SupportClass& one : classes) {
    if (one.name != DefaultName(one.label)) {
      absl::StrAppend(&answers, "    answers { label: \"", absl::Utf8SafeCEscape(one.label), "\" words: \"",
                      absl::Utf8SafeCEscape(one.name), "\" }\n");
    }
  }
  constexpr absl::string_view kEnd = "allow_same_words: true }";
  return answers.empty()
             ? model
             : absl::StrReplaceAll(model, {{kEnd, absl::StrCat("allow_same_words: true\n", answers, "  }")}});
}

// The file's name without its ending, with - in place of characters that a run's name may not have.
std::string NameOf(const std::string& path) {
  std::string name = std::filesystem::path(path).stem().string();
  for (char& c : name) {
    c = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ? c : '-';
  }
  return name.empty() ? "mine" : name;
}

// Comments about what was found in the file, and the spec's name.
std::string HeadText(const InitOptions& options, const InitKind& kind, const TableFormat& format,
                     const std::vector<SupportClass>& classes) {
  size_t texts = 0;
  for (const SupportClass& one : classes) {
    texts += one.texts.size();
  }
  return absl::StrCat(
      "# Written by `metaprompt init` (template ", kind.name,
      "); every line may be changed. `metaprompt spec` lists all fields.\n#   metaprompt run THIS_FILE\n# ",
      absl::Utf8SafeCEscape(options.data), ": ", format.Describe(),
      format.guessed ? " (guessed from their contents)" : "", "; ", texts, " different texts in ", classes.size(),
      " classes:\n# ", Counts(classes), "\nname: \"", NameOf(options.data), "\"\n");
}

std::string EpisodesText(const Shape& shape, bool trains) {
  const size_t train_ways = std::min<size_t>(10, shape.train);
  const bool harder = trains && train_ways > shape.ways;
  return absl::StrFormat(
      "# A test task: %d classes, %s labelled text%s of each, and %d others of each to predict.%s\n"
      "episodes { ways: %d shots: %s queries: %d%s }\n",
      shape.ways, shape.five_shots ? "one or five" : "one", shape.five_shots ? "s" : "", shape.queries,
      harder ? "\n# Training tasks have more classes, which makes them harder." : "", shape.ways,
      shape.five_shots ? "[1, 5]" : "1", shape.queries,
      harder ? absl::StrFormat(" train_ways: %d train_queries: %d", train_ways, std::min<size_t>(5, shape.queries))
             : "");
}

// Finds the errors that a run would report before its first step.
absl::Status CheckIt(const std::string& text) {
  ExperimentSpec spec;
  RETURN_IF_ERROR(ParseSpec(text, "the new spec", &spec));
  ASSIGN_OR_RETURN(const ExperimentSpec complete, CompleteSpec(std::move(spec), "the new spec"));
  return Workbench::Open(complete, {}).status();
}

}  // namespace

absl::StatusOr<std::string> InitSpec(const InitOptions& options) {
  ASSIGN_OR_RETURN(const InitKind* const kind, InitKindOf(options.kind));
  std::error_code ignored;
  if (const auto type = std::filesystem::status(options.data, ignored).type();
      type == std::filesystem::file_type::fifo || type == std::filesystem::file_type::character) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.data, ": a pipe or a device; a regular file is needed, because each run reads it again"));
  }
  ASSIGN_OR_RETURN(Examples examples, ReadExamples(options.data, options.columns));
  const std::vector<SupportClass> classes = WithoutDuplicates(std::move(examples.classes));
  const Shape shape = ShapeOf(classes);
  if (examples.format.kind == TableFormat::kLabelTabText &&
      std::any_of(classes.begin(), classes.end(),
                  [](const SupportClass& one) { return one.name != DefaultName(one.label); })) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.data,
                     ": lines of label, tab, name, tab, text; a spec reads label, tab, text. Remove the names, or give "
                     "the file a header with the columns label and text"));
  }
  if (shape.used.size() < kLeastClasses) {
    return TooFewClasses(options, classes, shape);
  }
  absl::Status error;
  for (const int vocab_size : kVocabSizes) {  // a large vocabulary needs more texts than there may be
    ASSIGN_OR_RETURN(const std::string model,
                     ModelText(options, *kind, examples.format.NamesOfTexts(), LongTexts(shape.used), vocab_size));
    std::string text = absl::StrCat(HeadText(options, *kind, examples.format, classes), "dataset {\n",
                                    SourceText(options.data, examples.format), SplitText(shape, kind->trains), "}\n",
                                    WithAnswers(model, shape.used), EpisodesText(shape, kind->trains),
                                    options.encoder.empty() ? kind->random_learner : kind->learner,
                                    "# 200 test tasks give an interval of about one point; more make it narrower.\n"
                                    "test { episodes: 200 }\n");
    error = CheckIt(text);
    if (error.ok()) {
      return text;
    }
    if (!absl::StrContains(error.message(), "vocab_size")) {
      break;
    }
  }
  if (options.encoder.empty() && absl::StrContains(error.message(), "vocab_size")) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.data,
                     ": the texts of the training classes are too few to train a tokenizer on: no size of "
                     "its vocabulary from ",
                     kVocabSizes[std::size(kVocabSizes) - 1], " to ", kVocabSizes[0],
                     " suits them; start from a checkpoint with --encoder DIR, or give more texts"));
  }
  return absl::Status(error.code(),
                      absl::StrCat("no spec was written, because a run of it would end with: ", error.message()));
}

std::string InitKinds() {
  std::string text;
  for (const InitKind& kind : AllInitKinds()) {
    absl::StrAppendFormat(&text, "  %-14s%s\n", kind.name, kind.meaning);
  }
  return text;
}

}  // namespace metaprompt
