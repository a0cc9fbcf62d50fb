#include "experiments/pretraining/corpus.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "datasets/dataset.h"
#include "datasets/readers/file_lines.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/load_dataset.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/prompts/framing.h"

namespace metaprompt {
namespace {

// The texts of validation and test classes, and the class of each.
class SealedTexts {
 public:
  void Add(const Dataset& dataset, const DatasetSpec& spec) {
    max_words_.insert(spec.max_words());
    for (const TextClass& one : dataset.classes) {
      if (one.split == Split::kTrain) {
        continue;
      }
      const size_t place = places_.size();
      places_.push_back(absl::StrCat(SplitName(one.split), " class ", Quoted(one.label), " of ", dataset.name));
      for (const std::string& example : one.texts) {
        texts_.emplace(example, place);
        for (const absl::string_view text : SplitTexts(example)) {
          texts_.emplace(text, place);
        }
      }
    }
  }

  // The class that has `text`, in words; null if there is none. Data sets have blanks collapsed and long texts cut, so
  // `text` is looked up in these forms. `found` becomes the form that was found.
  const std::string* Find(absl::string_view text, std::string* found) const {
    for (const int64_t words : max_words_) {
      std::string form = CollapseBlanks(text, words);
      if (const auto at = texts_.find(form); at != texts_.end()) {
        *found = std::move(form);
        return &places_[at->second];
      }
    }
    return nullptr;
  }

  bool Has(absl::string_view text) const { return texts_.contains(text); }

 private:
  std::vector<std::string> places_;
  absl::flat_hash_map<std::string, size_t> texts_;  // index into places_
  std::set<int64_t> max_words_;
};

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
  // If the text is of a sealed class, counts and notes it, or returns an error.
  absl::Status CheckText(absl::string_view text);
  // The same for a pair: for each text, and for both joined as an example of a data set.
  absl::Status CheckPair(const std::string& first, const std::string& second);
  // Takes the texts of the training classes.
  void TakeDataset(const Dataset& dataset);
  absl::Status ReadTexts(const std::string& path);
  absl::Status ReadPairs(const std::string& path);
  void Hash(absl::string_view line) { lines_.Add(absl::StrCat(line, "\n")); }

  const PretrainingSpec& spec_;
  SealedTexts sealed_;
  Sha256Stream lines_;
  CorpusTexts corpus_;
};

absl::Status CorpusReader::CheckText(absl::string_view text) {
  std::string form;
  const std::string* const place = sealed_.Find(text, &form);
  if (place == nullptr) {
    return absl::OkStatus();
  }
  if (!spec_.corpus().transductive()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the text is one of the ", *place, "; leave it out, or set corpus.transductive, which the record will show"));
  }
  ++corpus_.transductive;
  corpus_.seen.Add(form);
  return absl::OkStatus();
}

absl::Status CorpusReader::CheckPair(const std::string& first, const std::string& second) {
  RETURN_IF_ERROR(CheckText(first));
  RETURN_IF_ERROR(CheckText(second));
  const std::string example = JoinTexts({CollapseBlanks(first), CollapseBlanks(second)});
  if (!sealed_.Has(example)) {
    return absl::OkStatus();
  }
  corpus_.seen.Add(example);  // counted above, because its single texts are sealed, too
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
    std::string first(absl::StripAsciiWhitespace(parts[0]));
    std::string second(absl::StripAsciiWhitespace(parts[1]));
    if (first.empty() || second.empty()) {
      return absl::InvalidArgumentError("one of the two texts is empty");
    }
    RETURN_IF_ERROR(CheckPair(first, second));
    Hash(line);
    corpus_.pairs.emplace_back(std::move(first), std::move(second));
    return absl::OkStatus();
  });
}

void CorpusReader::TakeDataset(const Dataset& dataset) {
  for (const TextClass* const one : dataset.Of(Split::kTrain)) {
    for (const std::string& example : one->texts) {
      if (sealed_.Has(example)) {  // it also occurs under a sealed label
        continue;
      }
      corpus_.seen.Add(example);
      for (const absl::string_view text : SplitTexts(example)) {
        if (!sealed_.Has(text)) {
          Hash(text);
          corpus_.texts.emplace_back(text);
        }
      }
    }
  }
}

absl::StatusOr<CorpusTexts> CorpusReader::Read() {
  std::vector<Dataset> datasets;
  for (const DatasetSpec& one : spec_.corpus().dataset()) {
    ASSIGN_OR_RETURN(Dataset dataset, LoadDataset(one));
    RETURN_IF_ERROR(CheckTexts(dataset, "pre-training"));
    sealed_.Add(dataset, one);
    datasets.push_back(std::move(dataset));
  }
  for (const DatasetSpec& one : spec_.corpus().sealed()) {
    ASSIGN_OR_RETURN(const Dataset dataset, LoadDataset(one));
    RETURN_IF_ERROR(CheckTexts(dataset, "pre-training"));
    sealed_.Add(dataset, one);
  }
  for (const Dataset& dataset : datasets) {
    TakeDataset(dataset);
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

uint64_t HashOf(absl::string_view text) {
  uint64_t hash = 0;
  for (const char byte : text) {
    hash = Mix(hash ^ static_cast<unsigned char>(byte));
  }
  return hash;
}

// The indices of the texts for training and of those for validation. Equal texts are on the same side. Validation texts
// are in the order of their hashes, so that the first few come from all files.
struct Sides {
  std::vector<size_t> train;
  std::vector<size_t> valid;
};

Sides SidesOf(size_t count, double valid_share, absl::FunctionRef<absl::string_view(size_t)> text) {
  Sides sides;
  std::vector<std::pair<uint64_t, size_t>> valid;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t hash = HashOf(text(i));
    if (static_cast<double>(hash >> 11U) * 0x1p-53 < valid_share) {
      valid.emplace_back(hash, i);
    } else {
      sides.train.push_back(i);
    }
  }
  std::sort(valid.begin(), valid.end());
  for (const auto& [hash, i] : valid) {
    sides.valid.push_back(i);
  }
  return sides;
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

  // Adds the text as one or more inputs, which have no other text.
  void AddPieces(absl::string_view text, TokenTable* table) const {
    const std::vector<int64_t> ids = tokenizer_.Encode(text);
    for (size_t from = 0; from < ids.size(); from += room_) {
      table->Add(Framed(absl::MakeSpan(ids).subspan(from, room_)));
    }
  }

  // Appends the text to those that wait, and adds the inputs that are full.
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

void FramePairs(const CorpusSpec& spec, const CorpusTexts& texts, const Framer& framer, Corpus* corpus) {
  absl::flat_hash_map<absl::string_view, int64_t> numbers;
  const auto number = [&](absl::string_view text) {
    return numbers.emplace(text, static_cast<int64_t>(numbers.size())).first->second;
  };
  const auto add = [&](size_t i, PairTable* table) {
    const auto& [first, second] = texts.pairs[i];
    framer.AddCut(first, &table->first);
    framer.AddCut(second, &table->second);
    table->first_text.push_back(number(first));
    table->second_text.push_back(number(second));
  };
  const Sides sides = SidesOf(texts.pairs.size(), spec.valid_share(),
                              [&](size_t i) { return absl::string_view(texts.pairs[i].first); });
  for (const size_t i : sides.train) {
    add(i, &corpus->train_pairs);
  }
  for (size_t k = 0; k < sides.valid.size() && k < static_cast<size_t>(spec.max_valid()); ++k) {
    add(sides.valid[k], &corpus->valid_pairs);
  }
}

// Adds the texts of one side until there are at least `most` inputs.
void FrameTexts(const CorpusSpec& spec, const std::vector<std::string>& texts, const std::vector<size_t>& which,
                size_t most, const Framer& framer, TokenTable* table) {
  std::vector<int64_t> waiting;  // tokens that Join has not yet added
  for (const size_t i : which) {
    if (table->size() >= most) {
      return;
    }
    if (spec.join()) {
      framer.Join(texts[i], &waiting, table);
    } else {
      framer.AddPieces(texts[i], table);
    }
  }
  if (!waiting.empty()) {
    table->Add(framer.Framed(waiting));
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
  if (spec.has_masked()) {
    const Sides sides =
        SidesOf(texts.texts.size(), wanted.valid_share(), [&](size_t i) { return absl::string_view(texts.texts[i]); });
    FrameTexts(wanted, texts.texts, sides.train, std::numeric_limits<size_t>::max(), framer, &corpus.train);
    FrameTexts(wanted, texts.texts, sides.valid, static_cast<size_t>(wanted.max_valid()), framer, &corpus.valid);
  }
  FramePairs(wanted, texts, framer, &corpus);
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
