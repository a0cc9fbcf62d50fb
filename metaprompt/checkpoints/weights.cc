#include "metaprompt/checkpoints/weights.h"

#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/json.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/checkpoints/mapped_safetensors.h"
#include "metaprompt/checkpoints/torch_file.h"

namespace metaprompt {
namespace {

constexpr std::array<const char*, 4> kLookedFor = {"model.safetensors", "model.safetensors.index.json",
                                                   "pytorch_model.bin", "pytorch_model.bin.index.json"};
constexpr char kSafetensors[] = ".safetensors";
constexpr char kIndex[] = ".index.json";

using WeightMap = std::map<std::string, std::string>;  // from a tensor to its shard

absl::StatusOr<WeightMap> ReadWeightMap(const std::string& index) {
  const auto bad = [&](absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat(index, ": ", what)); };
  ASSIGN_OR_RETURN(const std::string text, ReadFile(index));
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(text, index));
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) {
    return bad("it needs an object weight_map");
  }
  WeightMap weight_map;
  for (const auto& [tensor, shard] : json["weight_map"].items()) {
    if (!shard.is_string()) {
      return bad(absl::StrCat("weight_map: the shard of ", Quoted(tensor), " must be a file name, not ", Shown(shard)));
    }
    const auto& name = shard.get_ref<const std::string&>();
    if (name.empty() || name == "." || absl::StrContains(name, "..") || absl::StrContains(name, "/") ||
        absl::StrContains(name, absl::string_view("\0", 1))) {
      return bad(absl::StrCat("weight_map: the shard of ", Quoted(tensor), ", ", Quoted(name),
                              ", is not the name of a file in the same folder"));
    }
    weight_map[tensor] = name;
  }
  if (weight_map.empty()) {
    return bad("its weight_map is empty");
  }
  return weight_map;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Weights>> Weights::Open(const std::string& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return absl::NotFoundError(absl::StrCat(folder, ": no such folder"));
  }
  auto weights = absl::WrapUnique(new Weights());
  for (const char* name : kLookedFor) {
    const std::string path = absl::StrCat(folder, "/", name);
    if (!std::filesystem::exists(std::filesystem::symlink_status(path, error))) {
      continue;
    }
    RETURN_IF_ERROR(absl::EndsWith(name, kIndex) ? weights->AddShards(folder, path) : weights->AddFile(path));
    return weights;
  }
  return absl::NotFoundError(absl::StrCat(folder, ": it has none of ", absl::StrJoin(kLookedFor, ", ")));
}

absl::Status Weights::AddFile(const std::string& path) {
  absl::StatusOr<std::unique_ptr<WeightFile>> opened =
      absl::EndsWith(path, kSafetensors) ? OpenMappedSafetensors(path) : OpenTorchFile(path);
  RETURN_IF_ERROR(WithLikelyCause(opened.status(), path));
  std::unique_ptr<WeightFile> file = *std::move(opened);
  const std::vector<StoredTensor>& stored = file->tensors();
  for (size_t i = 0; i < stored.size(); ++i) {
    const auto [place, is_new] = places_.try_emplace(stored[i].name, sources_.size(), i);
    if (!is_new) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": tensor ", Quoted(stored[i].name), " is in ", files_[place->second.first], " too"));
    }
    tensors_.push_back(stored[i]);
  }
  sources_.push_back(std::move(file));
  files_.push_back(path);
  return absl::OkStatus();
}

absl::Status Weights::AddShards(const std::string& folder, const std::string& index) {
  ASSIGN_OR_RETURN(const WeightMap weight_map, ReadWeightMap(index));
  // All shards of an index must be files of the same kind.
  const bool safetensors = absl::EndsWith(index, absl::StrCat(kSafetensors, kIndex));
  std::set<std::string> shards;
  for (const auto& named : weight_map) {
    if (absl::EndsWith(named.second, kSafetensors) != safetensors) {
      return absl::InvalidArgumentError(absl::StrCat(index, ": weight_map: ", Quoted(named.second), " is not a ",
                                                     safetensors ? "safetensors" : ".bin", " file"));
    }
    shards.insert(named.second);
  }
  for (const std::string& shard : shards) {
    if (const absl::Status status = AddFile(absl::StrCat(folder, "/", shard)); !status.ok()) {
      return absl::IsNotFound(status)
                 ? absl::NotFoundError(absl::StrCat(status.message(), "; it is a shard that ", index, " names"))
                 : status;
    }
  }
  for (const auto& [tensor, shard] : weight_map) {
    const auto found = places_.find(tensor);
    if (found == places_.end() || files_[found->second.first] != absl::StrCat(folder, "/", shard)) {
      return absl::InvalidArgumentError(
          absl::StrCat(index, ": weight_map: ", Quoted(tensor), " is not in its shard ", shard));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> Weights::Read(absl::string_view name) const {
  const auto found = places_.find(name);
  if (found == places_.end()) {
    return absl::NotFoundError(absl::StrCat(absl::StrJoin(files_, ", "), ": there is no tensor ", Quoted(name)));
  }
  return sources_[found->second.first]->Read(found->second.second);
}

}  // namespace metaprompt
