#include "experiments/workbench/encoder_start.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "experiments/workbench/image_parts.h"
#include "experiments/workbench/model_assembly.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/checkpoint.h"

namespace metaprompt {
namespace {

constexpr char kField[] = "model.init_from_run";

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// The encoder in the folder, of texts or of images.
absl::StatusOr<EncoderParts> OpenParts(const std::string& path, bool images) {
  if (images) {
    return OpenImageEncoder(path, /*allow_unknown=*/true);
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, OpenTokenizer(path));
  return OpenEncoder(path, /*allow_unknown=*/true, std::move(tokenizer));
}

}  // namespace

bool IsEncoderFolder(const std::string& path) {
  return Exists(path + "/config.json") && !Exists(path + "/record.textproto");
}

absl::StatusOr<EncoderStart> OpenEncoderStart(const std::string& path, const Encoder& encoder,
                                              const std::string& tokenizer_sha256) {
  const auto error = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(kField, ": ", what));
  };
  const bool images = encoder.config().reads_images();
  const absl::StatusOr<EncoderParts> parts = OpenParts(path, images);
  if (!parts.ok()) {
    return error(parts.status().message());
  }
  if (const int64_t side = parts->encoder->config().image_size; images && side != encoder.config().image_size) {
    return error(absl::StrCat(path, ": its images have ", side, " x ", side, " pixels, this model's ",
                              encoder.config().image_size, " x ", encoder.config().image_size));
  }
  if (FactsOfEncoder(*parts).tokenizer_sha256() != tokenizer_sha256) {
    return error(
        images ? absl::StrCat(path, "/", kPreprocessorFile, ": this model's preprocessing of images is a different one")
               : absl::StrCat(path,
                              ": its tokenizer is a different one; for encoder.bert, "
                              "model.tokenizer.path could be ",
                              path, "/", kSentencePieceFile));
  }
  const std::vector<ParamInfo>& theirs = parts->encoder->params();
  EncoderStart start;
  for (const ParamInfo& info : encoder.params()) {
    const auto found =
        std::find_if(theirs.begin(), theirs.end(), [&](const ParamInfo& one) { return one.name == info.name; });
    if (found == theirs.end()) {
      return error(absl::StrCat(path, ": the encoder lacks ", info.name, ", which this model has"));
    }
    if (found->shape != info.shape) {
      return error(absl::StrCat(path, ": its ", info.name, " has shape [", absl::StrJoin(found->shape, ", "),
                                "], this model's [", absl::StrJoin(info.shape, ", "), "]"));
    }
    start.params.push_back(parts->params[static_cast<size_t>(found - theirs.begin())]);
  }
  start.facts.set_field(kField);
  start.facts.set_parameters_sha256(ParamsSha256(encoder.params(), start.params));
  for (const char* const record : {"fine_tuning.textproto", "pretraining.textproto"}) {
    if (const absl::StatusOr<std::string> text = ReadFile(absl::StrCat(path, "/", record)); text.ok()) {
      start.facts.set_record_sha256(Sha256(*text));
    }
  }
  return start;
}

}  // namespace metaprompt
