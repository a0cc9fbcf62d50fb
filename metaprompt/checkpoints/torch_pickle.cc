#include "metaprompt/checkpoints/torch_pickle.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/text.h"
#include "metaprompt/checkpoints/pickle_machine.h"

namespace metaprompt {
namespace {

// The storage classes of the Python module torch, and safetensors' names of their element types.
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

// Many tensors can refer to the same tuple of sizes or the same record name, of which each gets a copy. So their
// lengths are limited.
constexpr size_t kMaxDims = 64;
constexpr size_t kMaxRecord = 200;

enum class Global { kOrderedDict, kRebuildTensor, kRebuildTensorV2, kRebuildParameter, kStorage };

using Kind = PickleKind;
using Index = PickleIndex;
using Value = PickleValue;

class Unpickler {
 public:
  explicit Unpickler(absl::string_view bytes) : machine_(bytes) {}

  absl::StatusOr<std::vector<PickledTensor>> Run() {
    while (!stopped_) {
      const size_t at = machine_.position();
      Step();
      if (!machine_.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(machine_.error(), " (byte ", at, " of the pickle)"));
      }
    }
    return Tensors();
  }

 private:
  const Value& ValueAt(Index index) const { return machine_.value(index); }

  void PushGlobal() {
    const std::string module = machine_.Line();
    const std::string name = machine_.Line();
    if (!machine_.ok()) {
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
      return machine_.Push(std::move(value));
    }
    value.number = static_cast<int64_t>(Global::kStorage);
    for (const auto& [storage, dtype] : kStorages) {
      if (module == "torch" && name == storage) {
        value.dtype = dtype;
        return machine_.Push(std::move(value));
      }
    }
    machine_.Fail(absl::StrCat("it uses ", Quoted(whole), ", which tensors do not need; the file is refused"));
  }

  // ("storage", class, record, device, elements)
  void PushStorage() {
    const std::vector<Index> popped = machine_.Pop(1);
    if (popped.empty() || ValueAt(popped[0]).kind != Kind::kSequence || ValueAt(popped[0]).members.size() != 5) {
      return machine_.Malformed();
    }
    const std::vector<Index>& members = ValueAt(popped[0]).members;
    const Value& tag = ValueAt(members[0]);
    const Value& type = ValueAt(members[1]);
    const Value& record = ValueAt(members[2]);
    const Value& elements = ValueAt(members[4]);
    if (tag.kind != Kind::kText || tag.text != "storage" || type.kind != Kind::kGlobal || type.dtype.empty() ||
        record.kind != Kind::kText || record.text.size() > kMaxRecord || elements.kind != Kind::kInt ||
        elements.number < 0) {
      return machine_.Malformed();
    }
    Value value;
    value.kind = Kind::kStorage;
    value.number = elements.number;
    value.text = record.text;
    value.dtype = type.dtype;
    machine_.Push(std::move(value));
  }

  bool Sizes(const Value& value, std::vector<int64_t>* sizes) const {
    if (value.members.size() > kMaxDims) {
      return false;
    }
    for (const Index member : value.members) {
      if (ValueAt(member).kind != Kind::kInt || ValueAt(member).number < 0) {
        return false;
      }
      sizes->push_back(ValueAt(member).number);
    }
    return value.kind == Kind::kSequence;
  }

  // (storage, offset, sizes, strides, ...). The other arguments do not change the numbers.
  void PushTensor(const std::vector<Index>& arguments) {
    if (arguments.size() < 4) {
      return machine_.Malformed();
    }
    const Value& storage = ValueAt(arguments[0]);
    const Value& offset = ValueAt(arguments[1]);
    PickledTensor tensor;
    if (storage.kind != Kind::kStorage || offset.kind != Kind::kInt || offset.number < 0 ||
        !Sizes(ValueAt(arguments[2]), &tensor.tensor.shape) || !Sizes(ValueAt(arguments[3]), &tensor.strides) ||
        tensor.tensor.shape.size() != tensor.strides.size()) {
      return machine_.Malformed();
    }
    tensor.tensor.dtype = std::string(storage.dtype);
    tensor.storage = storage.text;
    tensor.storage_size = storage.number;
    tensor.offset = offset.number;
    if (!Inside(tensor)) {
      return machine_.Fail(
          absl::StrCat("a tensor's sizes and strides reach outside of its storage of ", storage.number, " elements"));
    }
    machine_.PushNumber(Kind::kTensor, static_cast<int64_t>(tensors_.size()));
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
    int64_t last = tensor.offset;  // the index of the last element in the storage
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

  // Calls a function; it is on the stack below its arguments.
  void Reduce() {
    const std::vector<Index> popped = machine_.Pop(2);
    if (popped.size() != 2 || ValueAt(popped[0]).kind != Kind::kGlobal || ValueAt(popped[1]).kind != Kind::kSequence) {
      return machine_.Malformed();
    }
    const std::vector<Index>& arguments = ValueAt(popped[1]).members;  // valid until a value is pushed
    switch (static_cast<Global>(ValueAt(popped[0]).number)) {
      case Global::kOrderedDict:
        // Only Python 2 passes its pairs as an argument.
        return arguments.empty() ? machine_.PushMembers(Kind::kDict, {}) : machine_.Malformed();
      case Global::kRebuildTensor:
      case Global::kRebuildTensorV2:
        return PushTensor(arguments);
      case Global::kRebuildParameter:  // (tensor, requires_grad, backward_hooks)
        if (arguments.empty() || ValueAt(arguments[0]).kind != Kind::kTensor) {
          return machine_.Malformed();
        }
        machine_.PushAgain(arguments[0]);
        return;
      case Global::kStorage:
        return machine_.Malformed();
    }
  }

  void Extend(Kind kind, const std::vector<Index>& members) {
    Value* container = machine_.ok() ? machine_.Top(kind) : nullptr;
    if (container == nullptr || (kind == Kind::kDict && members.size() % 2 != 0)) {
      return machine_.Malformed();
    }
    container->members.insert(container->members.end(), members.begin(), members.end());
  }

  // Pushes a whole number of `count` bytes in two's complement.
  void PushLong(uint64_t count) {
    if (count > 8) {
      return machine_.Fail("it holds a number of more than 64 bits");
    }
    const uint64_t number = machine_.Unsigned(count);
    const uint64_t sign = count == 0 ? 0 : number >> (8 * count - 1) & 1U;
    machine_.PushNumber(Kind::kInt,
                        static_cast<int64_t>(sign != 0 && count < 8 ? number | (~uint64_t{0} << (8 * count)) : number));
  }

  // Runs an instruction that pushes a number or text. Returns false if `code` is another instruction.
  bool PushLiteral(unsigned char code) {
    switch (code) {
      case 'N':  // NONE
        machine_.PushNumber(Kind::kNone, 0);
        return true;
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        machine_.PushNumber(Kind::kBool, code == 0x88 ? 1 : 0);
        return true;
      case 'J':  // BININT
        machine_.PushNumber(Kind::kInt, static_cast<int32_t>(machine_.Unsigned(4)));
        return true;
      case 'K':  // BININT1
        machine_.PushNumber(Kind::kInt, static_cast<int64_t>(machine_.Unsigned(1)));
        return true;
      case 'M':  // BININT2
        machine_.PushNumber(Kind::kInt, static_cast<int64_t>(machine_.Unsigned(2)));
        return true;
      case 0x8a:  // LONG1
        PushLong(machine_.Unsigned(1));
        return true;
      case 'G':  // BINFLOAT
        machine_.Take(8);
        machine_.PushNumber(Kind::kFloat, 0);
        return true;
      case 'X':  // BINUNICODE
      case 'T':  // BINSTRING
        machine_.PushText(machine_.Take(machine_.Unsigned(4)));
        return true;
      case 0x8c:  // SHORT_BINUNICODE
      case 'U':   // SHORT_BINSTRING
        machine_.PushText(machine_.Take(machine_.Unsigned(1)));
        return true;
      default:
        return false;
    }
  }

  // Runs one instruction. The names and codes are those in Python's Lib/pickle.py and pickletools.py.
  void Step() {
    const auto code = static_cast<unsigned char>(machine_.Unsigned(1));
    if (!machine_.ok() || PushLiteral(code)) {
      return;
    }
    switch (code) {
      case 0x80: {  // PROTO
        const uint64_t protocol = machine_.Unsigned(1);
        return protocol > 3
                   ? machine_.Fail(absl::StrCat("it is of pickle protocol ", protocol, "; torch.save writes 2"))
                   : void();
      }
      case '.':  // STOP
        stopped_ = true;
        return;
      case '(':  // MARK
        machine_.PushMark();
        return;
      case ')':  // EMPTY_TUPLE
      case ']':  // EMPTY_LIST
        return machine_.PushMembers(Kind::kSequence, {});
      case '}':  // EMPTY_DICT
        return machine_.PushMembers(Kind::kDict, {});
      case 't':  // TUPLE
        return machine_.PushMembers(Kind::kSequence, machine_.PopToMark());
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        return machine_.PushMembers(Kind::kSequence, machine_.Pop(code - 0x84U));
      case 'a':  // APPEND
        return Extend(Kind::kSequence, machine_.Pop(1));
      case 'e':  // APPENDS
        return Extend(Kind::kSequence, machine_.PopToMark());
      case 's':  // SETITEM
        return Extend(Kind::kDict, machine_.Pop(2));
      case 'u':  // SETITEMS
        return Extend(Kind::kDict, machine_.PopToMark());
      case 'q':  // BINPUT
        return machine_.Remember(machine_.Unsigned(1));
      case 'r':  // LONG_BINPUT
        return machine_.Remember(machine_.Unsigned(4));
      case 'h':  // BINGET
        return machine_.Recall(machine_.Unsigned(1));
      case 'j':  // LONG_BINGET
        return machine_.Recall(machine_.Unsigned(4));
      case 'c':  // GLOBAL
        return PushGlobal();
      case 'Q':  // BINPERSID
        return PushStorage();
      case 'R':  // REDUCE
        return Reduce();
      case 'b':  // BUILD: attributes of an OrderedDict, such as _metadata, or of a parameter
        machine_.Pop(1);
        return machine_.Needs(1) ? void() : machine_.Malformed();
      default:
        return machine_.Fail(
            absl::StrCat("instruction ", static_cast<int>(code), " is not one that tensors need; refused"));
    }
  }

  absl::StatusOr<std::vector<PickledTensor>> Tensors() {
    const Value* dict = machine_.Only(Kind::kDict);
    if (dict == nullptr) {
      return absl::InvalidArgumentError("it holds something other than a dictionary of tensors");
    }
    const std::vector<Index>& members = dict->members;
    std::vector<PickledTensor> named;
    std::set<absl::string_view> names;
    for (size_t i = 0; i + 1 < members.size(); i += 2) {
      const Value& key = ValueAt(members[i]);
      const Value& value = ValueAt(members[i + 1]);
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

  PickleMachine machine_;
  bool stopped_ = false;
  std::vector<PickledTensor> tensors_;
};

}  // namespace

absl::StatusOr<std::vector<PickledTensor>> ParseTorchPickle(absl::string_view pickle) {
  return Unpickler(pickle).Run();
}

}  // namespace metaprompt
