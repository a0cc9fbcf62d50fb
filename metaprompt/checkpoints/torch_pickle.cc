#include "metaprompt/checkpoints/torch_pickle.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

// Storage classes of the module torch, and safetensors' names of their elements.
constexpr std::array<std::pair<absl::string_view, absl::string_view>, 10> kStorages = {{
    {"FloatStorage", "F32"},
    {"DoubleStorage", "F64"},
    {"HalfStorage", "F16"},
    {"BFloat16Storage", "BF16"},
    {"LongStorage", "I64"},
    {"IntStorage", "I32"},
    {"ShortStorage", "I16"},
    {"CharStorage", "I8"},
    {"ByteStorage", "U8"},
    {"BoolStorage", "BOOL"},
}};

// One tuple can be the sizes of many tensors, and one text the record of many: what each copies is bounded.
constexpr size_t kMaxDims = 64;
constexpr size_t kMaxRecord = 200;

enum class Global { kOrderedDict, kRebuildTensor, kRebuildTensorV2, kRebuildParameter, kStorage };

enum class Kind { kNone, kBool, kInt, kFloat, kText, kSequence, kDict, kGlobal, kStorage, kTensor };

// Values live in one vector and hold one another by index: no recursion, whatever the file nests.
using Index = size_t;

struct Value {
  Kind kind = Kind::kNone;
  int64_t number = 0;          // kBool, kInt; kGlobal: a Global; kStorage: elements; kTensor: index of the tensor
  std::string text;            // kText; kStorage: its record
  absl::string_view dtype;     // kGlobal kStorage, kStorage
  std::vector<Index> members;  // kSequence (tuple or list); kDict: key, value, key, value...
};

class Unpickler {
 public:
  explicit Unpickler(absl::string_view bytes) : bytes_(bytes), size_(bytes.size()) {}

  absl::StatusOr<std::vector<PickledTensor>> Run() {
    while (error_.empty() && !stopped_) {
      const size_t at = Position();
      Step();
      if (!error_.empty()) {
        return absl::InvalidArgumentError(absl::StrCat(error_, " (byte ", at, " of the pickle)"));
      }
    }
    return Tensors();
  }

 private:
  size_t Position() const { return size_ - bytes_.size(); }

  void Fail(std::string error) {
    if (error_.empty()) {
      error_ = std::move(error);
    }
  }
  void Malformed() { Fail("not a pickle of tensors"); }

  // ------------------------------------------------------------ bytes

  absl::string_view Take(uint64_t count) {
    if (count > bytes_.size()) {
      Fail("it is cut short");
      bytes_ = {};
      return {};
    }
    const absl::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  uint64_t Unsigned(size_t count) {
    uint64_t number = 0;
    const absl::string_view taken = Take(count);
    for (size_t i = 0; i < taken.size(); ++i) {
      number |= static_cast<uint64_t>(static_cast<unsigned char>(taken[i])) << (8 * i);
    }
    return number;
  }
  std::string Line() {
    const size_t end = bytes_.find('\n');
    if (end == absl::string_view::npos) {
      Fail("it is cut short");
      return "";
    }
    std::string line(Take(end));
    Take(1);
    return line;
  }

  // ------------------------------------------------------------ stack

  void Push(Value value) {
    stack_.push_back(values_.size());
    values_.push_back(std::move(value));
  }
  void PushNumber(Kind kind, int64_t number) {
    Value value;
    value.kind = kind;
    value.number = number;
    Push(std::move(value));
  }
  void PushText(absl::string_view text) {
    Value value;
    value.kind = Kind::kText;
    value.text = std::string(text);
    Push(std::move(value));
  }
  void PushMembers(Kind kind, std::vector<Index> members) {
    Value value;
    value.kind = kind;
    value.members = std::move(members);
    Push(std::move(value));
  }

  // Values above the last mark can be taken, those below it not before the mark.
  size_t Floor() const { return marks_.empty() ? 0 : marks_.back(); }
  bool Needs(size_t count) {
    if (stack_.size() - Floor() < count) {
      Malformed();
      return false;
    }
    return true;
  }
  std::vector<Index> Pop(size_t count) {
    if (!Needs(count)) {
      return {};
    }
    std::vector<Index> popped(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return popped;
  }
  std::vector<Index> PopToMark() {
    if (marks_.empty()) {
      Malformed();
      return {};
    }
    std::vector<Index> popped = Pop(stack_.size() - Floor());
    marks_.pop_back();
    return popped;
  }
  Value* Top(Kind kind) {
    if (!Needs(1) || values_[stack_.back()].kind != kind) {
      Malformed();
      return nullptr;
    }
    return &values_[stack_.back()];
  }

  void Remember(uint64_t slot) {
    if (Needs(1)) {
      memo_[slot] = stack_.back();
    }
  }
  void Recall(uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) {
      return Malformed();
    }
    stack_.push_back(found->second);
  }

  // ------------------------------------------------------------ meaning

  void PushGlobal() {
    const std::string module = Line();
    const std::string name = Line();
    if (!error_.empty()) {
      return;
    }
    Value value;
    value.kind = Kind::kGlobal;
    const std::string whole = absl::StrCat(module, ".", name);
    const auto is = [&](absl::string_view known, Global global) {
      value.number = static_cast<int64_t>(global);
      return whole == known;
    };
    if (is("collections.OrderedDict", Global::kOrderedDict) ||
        is("torch._utils._rebuild_tensor", Global::kRebuildTensor) ||
        is("torch._utils._rebuild_tensor_v2", Global::kRebuildTensorV2) ||
        is("torch._utils._rebuild_parameter", Global::kRebuildParameter)) {
      return Push(std::move(value));
    }
    value.number = static_cast<int64_t>(Global::kStorage);
    for (const auto& [storage, dtype] : kStorages) {
      if (module == "torch" && name == storage) {
        value.dtype = dtype;
        return Push(std::move(value));
      }
    }
    Fail(absl::StrCat("it asks for ", Quoted(whole), ", which is neither a tensor nor part of one; refused"));
  }

  // ("storage", class, record, device, elements)
  void PushStorage() {
    const std::vector<Index> popped = Pop(1);
    if (popped.empty() || values_[popped[0]].kind != Kind::kSequence || values_[popped[0]].members.size() != 5) {
      return Malformed();
    }
    const std::vector<Index>& members = values_[popped[0]].members;
    const Value& tag = values_[members[0]];
    const Value& type = values_[members[1]];
    const Value& record = values_[members[2]];
    const Value& elements = values_[members[4]];
    if (tag.kind != Kind::kText || tag.text != "storage" || type.kind != Kind::kGlobal || type.dtype.empty() ||
        record.kind != Kind::kText || record.text.size() > kMaxRecord || elements.kind != Kind::kInt ||
        elements.number < 0) {
      return Malformed();
    }
    Value value;
    value.kind = Kind::kStorage;
    value.number = elements.number;
    value.text = record.text;
    value.dtype = type.dtype;
    Push(std::move(value));
  }

  bool Sizes(const Value& value, std::vector<int64_t>* sizes) const {
    if (value.members.size() > kMaxDims) {
      return false;
    }
    for (const Index member : value.members) {
      if (values_[member].kind != Kind::kInt || values_[member].number < 0) {
        return false;
      }
      sizes->push_back(values_[member].number);
    }
    return value.kind == Kind::kSequence;
  }

  // (storage, offset, sizes, strides, ...): what follows says nothing about the numbers.
  void PushTensor(const std::vector<Index>& arguments) {
    if (arguments.size() < 4) {
      return Malformed();
    }
    const Value& storage = values_[arguments[0]];
    const Value& offset = values_[arguments[1]];
    PickledTensor tensor;
    if (storage.kind != Kind::kStorage || offset.kind != Kind::kInt || offset.number < 0 ||
        !Sizes(values_[arguments[2]], &tensor.tensor.shape) || !Sizes(values_[arguments[3]], &tensor.strides) ||
        tensor.tensor.shape.size() != tensor.strides.size()) {
      return Malformed();
    }
    tensor.tensor.dtype = std::string(storage.dtype);
    tensor.storage = storage.text;
    tensor.storage_size = storage.number;
    tensor.offset = offset.number;
    if (!Inside(tensor)) {
      return Fail(
          absl::StrCat("a tensor's sizes and strides reach outside of its storage of ", storage.number, " elements"));
    }
    PushNumber(Kind::kTensor, static_cast<int64_t>(tensors_.size()));
    tensors_.push_back(std::move(tensor));
  }

  static bool Inside(const PickledTensor& tensor) {
    const std::vector<int64_t>& shape = tensor.tensor.shape;
    const absl::StatusOr<uint64_t> bytes = TensorBytes(tensor.tensor.dtype, shape);
    if (!bytes.ok()) {
      return false;
    }
    if (*bytes == 0) {
      return true;
    }
    int64_t last = tensor.offset;  // the element furthest back
    for (size_t i = 0; i < shape.size(); ++i) {
      int64_t reach = 0;
      if (__builtin_mul_overflow(shape[i] - 1, tensor.strides[i], &reach) ||
          __builtin_add_overflow(last, reach, &last)) {
        return false;
      }
    }
    return last < tensor.storage_size &&
           *bytes / ElementBytes(tensor.tensor.dtype) <= static_cast<uint64_t>(tensor.storage_size);
  }

  // A function on the stack below its arguments.
  void Reduce() {
    const std::vector<Index> popped = Pop(2);
    if (popped.size() != 2 || values_[popped[0]].kind != Kind::kGlobal || values_[popped[1]].kind != Kind::kSequence) {
      return Malformed();
    }
    const std::vector<Index>& arguments = values_[popped[1]].members;  // until a value is pushed
    switch (static_cast<Global>(values_[popped[0]].number)) {
      case Global::kOrderedDict:
        // One that has its pairs as an argument is Python 2's.
        return arguments.empty() ? PushMembers(Kind::kDict, {}) : Malformed();
      case Global::kRebuildTensor:
      case Global::kRebuildTensorV2:
        return PushTensor(arguments);
      case Global::kRebuildParameter:  // (tensor, requires_grad, backward_hooks)
        if (arguments.empty() || values_[arguments[0]].kind != Kind::kTensor) {
          return Malformed();
        }
        stack_.push_back(arguments[0]);
        return;
      case Global::kStorage:
        return Malformed();
    }
  }

  void Extend(Kind kind, const std::vector<Index>& members) {
    Value* container = error_.empty() ? Top(kind) : nullptr;
    if (container == nullptr || (kind == Kind::kDict && members.size() % 2 != 0)) {
      return Malformed();
    }
    container->members.insert(container->members.end(), members.begin(), members.end());
  }

  // A whole number of that many bytes, the highest of which holds the sign.
  void PushLong(uint64_t count) {
    if (count > 8) {
      return Fail("it holds a number of more than 64 bits");
    }
    const uint64_t number = Unsigned(count);
    const uint64_t sign = count == 0 ? 0 : number >> (8 * count - 1) & 1U;
    PushNumber(Kind::kInt,
               static_cast<int64_t>(sign != 0 && count < 8 ? number | (~uint64_t{0} << (8 * count)) : number));
  }

  // One instruction. Their names and codes: Python's Lib/pickle.py and pickletools.py.
  void Step() {
    const auto code = static_cast<unsigned char>(Unsigned(1));
    if (!error_.empty()) {
      return;
    }
    switch (code) {
      case 0x80: {  // PROTO
        const uint64_t protocol = Unsigned(1);
        return protocol > 3 ? Fail(absl::StrCat("it is of pickle protocol ", protocol, "; torch.save's own is 2"))
                            : void();
      }
      case '.':  // STOP
        stopped_ = true;
        return;
      case '(':  // MARK
        marks_.push_back(stack_.size());
        return;
      case 'N':  // NONE
        return PushNumber(Kind::kNone, 0);
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        return PushNumber(Kind::kBool, code == 0x88 ? 1 : 0);
      case 'J':  // BININT
        return PushNumber(Kind::kInt, static_cast<int32_t>(Unsigned(4)));
      case 'K':  // BININT1
        return PushNumber(Kind::kInt, static_cast<int64_t>(Unsigned(1)));
      case 'M':  // BININT2
        return PushNumber(Kind::kInt, static_cast<int64_t>(Unsigned(2)));
      case 0x8a:  // LONG1
        return PushLong(Unsigned(1));
      case 'G':  // BINFLOAT
        Take(8);
        return PushNumber(Kind::kFloat, 0);
      case 'X':  // BINUNICODE
      case 'T':  // BINSTRING
        return PushText(Take(Unsigned(4)));
      case 0x8c:  // SHORT_BINUNICODE
      case 'U':   // SHORT_BINSTRING
        return PushText(Take(Unsigned(1)));
      case ')':  // EMPTY_TUPLE
      case ']':  // EMPTY_LIST
        return PushMembers(Kind::kSequence, {});
      case '}':  // EMPTY_DICT
        return PushMembers(Kind::kDict, {});
      case 't':  // TUPLE
        return PushMembers(Kind::kSequence, PopToMark());
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        return PushMembers(Kind::kSequence, Pop(code - 0x84U));
      case 'a':  // APPEND
        return Extend(Kind::kSequence, Pop(1));
      case 'e':  // APPENDS
        return Extend(Kind::kSequence, PopToMark());
      case 's':  // SETITEM
        return Extend(Kind::kDict, Pop(2));
      case 'u':  // SETITEMS
        return Extend(Kind::kDict, PopToMark());
      case 'q':  // BINPUT
        return Remember(Unsigned(1));
      case 'r':  // LONG_BINPUT
        return Remember(Unsigned(4));
      case 'h':  // BINGET
        return Recall(Unsigned(1));
      case 'j':  // LONG_BINGET
        return Recall(Unsigned(4));
      case 'c':  // GLOBAL
        return PushGlobal();
      case 'Q':  // BINPERSID
        return PushStorage();
      case 'R':  // REDUCE
        return Reduce();
      case 'b':  // BUILD: attributes of an OrderedDict, such as _metadata, or of a parameter
        Pop(1);
        return Needs(1) ? void() : Malformed();
      default:
        return Fail(absl::StrCat("instruction ", static_cast<int>(code), " is none that tensors need; refused"));
    }
  }

  absl::StatusOr<std::vector<PickledTensor>> Tensors() {
    if (stack_.size() != 1 || !marks_.empty() || values_[stack_[0]].kind != Kind::kDict) {
      return absl::InvalidArgumentError("it holds something other than a dictionary of tensors");
    }
    const std::vector<Index>& members = values_[stack_[0]].members;
    std::vector<PickledTensor> named;
    std::set<absl::string_view> names;
    for (size_t i = 0; i + 1 < members.size(); i += 2) {
      const Value& key = values_[members[i]];
      const Value& value = values_[members[i + 1]];
      if (key.kind != Kind::kText) {
        return absl::InvalidArgumentError("it holds a tensor whose name is not text");
      }
      if (value.kind != Kind::kTensor) {
        return absl::InvalidArgumentError(absl::StrCat(Quoted(key.text), " is not a tensor"));
      }
      if (!names.insert(key.text).second) {
        return absl::InvalidArgumentError(absl::StrCat("two tensors are named ", Quoted(key.text)));
      }
      PickledTensor tensor = tensors_[static_cast<size_t>(value.number)];
      tensor.tensor.name = key.text;
      named.push_back(std::move(tensor));
    }
    return named;
  }

  absl::string_view bytes_;  // what is left to read
  size_t size_;
  std::string error_;
  bool stopped_ = false;
  std::vector<Value> values_;
  std::vector<Index> stack_;
  std::vector<size_t> marks_;  // heights of the stack
  std::unordered_map<uint64_t, Index> memo_;
  std::vector<PickledTensor> tensors_;
};

}  // namespace

absl::StatusOr<std::vector<PickledTensor>> ParseTorchPickle(absl::string_view pickle) {
  return Unpickler(pickle).Run();
}

}  // namespace metaprompt
