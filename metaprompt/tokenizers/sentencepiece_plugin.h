// The C interface of the shared object that holds sentencepiece.
//
// Debian's libsentencepiece carries a protobuf of its own and exports its symbols; in a program that links another
// protobuf, as LibTorch and ours do, the two meet and abort. So sentencepiece is linked to a shared object that is
// opened with RTLD_LOCAL | RTLD_DEEPBIND: it finds its own protobuf first, and nobody else finds it.
#ifndef METAPROMPT_TOKENIZERS_SENTENCEPIECE_PLUGIN_H_
#define METAPROMPT_TOKENIZERS_SENTENCEPIECE_PLUGIN_H_

#include <cstddef>

extern "C" {

// Receives bytes that the plugin owns for the time of the call.
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
