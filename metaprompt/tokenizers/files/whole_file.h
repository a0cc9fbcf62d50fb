// WholeFile: tokenizer.json, which describes a whole tokenizer, with checks that this program implements what it
// describes.
#ifndef METAPROMPT_TOKENIZERS_FILES_WHOLE_FILE_H_
#define METAPROMPT_TOKENIZERS_FILES_WHOLE_FILE_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "metaprompt/tokenizers/files/tokenizer_config.h"

namespace metaprompt {

class WholeFile {
 public:
  // `json` must outlive this object.
  explicit WholeFile(const TokenizerJson& json);

  bool exists() const { return json_.is_object(); }
  // The path of the file, with which errors begin.
  const std::string& where() const { return where_; }
  // A part ("model", "normalizer", ...), or null.
  const nlohmann::json& Part(const char* part) const;
  // A setting of the model, or null.
  const nlohmann::json& Model(const char* key) const;

  // An error unless the part has this type or, if `type` is null, unless there is no such part.
  absl::Status CheckPart(const char* part, const char* type) const;
  // An error unless the part's setting is missing, null or one of `allowed`.
  absl::Status CheckSetting(const char* part, const char* key, const std::vector<nlohmann::json>& allowed) const;
  // The model's vocabulary, by id.
  absl::StatusOr<std::vector<std::string>> Pieces() const;
  // An error if there is a vocabulary here that differs from `pieces`, which were read from `file`.
  absl::Status CheckPieces(const std::vector<std::string>& pieces, const char* file) const;

 private:
  absl::Status Wrong(absl::string_view what) const;

  const nlohmann::json& json_;
  std::string where_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FILES_WHOLE_FILE_H_
