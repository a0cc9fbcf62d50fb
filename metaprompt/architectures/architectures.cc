#include "metaprompt/architectures/architectures.h"

namespace metaprompt {

const std::vector<Architecture>& Architectures() {
  static const auto* const all = new std::vector<Architecture>{
#define ARCHITECTURE(Name) architectures::Name(),
#include "metaprompt/architectures/architectures.inc"
#undef ARCHITECTURE
  };
  return *all;
}

const Architecture* FindArchitecture(absl::string_view model_type) {
  for (const Architecture& architecture : Architectures()) {
    if (architecture.model_type == model_type) {
      return &architecture;
    }
  }
  return nullptr;
}

}  // namespace metaprompt
