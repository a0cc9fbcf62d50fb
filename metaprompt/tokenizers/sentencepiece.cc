#include <dlfcn.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/tokenizers/sentencepiece_plugin.h"
#include "metaprompt/tokenizers/tokenizer.h"

// AddressSanitizer does not support RTLD_DEEPBIND. Its builds open the plugin without this flag, which works if no
// other protobuf is linked.
#if defined(__SANITIZE_ADDRESS__)
#define METAPROMPT_DEEPBIND 0
#else
#define METAPROMPT_DEEPBIND RTLD_DEEPBIND
#endif

namespace metaprompt {
namespace {

void Append(void* user, const char* bytes, size_t size) { static_cast<std::string*>(user)->append(bytes, size); }

absl::StatusOr<const MetapromptSentencePiece*> Plugin() {
  static const auto* const opened = [] {
    auto* result = new absl::StatusOr<const MetapromptSentencePiece*>();
    // Found through the run path of the executable, which contains folders relative to it.
    void* handle = dlopen("libmetaprompt_sentencepiece.so", RTLD_NOW | RTLD_LOCAL | METAPROMPT_DEEPBIND);
    void* symbol = handle == nullptr ? nullptr : dlsym(handle, "metaprompt_sentencepiece");
    if (symbol == nullptr) {
      *result = absl::FailedPreconditionError(absl::StrCat(
          "cannot open the sentencepiece plugin, which must be in the folder of the program: ", dlerror()));
    } else {
      *result = reinterpret_cast<const MetapromptSentencePiece* (*)()>(symbol)();
    }
    return result;
  }();
  return *opened;
}

class SentencePiece : public Tokenizer {
 public:
  SentencePiece(const MetapromptSentencePiece* plugin, void* processor, SpecialIds special, std::string bytes)
      : plugin_(plugin),
        processor_(processor),
        special_(special),
        vocab_size_(plugin->vocab_size(processor)),
        files_({{kSentencePieceFile, std::move(bytes)}}) {}
  ~SentencePiece() override { plugin_->unload(processor_); }
  SentencePiece(const SentencePiece&) = delete;
  SentencePiece& operator=(const SentencePiece&) = delete;

  int64_t vocab_size() const override { return vocab_size_; }
  SpecialIds special() const override { return special_; }
  const TokenizerFiles& files() const override { return files_; }

  std::vector<int64_t> Encode(absl::string_view text) const override {
    std::vector<int> ids(text.size() + 16);
    int count = plugin_->encode(processor_, text.data(), text.size(), ids.data(), static_cast<int>(ids.size()));
    if (count > static_cast<int>(ids.size())) {
      ids.resize(static_cast<size_t>(count));
      count = plugin_->encode(processor_, text.data(), text.size(), ids.data(), count);
    }
    return {ids.begin(), ids.begin() + std::max(count, 0)};
  }

  std::string Piece(int64_t id) const override {
    std::string piece;
    plugin_->piece(processor_, static_cast<int>(id), &piece, Append);
    return piece;
  }

 private:
  const MetapromptSentencePiece* plugin_;
  void* processor_;
  SpecialIds special_;
  int64_t vocab_size_;
  TokenizerFiles files_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadSentencePiece(std::string bytes, absl::string_view name) {
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, LoadPlainSentencePiece(std::move(bytes), name));
  const SpecialIds special = tokenizer->special();
  for (const auto& [piece, id] : {std::make_pair("[CLS]", special.cls), std::make_pair("[SEP]", special.sep),
                                  std::make_pair("[MASK]", special.mask)}) {
    if (id < 0) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": the sentencepiece model has no piece ", piece));
    }
  }
  return tokenizer;
}

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadPlainSentencePiece(std::string bytes, absl::string_view name) {
  ASSIGN_OR_RETURN(const MetapromptSentencePiece* const plugin, Plugin());
  std::string error;
  void* processor = bytes.empty() ? nullptr : plugin->load(bytes.data(), bytes.size(), &error, Append);
  if (processor == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": not a sentencepiece model"));
  }
  SpecialIds special;
  special.cls = plugin->piece_id(processor, "[CLS]");
  special.sep = plugin->piece_id(processor, "[SEP]");
  special.mask = plugin->piece_id(processor, "[MASK]");
  special.unk = plugin->piece_id(processor, "<unk>");
  special.pad = plugin->piece_id(processor, "<pad>");
  return std::make_unique<SentencePiece>(plugin, processor, special, std::move(bytes));
}

absl::StatusOr<std::string> TrainSentencePiece(const std::vector<std::string>& texts, int vocab_size,
                                               absl::string_view normalization, absl::string_view field) {
  ASSIGN_OR_RETURN(const MetapromptSentencePiece* const plugin, Plugin());
  std::vector<const char*> sentences;
  std::vector<size_t> sizes;
  for (const std::string& text : texts) {
    sentences.push_back(text.data());
    sizes.push_back(text.size());
  }
  // Control symbols are never found in text, so a text that spells [MASK] stays text.
  const std::string flags = absl::StrCat(
      "--model_type=bpe --normalization_rule_name=", normalization,
      " --pad_id=0 --unk_id=1 --bos_id=-1 --eos_id=-1 --control_symbols=[CLS],[SEP],[MASK] --num_threads=1 "
      "--minloglevel=2 --max_sentence_length=65536 --vocab_size=",
      vocab_size);
  std::string answer;
  if (plugin->train(flags.c_str(), sentences.data(), sizes.data(), sentences.size(), &answer, Append) == 0) {
    return answer;
  }
  // It is an error if the texts do not yield so many pieces, or if their characters alone need more. The trainer's
  // message begins with a place in its source code, which ends with `] `.
  if (const size_t place = answer.rfind("] "); place != std::string::npos) {
    answer.erase(0, place + 2);
  }
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", vocab_size, "; sentencepiece's message: ", answer));
}

}  // namespace metaprompt
