// The files that hold a vocabulary's pieces and merges. `where` begins each error.
#ifndef METAPROMPT_TOKENIZERS_VOCABULARY_FILES_H_
#define METAPROMPT_TOKENIZERS_VOCABULARY_FILES_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/byte_bpe.h"

namespace metaprompt {

// vocab.txt: a piece a line, none twice, in the order of their ids. A line ends as Python's text files have it: \n,
// \r\n or \r.
absl::StatusOr<std::vector<std::string>> VocabTextPieces(absl::string_view text, const std::string& where);

// vocab.json: {"piece": id, ...}, whose ids are 0, 1, ... without a hole.
absl::StatusOr<std::vector<std::string>> VocabJsonPieces(const nlohmann::json& vocab, const std::string& where);

// merges.txt: `#version: ...`, then a merge a line.
absl::StatusOr<BpeMerges> MergesTextPairs(absl::string_view text, const std::string& where);

// tokenizer.json's merges: ["a b", ...] or [["a", "b"], ...].
absl::StatusOr<BpeMerges> MergesJsonPairs(const nlohmann::json& list, const std::string& where);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_VOCABULARY_FILES_H_
