// The machine that runs a pickle: bytes to read, a stack of values with marks, and a memo. What its values mean is for
// torch_pickle.cc.
#ifndef METAPROMPT_CHECKPOINTS_PICKLE_MACHINE_H_
#define METAPROMPT_CHECKPOINTS_PICKLE_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"

namespace metaprompt {

enum class PickleKind { kNone, kBool, kInt, kFloat, kText, kSequence, kDict, kGlobal, kStorage, kTensor };

// A value's place in PickleMachine. Values hold one another by place, so nothing recurses however deep the file nests.
using PickleIndex = size_t;

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  int64_t number = 0;                // kBool, kInt; kGlobal: which; kStorage: elements; kTensor: index of the tensor
  std::string text;                  // kText; kStorage: its record
  absl::string_view dtype;           // kGlobal of a storage class, kStorage
  std::vector<PickleIndex> members;  // kSequence (tuple or list); kDict: key, value, key, value...
};

// The first error is kept; the caller stops at it. Until then every function is safe on any pickle.
class PickleMachine {
 public:
  explicit PickleMachine(absl::string_view bytes) : bytes_(bytes), size_(bytes.size()) {}

  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  void Fail(std::string error);
  void Malformed() { Fail("not a pickle of tensors"); }

  // Bytes. Past the end they are an error, and empty.
  size_t position() const { return size_ - bytes_.size(); }
  absl::string_view Take(uint64_t count);
  // Little-endian, of `count` <= 8 bytes.
  uint64_t Unsigned(size_t count);
  // Without its end, '\n'.
  std::string Line();

  // The stack. Values above the last mark can be taken; those below it can be taken only after the mark.
  void Push(PickleValue value);
  void PushAgain(PickleIndex value) { stack_.push_back(value); }
  void PushNumber(PickleKind kind, int64_t number);
  void PushText(absl::string_view text);
  void PushMembers(PickleKind kind, std::vector<PickleIndex> members);
  void PushMark() { marks_.push_back(stack_.size()); }
  // False, and an error, unless there are so many values to take.
  bool Needs(size_t count);
  // Empty after an error.
  std::vector<PickleIndex> Pop(size_t count);
  std::vector<PickleIndex> PopToMark();
  // Null, and an error, unless the top is of that kind.
  PickleValue* Top(PickleKind kind);
  const PickleValue& value(PickleIndex index) const { return values_[index]; }
  // The one value that is left, if it is of that kind and there is no mark; else null.
  const PickleValue* Only(PickleKind kind) const;

  // The memo.
  void Remember(uint64_t slot);
  void Recall(uint64_t slot);

 private:
  size_t Floor() const { return marks_.empty() ? 0 : marks_.back(); }

  absl::string_view bytes_;  // what is left to read
  size_t size_;
  std::string error_;
  std::vector<PickleValue> values_;
  std::vector<PickleIndex> stack_;
  std::vector<size_t> marks_;  // heights of the stack
  std::unordered_map<uint64_t, PickleIndex> memo_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_PICKLE_MACHINE_H_
