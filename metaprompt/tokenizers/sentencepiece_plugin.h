// The C interface of the shared object that contains sentencepiece.
//
// Debian's libsentencepiece contains a copy of protobuf and exports its symbols. A program that links another protobuf,
// as LibTorch and our program do, aborts when the two conflict. So sentencepiece is linked into a shared object, which
// is opened with RTLD_LOCAL | RTLD_DEEPBIND. It then uses its own copy of protobuf, and no other code uses that copy.
#ifndef METAPROMPT_TOKENIZERS_SENTENCEPIECE_PLUGIN_H_
#define METAPROMPT_TOKENIZERS_SENTENCEPIECE_PLUGIN_H_

#include <cstddef>

extern "C" {

// Receives bytes that are valid during the call.
using MetapromptSink = void (*)(void* user, const char* bytes, size_t size);

struct MetapromptSentencePiece {
  // Returns a processor. On failure, passes the error to `sink` and returns null.
  void* (*load)(const char* bytes, size_t size, void* user, MetapromptSink sink);
  void (*unload)(void* processor);
  int (*vocab_size)(void* processor);
  // The id of a piece; -1 if there is no such piece.
  int (*piece_id)(void* processor, const char* piece);
  void (*piece)(void* processor, int id, void* user, MetapromptSink sink);
  // Writes at most `capacity` ids. Returns the number of ids of the text, or -1 on failure.
  int (*encode)(void* processor, const char* text, size_t size, int* ids, int capacity);
  // Trains a model on `count` sentences. `flags` are those of sentencepiece's trainer. On success, passes the model to
  // `sink` and returns 0. On failure, passes the error to `sink` and returns 1.
  int (*train)(const char* flags, const char* const* sentences, const size_t* sizes, size_t count, void* user,
               MetapromptSink sink);
};

// The only symbol that is looked up in the shared object.
const MetapromptSentencePiece* metaprompt_sentencepiece();
}

#endif  // METAPROMPT_TOKENIZERS_SENTENCEPIECE_PLUGIN_H_
