#include "experiments/pretraining/corpus.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "datasets/dataset.h"
#include "datasets/readers/file_lines.h"
#include "datasets/sources/load_dataset.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/prompts/framing.h"

namespace metaprompt {
namespace {

// From the texts of validation and test classes to the name of their class.
using SealedTexts = absl::flat_hash_map<std::string, std::string>;

void Seal(const Dataset& dataset, SealedTexts* sealed) {
  for (const TextClass& one : dataset.classes) {
    if (one.split != Split::kTrain) {
      for (const std::string& text : one.texts) {
        sealed->emplace(text, absl::StrCat(SplitName(one.split), " class ", Quoted(one.label), " of ", dataset.name));
      }
    }
  }
}

// Calls `take` with each line that is not blank. The first error gets the file's name and the line's number.
absl::Status ForEachLineOf(const std::string& path, absl::FunctionRef<absl::Status(absl::string_view)> take) {
  ASSIGN_OR_RETURN(FileLines lines, FileLines::Open(path));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, lines.Next());
    if (!more) {
      return absl::OkStatus();
    }
    if (absl::StripAsciiWhitespace(lines.line()).empty()) {
      continue;
    }
    absl::Status status = CheckUtf8(lines.line());
    status.Update(status.ok() ? take(lines.line()) : absl::OkStatus());
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat(path, ":", lines.number(), ": ", status.message()));
    }
  }
}

class CorpusReader {
 public:
  explicit CorpusReader(const PretrainingSpec& spec) : spec_(spec) {}

  absl::StatusOr<CorpusTexts> Read();

 private:
  // Counts a text of a sealed class, or returns its error.
  absl::Status CheckText(absl::string_view text);
  absl::Status ReadTexts(const std::string& path);
  absl::Status ReadPairs(const std::string& path);
  void Hash(absl::string_view line) { lines_.Add(absl::StrCat(line, "\n")); }

  const PretrainingSpec& spec_;
  SealedTexts sealed_;
  Sha256Stream lines_;
  CorpusTexts corpus_;
};

absl::Status CorpusReader::CheckText(absl::string_view text) {
  const auto found = sealed_.find(text);
  if (found == sealed_.end()) {
    return absl::OkStatus();
  }
  if (!spec_.corpus().transductive()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the text is one of the ", found->second,
                     "; leave it out, or set corpus.transductive, which the record will show"));
  }
  ++corpus_.transductive;
  return absl::OkStatus();
}

absl::Status CorpusReader::ReadTexts(const std::string& path) {
  return ForEachLineOf(path, [&](absl::string_view line) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    RETURN_IF_ERROR(CheckText(text));
    Hash(text);
    corpus_.texts.emplace_back(text);
    return absl::OkStatus();
  });
}

absl::Status CorpusReader::ReadPairs(const std::string& path) {
  return ForEachLineOf(path, [&](absl::string_view line) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, '\t');
    if (parts.size() != 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("a pair is two texts with a tab between them; the line has ", parts.size() - 1, " tabs"));
    }
    const absl::string_view first = absl::StripAsciiWhitespace(parts[0]);
    const absl::string_view second = absl::StripAsciiWhitespace(parts[1]);
    if (first.empty() || second.empty()) {
      return absl::InvalidArgumentError("one of the two texts is empty");
    }
    RETURN_IF_ERROR(CheckText(first));
    RETURN_IF_ERROR(CheckText(second));
    Hash(line);
    corpus_.pairs.emplace_back(first, second);
    return absl::OkStatus();
  });
}

absl::StatusOr<CorpusTexts> CorpusReader::Read() {
  std::vector<Dataset> datasets;
  for (const DatasetSpec& one : spec_.corpus().dataset()) {
    ASSIGN_OR_RETURN(Dataset dataset, LoadDataset(one));
    Seal(dataset, &sealed_);
    datasets.push_back(std::move(dataset));
  }
  for (const DatasetSpec& one : spec_.corpus().sealed()) {
    ASSIGN_OR_RETURN(const Dataset dataset, LoadDataset(one));
    Seal(dataset, &sealed_);
  }
  for (const Dataset& dataset : datasets) {
    for (const TextClass* const one : dataset.Of(Split::kTrain)) {
      for (const std::string& text : one->texts) {
        if (sealed_.count(text) == 0) {  // a text may stand under two labels
          Hash(text);
          corpus_.texts.push_back(text);
        }
      }
    }
  }
  for (const std::string& path : spec_.corpus().path()) {
    RETURN_IF_ERROR(ReadTexts(path));
  }
  for (const std::string& path : spec_.pairs().path()) {
    RETURN_IF_ERROR(ReadPairs(path));
  }
  corpus_.sha256 = lines_.Finish();
  return std::move(corpus_);
}

// Whether a text validates, by its hash.
bool Validates(absl::string_view text, double share) {
  uint64_t hash = 0;
  for (const char byte : text) {
    hash = Mix(hash ^ static_cast<unsigned char>(byte));
  }
  return static_cast<double>(hash >> 11U) * 0x1p-53 < share;
}

// Turns texts into inputs of at most `longest` tokens.
class Framer {
 public:
  Framer(const Tokenizer& tokenizer, int64_t longest)
      : tokenizer_(tokenizer), framing_(FramingOf(tokenizer)), room_(static_cast<size_t>(longest) - 2) {}

  std::vector<int64_t> Framed(absl::Span<const int64_t> ids) const {
    std::vector<int64_t> framed = framing_.before;
    framed.insert(framed.end(), ids.begin(), ids.end());
    framed.insert(framed.end(), framing_.after.begin(), framing_.after.end());
    return framed;
  }

  // Each text is one or more inputs of its own.
  void AddPieces(absl::string_view text, TokenTable* table) const {
    const std::vector<int64_t> ids = tokenizer_.Encode(text);
    for (size_t from = 0; from < ids.size(); from += room_) {
      table->Add(Framed(absl::MakeSpan(ids).subspan(from, room_)));
    }
  }

  // The text follows those before it; what fills an input is added.
  void Join(absl::string_view text, std::vector<int64_t>* waiting, TokenTable* table) const {
    if (!waiting->empty()) {
      waiting->insert(waiting->end(), framing_.after.begin(), framing_.after.end());
    }
    const std::vector<int64_t> ids = tokenizer_.Encode(text);
    waiting->insert(waiting->end(), ids.begin(), ids.end());
    size_t from = 0;
    for (; waiting->size() - from >= room_; from += room_) {
      table->Add(Framed(absl::MakeSpan(*waiting).subspan(from, room_)));
    }
    waiting->erase(waiting->begin(), waiting->begin() + static_cast<std::ptrdiff_t>(from));
  }

  void AddCut(absl::string_view text, TokenTable* table) const {
    const std::vector<int64_t> ids = tokenizer_.Encode(text);
    table->Add(Framed(absl::MakeSpan(ids).subspan(0, room_)));
  }

 private:
  const Tokenizer& tokenizer_;
  const Framing framing_;
  const size_t room_;
};

void FramePairs(const PretrainingSpec& spec, const CorpusTexts& texts, const Framer& framer, Corpus* corpus) {
  absl::flat_hash_map<absl::string_view, int64_t> numbers;
  const auto number = [&](absl::string_view text) {
    return numbers.emplace(text, static_cast<int64_t>(numbers.size())).first->second;
  };
  const auto most_valid = static_cast<size_t>(spec.corpus().max_valid());
  for (const auto& [first, second] : texts.pairs) {
    const bool valid = Validates(first, spec.corpus().valid_share());
    PairTable& table = valid ? corpus->valid_pairs : corpus->train_pairs;
    if (valid && table.size() >= most_valid) {
      continue;
    }
    framer.AddCut(first, &table.first);
    framer.AddCut(second, &table.second);
    table.first_text.push_back(number(first));
    table.second_text.push_back(number(second));
  }
}

}  // namespace

std::vector<std::string> CorpusTexts::All() const {
  std::vector<std::string> all = texts;
  for (const auto& [first, second] : pairs) {
    all.push_back(first);
    all.push_back(second);
  }
  return all;
}

absl::StatusOr<CorpusTexts> ReadCorpus(const PretrainingSpec& spec) { return CorpusReader(spec).Read(); }

absl::StatusOr<Corpus> MakeCorpus(const PretrainingSpec& spec, const CorpusTexts& texts, const Tokenizer& tokenizer,
                                  int64_t max_tokens) {
  const CorpusSpec& wanted = spec.corpus();
  const Framer framer(tokenizer, max_tokens);
  Corpus corpus;
  std::vector<int64_t> waiting;        // what Join has not yet added, for training and
  std::vector<int64_t> waiting_valid;  // for validation
  for (const std::string& text : spec.has_masked() ? texts.texts : std::vector<std::string>()) {
    const bool valid = Validates(text, wanted.valid_share());
    TokenTable& table = valid ? corpus.valid : corpus.train;
    if (valid && table.size() >= static_cast<size_t>(wanted.max_valid())) {
      continue;
    }
    if (wanted.join()) {
      framer.Join(text, valid ? &waiting_valid : &waiting, &table);
    } else {
      framer.AddPieces(text, &table);
    }
  }
  for (const auto& [left, table] :
       {std::make_pair(&waiting, &corpus.train), std::make_pair(&waiting_valid, &corpus.valid)}) {
    if (!left->empty()) {
      table->Add(framer.Framed(*left));
    }
  }
  FramePairs(spec, texts, framer, &corpus);
  const auto check = [](const char* what, size_t train, size_t valid) {
    return train >= 2 && valid >= 2
               ? absl::OkStatus()
               : absl::InvalidArgumentError(absl::StrCat("corpus: ", train, " ", what, " to train with and ", valid,
                                                         " to validate with (corpus.valid_share); at least 2 each are "
                                                         "needed"));
  };
  if (spec.has_masked()) {
    RETURN_IF_ERROR(check("inputs", corpus.train.size(), corpus.valid.size()));
  }
  if (spec.has_pairs()) {
    RETURN_IF_ERROR(check("pairs", corpus.train_pairs.size(), corpus.valid_pairs.size()));
  }
  CorpusFacts& facts = corpus.facts;
  facts.set_texts(static_cast<int64_t>(texts.texts.size()));
  facts.set_inputs(static_cast<int64_t>(corpus.train.size()));
  facts.set_tokens(corpus.train.tokens());
  facts.set_valid_inputs(static_cast<int64_t>(corpus.valid.size()));
  facts.set_pairs(static_cast<int64_t>(corpus.train_pairs.size()));
  facts.set_valid_pairs(static_cast<int64_t>(corpus.valid_pairs.size()));
  facts.set_transductive_texts(texts.transductive);
  facts.set_sha256(texts.sha256);
  return corpus;
}

}  // namespace metaprompt
