#include "experiments/commands/tokenize.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/commands/text_lines.h"
#include "experiments/workbench/model_assembly.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/prompts/framing.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

absl::Status TokenizeLines(const TokenizeOptions& options, std::istream* in, const std::string& name,
                           std::ostream* out) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> opened, OpenTokenizer(options.encoder));
  const Tokenizer& tokenizer = *opened;
  const Framing framing = FramingOf(tokenizer);
  TextLines texts(in, name);
  std::string text;
  std::string line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, texts.Next(&text));
    if (!more) {
      return absl::OkStatus();
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
      return absl::OkStatus();  // the caller checks the stream
    }
  }
}

}  // namespace metaprompt
