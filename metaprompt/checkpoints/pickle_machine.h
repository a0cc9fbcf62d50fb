// PickleMachine: the machine that runs a pickle. It has the bytes to read, a stack of values with marks, and a memo.
// torch_pickle.cc interprets the values.
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

// A value's index in PickleMachine. Values refer to one another by index, so no function recurses, even if the file is
// deeply nested.
using PickleIndex = size_t;

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  int64_t number = 0;  // kBool, kInt; kGlobal: which one; kStorage: number of elements; kTensor: index of the tensor
  std::string text;    // kText; kStorage: its record
  absl::string_view dtype;           // kGlobal of a storage class, kStorage
  std::vector<PickleIndex> members;  // kSequence (tuple or list); kDict: key, value, key, value...
};

// The first error is kept, and the caller must then stop. Until then, every function is safe for any pickle.
class PickleMachine {
 public:
  explicit PickleMachine(absl::string_view bytes) : bytes_(bytes), size_(bytes.size()) {}

  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  void Fail(std::string error);
  void Malformed() { Fail("not a pickle of tensors"); }

  // The next bytes. It is an error to read past the end; the result is then empty.
  size_t position() const { return size_ - bytes_.size(); }
  absl::string_view Take(uint64_t count);
  // A little-endian number of `count` <= 8 bytes.
  uint64_t Unsigned(size_t count);
  // The bytes up to the next '\n', without it.
  std::string Line();

  // The stack. Only the values above the last mark can be taken. Those below it can be taken when the mark has been
  // removed.
  void Push(PickleValue value);
  void PushAgain(PickleIndex value) { stack_.push_back(value); }
  void PushNumber(PickleKind kind, int64_t number);
  void PushText(absl::string_view text);
  void PushMembers(PickleKind kind, std::vector<PickleIndex> members);
  void PushMark() { marks_.push_back(stack_.size()); }
  // Whether `count` values can be taken. If not, it is an error.
  bool Needs(size_t count);
  // Empty after an error.
  std::vector<PickleIndex> Pop(size_t count);
  std::vector<PickleIndex> PopToMark();
  // The value at the top. If it is not of this kind, returns null, and it is an error.
  PickleValue* Top(PickleKind kind);
  const PickleValue& value(PickleIndex index) const { return values_[index]; }
  // The only value on the stack, if it is of this kind and there is no mark; otherwise null.
  const PickleValue* Only(PickleKind kind) const;

  // The memo.
  void Remember(uint64_t slot);
  void Recall(uint64_t slot);

 private:
  size_t Floor() const { return marks_.empty() ? 0 : marks_.back(); }

  absl::string_view bytes_;  // the bytes that have not been read
  size_t size_;
  std::string error_;
  std::vector<PickleValue> values_;
  std::vector<PickleIndex> stack_;
  std::vector<size_t> marks_;  // heights of the stack at the marks
  std::unordered_map<uint64_t, PickleIndex> memo_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_PICKLE_MACHINE_H_
