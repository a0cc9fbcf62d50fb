// Parses the files with a vocabulary's pieces and merges. Errors begin with `where`.
#ifndef METAPROMPT_TOKENIZERS_FILES_VOCABULARY_FILES_H_
#define METAPROMPT_TOKENIZERS_FILES_VOCABULARY_FILES_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/byte_bpe.h"

namespace metaprompt {

// vocab.txt: one piece per line, in the order of ids and without duplicates. A line ends with \n, \r\n or \r, as in
// Python's text files.
absl::StatusOr<std::vector<std::string>> VocabTextPieces(absl::string_view text, const std::string& where);

// vocab.json: {"piece": id, ...}, with the ids 0, 1, ... without gaps.
absl::StatusOr<std::vector<std::string>> VocabJsonPieces(const nlohmann::json& vocab, const std::string& where);

// merges.txt: `#version: ...`, then one merge per line.
absl::StatusOr<BpeMerges> MergesTextPairs(absl::string_view text, const std::string& where);

// tokenizer.json's merges: ["a b", ...] or [["a", "b"], ...].
absl::StatusOr<BpeMerges> MergesJsonPairs(const nlohmann::json& list, const std::string& where);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FILES_VOCABULARY_FILES_H_
