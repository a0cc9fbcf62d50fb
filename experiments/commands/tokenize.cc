#include "experiments/commands/tokenize.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/workbench/model_assembly.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/prompts/framing.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

absl::Status TokenizeLines(const TokenizeOptions& options, std::istream* in, const std::string& name,
                           std::ostream* out) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> opened, OpenTokenizer(options.encoder));
  const Tokenizer& tokenizer = *opened;
  const Framing framing = FramingOf(tokenizer);
  std::string text;
  std::string line;
  for (int64_t number = 1; std::getline(*in, text, '\n'); ++number) {
    if (const absl::Status status = CheckUtf8(text); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(name, ":", number, ": ", status.message()));
    }
    std::vector<int64_t> ids = options.plain_text ? tokenizer.Encode(text) : tokenizer.EncodeWithSpecial(text);
    if (options.special_tokens) {
      ids.insert(ids.begin(), framing.before.begin(), framing.before.end());
      ids.insert(ids.end(), framing.after.begin(), framing.after.end());
    }
    line.clear();
    for (const int64_t id : ids) {
      if (!line.empty()) {
        line.push_back(' ');
      }
      if (options.pieces) {
        line += tokenizer.Piece(id);
      } else {
        absl::StrAppend(&line, id);
      }
    }
    line.push_back('\n');
    if (!out->write(line.data(), static_cast<std::streamsize>(line.size()))) {
      break;  // the caller checks the stream
    }
  }
  if (in->bad()) {
    return absl::UnavailableError(absl::StrCat(name, ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace metaprompt
