// Fuzzes safetensors files: any bytes must give an error, or tensors that are inside the file and do not overlap.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "metaprompt/checkpoints/safetensors_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using metaprompt::SafetensorsEntry;
  const absl::string_view file(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<metaprompt::SafetensorsHeader> header = metaprompt::ParseSafetensorsHeader(file, "f");
  if (!header.ok()) {
    if (header.status().message().find('\n') != absl::string_view::npos) {
      std::abort();
    }
    return 0;
  }
  uint64_t bytes = 0;
  std::vector<SafetensorsEntry> entries = header->entries;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin < 8 || entry.end < entry.begin || entry.end > size ||
        entry.end - entry.begin != metaprompt::TensorBytes(entry.tensor.dtype, entry.tensor.shape).value()) {
      std::abort();
    }
    bytes += entry.end - entry.begin;
  }
  // The tensors can be written in the order of their bytes, and are the same when read again.
  std::stable_sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::make_pair(a.begin, a.end) < std::make_pair(b.begin, b.end);
  });
  std::vector<metaprompt::StoredTensor> tensors;
  for (const SafetensorsEntry& entry : entries) {
    tensors.push_back(entry.tensor);
  }
  const absl::StatusOr<std::string> written = metaprompt::SafetensorsHeaderBytes(tensors, header->metadata);
  if (!written.ok()) {
    std::abort();
  }
  const auto again = metaprompt::ParseSafetensorsHeader(*written + std::string(bytes, '\0'), "f");
  if (!again.ok() || again->metadata != header->metadata || again->entries.size() != tensors.size()) {
    std::abort();
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (again->entries[i].tensor.name != tensors[i].name || again->entries[i].tensor.shape != tensors[i].shape) {
      std::abort();
    }
  }
  return 0;
}
