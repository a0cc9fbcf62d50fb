// The C interface of the shared object that holds sentencepiece.
//
// Debian's libsentencepiece contains its own copy of protobuf and exports its symbols. A program that links another
// protobuf, as LibTorch and ours do, aborts when the two conflict. So sentencepiece is linked into a shared object that
// is opened with RTLD_LOCAL | RTLD_DEEPBIND: it uses its own copy, and no other code sees that copy.
#ifndef METAPROMPT_TOKENIZERS_SENTENCEPIECE_PLUGIN_H_
#define METAPROMPT_TOKENIZERS_SENTENCEPIECE_PLUGIN_H_

#include <cstddef>

extern "C" {

// Receives bytes that are valid during the call.
using MetapromptSink = void (*)(void* user, const char* bytes, size_t size);

struct MetapromptSentencePiece {
  // Returns a processor, or null after handing the error to `sink`.
  void* (*load)(const char* bytes, size_t size, void* user, MetapromptSink sink);
  void (*unload)(void* processor);
  int (*vocab_size)(void* processor);
  // The id of a piece, or -1 if there is none of that name.
  int (*piece_id)(void* processor, const char* piece);
  void (*piece)(void* processor, int id, void* user, MetapromptSink sink);
  // Writes at most `capacity` ids; returns how many there are, or -1 on failure.
  int (*encode)(void* processor, const char* text, size_t size, int* ids, int capacity);
  // Trains with sentencepiece's own `flags` on `count` sentences. Returns 0 and hands the model to `sink`, or 1 and
  // hands the error to it.
  int (*train)(const char* flags, const char* const* sentences, const size_t* sizes, size_t count, void* user,
               MetapromptSink sink);
};

// The one symbol that the shared object is asked for.
const MetapromptSentencePiece* metaprompt_sentencepiece();
}

#endif  // METAPROMPT_TOKENIZERS_SENTENCEPIECE_PLUGIN_H_
