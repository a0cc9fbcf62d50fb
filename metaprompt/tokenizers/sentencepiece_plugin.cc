#include "metaprompt/tokenizers/sentencepiece_plugin.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace sentencepiece::logging {
void SetMinLogLevel(int level);  // exported, but not declared in any installed header
}

namespace {

using sentencepiece::SentencePieceProcessor;

constexpr int kErrorsAlone = 2;

// Passes the caller's sentences to the trainer, one at a time.
class Sentences : public sentencepiece::SentenceIterator {
 public:
  Sentences(const char* const* texts, const size_t* sizes, size_t count) : texts_(texts), sizes_(sizes), count_(count) {
    Read();
  }
  bool done() const override { return at_ == count_; }
  void Next() override {
    ++at_;
    Read();
  }
  const std::string& value() const override { return value_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void Read() {
    if (at_ < count_) {
      value_.assign(texts_[at_], sizes_[at_]);
    }
  }

  const char* const* texts_;
  const size_t* sizes_;
  size_t count_;
  size_t at_ = 0;
  std::string value_;
};

SentencePieceProcessor* Processor(void* processor) { return static_cast<SentencePieceProcessor*>(processor); }

void* Load(const char* bytes, size_t size, void* user, MetapromptSink sink) {
  auto processor = std::make_unique<SentencePieceProcessor>();
  const auto status = processor->LoadFromSerializedProto(std::string(bytes, size));
  if (!status.ok()) {
    const std::string error = status.ToString();
    sink(user, error.data(), error.size());
    return nullptr;
  }
  return processor.release();
}

void Unload(void* processor) { delete Processor(processor); }

int VocabSize(void* processor) { return Processor(processor)->GetPieceSize(); }

int PieceId(void* processor, const char* piece) {
  const int id = Processor(processor)->PieceToId(piece);
  return Processor(processor)->IdToPiece(id) == piece ? id : -1;
}

void Piece(void* processor, int id, void* user, MetapromptSink sink) {
  const std::string& piece = Processor(processor)->IdToPiece(id);
  sink(user, piece.data(), piece.size());
}

int Encode(void* processor, const char* text, size_t size, int* ids, int capacity) {
  std::vector<int> all;
  if (!Processor(processor)->Encode({text, size}, &all).ok()) {
    return -1;
  }
  std::copy_n(all.begin(), std::min<size_t>(all.size(), static_cast<size_t>(capacity)), ids);
  return static_cast<int>(all.size());
}

int Train(const char* flags, const char* const* sentences, const size_t* sizes, size_t count, void* user,
          MetapromptSink sink) {
  sentencepiece::logging::SetMinLogLevel(kErrorsAlone);  // the trainer logs before it reads its own flag
  Sentences iterator(sentences, sizes, count);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(flags, &iterator, &model);
  const std::string& answer = status.ok() ? model : status.ToString();
  sink(user, answer.data(), answer.size());
  return status.ok() ? 0 : 1;
}

}  // namespace

const MetapromptSentencePiece* metaprompt_sentencepiece() {
  static const MetapromptSentencePiece plugin = {Load, Unload, VocabSize, PieceId, Piece, Encode, Train};
  return &plugin;
}
