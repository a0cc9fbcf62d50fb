#include "metaprompt/checkpoints/pickle_machine.h"

#include <utility>

namespace metaprompt {

void PickleMachine::Fail(std::string error) {
  if (error_.empty()) {
    error_ = std::move(error);
  }
}

absl::string_view PickleMachine::Take(uint64_t count) {
  if (count > bytes_.size()) {
    Fail("it is cut short");
    bytes_ = {};
    return {};
  }
  const absl::string_view taken = bytes_.substr(0, count);
  bytes_.remove_prefix(count);
  return taken;
}

uint64_t PickleMachine::Unsigned(size_t count) {
  uint64_t number = 0;
  const absl::string_view taken = Take(count);
  for (size_t i = 0; i < taken.size(); ++i) {
    number |= static_cast<uint64_t>(static_cast<unsigned char>(taken[i])) << (8 * i);
  }
  return number;
}

std::string PickleMachine::Line() {
  const size_t end = bytes_.find('\n');
  if (end == absl::string_view::npos) {
    Fail("it is cut short");
    return "";
  }
  std::string line(Take(end));
  Take(1);
  return line;
}

void PickleMachine::Push(PickleValue value) {
  stack_.push_back(values_.size());
  values_.push_back(std::move(value));
}

void PickleMachine::PushNumber(PickleKind kind, int64_t number) {
  PickleValue value;
  value.kind = kind;
  value.number = number;
  Push(std::move(value));
}

void PickleMachine::PushText(absl::string_view text) {
  PickleValue value;
  value.kind = PickleKind::kText;
  value.text = std::string(text);
  Push(std::move(value));
}

void PickleMachine::PushMembers(PickleKind kind, std::vector<PickleIndex> members) {
  PickleValue value;
  value.kind = kind;
  value.members = std::move(members);
  Push(std::move(value));
}

bool PickleMachine::Needs(size_t count) {
  if (stack_.size() - Floor() < count) {
    Malformed();
    return false;
  }
  return true;
}

std::vector<PickleIndex> PickleMachine::Pop(size_t count) {
  if (!Needs(count)) {
    return {};
  }
  std::vector<PickleIndex> popped(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
  stack_.resize(stack_.size() - count);
  return popped;
}

std::vector<PickleIndex> PickleMachine::PopToMark() {
  if (marks_.empty()) {
    Malformed();
    return {};
  }
  std::vector<PickleIndex> popped = Pop(stack_.size() - Floor());
  marks_.pop_back();
  return popped;
}

PickleValue* PickleMachine::Top(PickleKind kind) {
  if (!Needs(1) || values_[stack_.back()].kind != kind) {
    Malformed();
    return nullptr;
  }
  return &values_[stack_.back()];
}

const PickleValue* PickleMachine::Only(PickleKind kind) const {
  const bool one = stack_.size() == 1 && marks_.empty() && values_[stack_[0]].kind == kind;
  return one ? &values_[stack_[0]] : nullptr;
}

void PickleMachine::Remember(uint64_t slot) {
  if (Needs(1)) {
    memo_[slot] = stack_.back();
  }
}

void PickleMachine::Recall(uint64_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end()) {
    return Malformed();
  }
  stack_.push_back(found->second);
}

}  // namespace metaprompt
