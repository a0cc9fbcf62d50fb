#include "experiments/commands/encode.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/tokenizers/tokenizer_folder.h"

namespace metaprompt {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kBatchTokens = 1024;      // a batch: its activations stay in the processor's cache
constexpr int64_t kWindowTokens = 1 << 16;  // lines that are sorted by length together
constexpr int64_t kWindowNumbers = 1 << 25;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Lines as tokens.
struct Lines {
  std::vector<PromptedText> texts;
  std::vector<int64_t> offsets = {0};
  int64_t cut = 0;  // how many were too long
};

absl::StatusOr<Lines> Tokenised(const EncodeOptions& options, const Tokenizer& tokenizer, int64_t max_tokens,
                                int64_t position_offset, std::istream* in) {
  Lines lines;
  const SpecialIds special = tokenizer.special();
  const std::string name = options.text.empty() ? "the standard input" : options.text;
  // To RoBERTa and MPNet padding takes no position, wherever it stands.
  const int64_t uncounted = position_offset > 0 ? special.pad : -1;
  for (std::string line; std::getline(*in, line);) {
    PromptedText text;
    text.uncounted = uncounted;
    bool cut = false;
    text.ids = tokenizer.EncodeWithSpecial(line);
    if (static_cast<int64_t>(text.ids.size()) > max_tokens - 2) {
      text.ids.resize(static_cast<size_t>(max_tokens - 2));
      ++lines.cut;
      cut = true;
    }
    text.ids.insert(text.ids.begin(), special.cls);
    text.ids.push_back(special.sep);
    if (options.mask_logits) {
      const auto masks = std::count(text.ids.begin(), text.ids.end(), special.mask);
      if (masks != 1) {
        return absl::InvalidArgumentError(absl::StrCat(
            name, ":", lines.texts.size() + 1, ": there are ", masks, " ", tokenizer.Piece(special.mask),
            cut ? absl::StrCat(" in its first ", max_tokens, " tokens") : "", "; mask-logits needs one in each line"));
      }
      text.mask = std::find(text.ids.begin(), text.ids.end(), special.mask) - text.ids.begin();
    }
    lines.offsets.push_back(lines.offsets.back() + static_cast<int64_t>(text.ids.size()));
    lines.texts.push_back(std::move(text));
  }
  if (in->bad()) {
    return absl::UnavailableError(absl::StrCat(name, ": ", std::strerror(errno)));
  }
  return lines;
}

// What the encoder makes of a batch: a row a token, or a row a line.
at::Tensor Encoded(const Checkpoint& checkpoint, bool mask_logits, const Batch& batch) {
  const at::NoGradGuard no_grad;
  const Encoder& encoder = *checkpoint.encoder;
  if (!mask_logits) {
    return encoder.States(checkpoint.params, at::Tensor(), batch);
  }
  return encoder.VocabularyLogits(
      checkpoint.params,
      encoder.Transformed(checkpoint.params, encoder.AtMask(checkpoint.params, at::Tensor(), batch)));
}

// Lines [begin, end) of the file, a batch of lines of much the same length at a time; their rows in the lines' order.
at::Tensor EncodedWindow(const Checkpoint& checkpoint, bool mask_logits, const Lines& lines, int64_t begin, int64_t end,
                         int64_t columns, TaskPool* pool, const std::atomic<bool>& stop) {
  const auto text = [&](int64_t line) -> const PromptedText& { return lines.texts[static_cast<size_t>(line)]; };
  const auto offset = [&](int64_t line) { return lines.offsets[static_cast<size_t>(line)]; };
  std::vector<int64_t> order(static_cast<size_t>(end - begin));
  std::iota(order.begin(), order.end(), begin);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return text(a).ids.size() < text(b).ids.size(); });
  std::vector<std::vector<int64_t>> batches;
  int64_t tokens = kBatchTokens;
  for (const int64_t line : order) {
    if (tokens >= kBatchTokens) {
      batches.emplace_back();
      tokens = 0;
    }
    batches.back().push_back(line);
    tokens += static_cast<int64_t>(text(line).ids.size());
  }
  const int64_t rows = mask_logits ? end - begin : offset(end) - offset(begin);
  at::Tensor result = at::empty({rows, columns}, at::kFloat);
  pool->Run(static_cast<int64_t>(batches.size()), [&](int64_t b) {
    if (stop.load()) {
      return;
    }
    const std::vector<int64_t>& members = batches[static_cast<size_t>(b)];
    std::vector<PromptedText> texts;
    for (const int64_t line : members) {
      texts.push_back(text(line));
    }
    const std::vector<int64_t> labels(texts.size(), 0);
    const at::Tensor encoded = Encoded(checkpoint, mask_logits, PackBatch(texts, labels, Answers(), at::kFloat));
    int64_t row = 0;
    for (const int64_t line : members) {
      const int64_t count = mask_logits ? 1 : static_cast<int64_t>(text(line).ids.size());
      const int64_t to = mask_logits ? line - begin : offset(line) - offset(begin);
      result.narrow(0, to, count).copy_(encoded.narrow(0, row, count));
      row += count;
    }
  });
  return result;
}

// What can be known to fail before the work.
absl::Status CheckOut(const EncodeOptions& options) {
  namespace fs = std::filesystem;
  const fs::path out(options.out);
  std::error_code error;
  const fs::path parent = out.has_parent_path() ? out.parent_path() : fs::path(".");
  if (!fs::is_directory(parent, error)) {
    return absl::NotFoundError(absl::StrCat("cannot write ", options.out, ": there is no folder ", parent.string()));
  }
  if (fs::is_directory(out, error)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot write ", options.out, ": it is a folder"));
  }
  if ((!options.text.empty() && fs::equivalent(out, options.text, error)) ||
      fs::equivalent(parent, options.encoder, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", options.out, ": it is the text, or lies in the checkpoint's folder"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status EncodeLines(const EncodeOptions& options, std::istream* in, Progress* progress,
                         const std::atomic<bool>& stop) {
  if (const absl::Status status = CheckOut(options); !status.ok()) {
    return status;
  }
  const absl::StatusOr<TokenizerFiles> files = ReadTokenizerFiles(options.encoder);
  if (!files.ok()) {
    return files.status();
  }
  const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(*files, options.encoder);
  if (!tokenizer.ok()) {
    return tokenizer.status();
  }
  progress->Begin("checkpoint", "", 0, 1);
  const absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(options.encoder, options.allow_unknown);
  if (!checkpoint.ok()) {
    return checkpoint.status();
  }
  const Encoder& encoder = *checkpoint->encoder;
  const EncoderConfig& config = encoder.config();
  if (options.mask_logits && !encoder.layout().has_head() && config.width != config.embedding_width) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.encoder,
                     ": it has no masked-language-model head, and its word embedding is too narrow to be one; use a "
                     "checkpoint saved with its head (...ForMaskedLM)"));
  }
  if (config.vocab_size < (*tokenizer)->vocab_size()) {
    return absl::InvalidArgumentError(absl::StrCat(options.encoder, ": the tokenizer has ", (*tokenizer)->vocab_size(),
                                                   " ids, config.json's vocab_size is ", config.vocab_size));
  }
  progress->End(absl::StrFormat("%s, %d layers, %d wide%s", config.model_type, encoder.layout().layers.size(),
                                config.width,
                                encoder.layout().has_head() ? "" : "; no MLM head: the word embedding is the decoder"));

  const Clock::time_point begin = Clock::now();
  const int64_t allowed = encoder.max_tokens();
  const absl::StatusOr<Lines> lines =
      Tokenised(options, **tokenizer, options.max_tokens > 0 ? std::min<int64_t>(allowed, options.max_tokens) : allowed,
                config.position_offset, in);
  if (!lines.ok()) {
    return lines.status();
  }
  const double tokenising = SecondsSince(begin);
  const auto count = static_cast<int64_t>(lines->texts.size());
  const int64_t tokens = lines->offsets.back();
  const int64_t columns = options.mask_logits ? config.vocab_size : config.width;
  const absl::StatusOr<std::unique_ptr<SafetensorsWriter>> writer = SafetensorsWriter::Create(
      options.out,
      {StoredTensor{"input_ids", "I64", {tokens}}, StoredTensor{"offsets", "I64", {count + 1}},
       options.mask_logits ? StoredTensor{"logits", "F32", {count, columns}}
                           : StoredTensor{"states", "F32", {tokens, columns}}},
      {{"format", "pt"}});
  if (!writer.ok()) {
    return writer.status();
  }
  absl::Status status;
  for (const PromptedText& text : lines->texts) {
    status.Update(AppendTensor(at::tensor(at::ArrayRef<int64_t>(text.ids), at::kLong), writer->get()));
  }
  status.Update(AppendTensor(at::tensor(at::ArrayRef<int64_t>(lines->offsets), at::kLong), writer->get()));

  TaskPool pool(options.threads);
  double encoding = 0;
  progress->Begin("encode", "lines", 0, count);
  for (int64_t first = 0; first < count && status.ok();) {
    int64_t last = first;
    int64_t window = 0;
    while (last < count && window < kWindowTokens && (last - first + 1) * columns < kWindowNumbers) {
      window += static_cast<int64_t>(lines->texts[static_cast<size_t>(last++)].ids.size());
    }
    last = std::max(last, first + 1);
    const Clock::time_point start = Clock::now();
    const at::Tensor rows = EncodedWindow(*checkpoint, options.mask_logits, *lines, first, last, columns, &pool, stop);
    encoding += SecondsSince(start);
    if (stop.load()) {
      return absl::CancelledError(absl::StrCat("stopped after line ", first, "; nothing was written"));
    }
    status.Update(AppendTensor(rows, writer->get()));
    first = last;
    progress->Update(first, "");
  }
  if (status.ok()) {
    status.Update((*writer)->Finish());
  }
  if (status.ok()) {
    progress->End(absl::StrFormat("%d lines, %d tokens%s: tokenised in %.2f s, encoded in %.2f s (%.0f lines/s)", count,
                                  tokens, lines->cut > 0 ? absl::StrCat(" (", lines->cut, " lines cut)") : "",
                                  tokenising, encoding, encoding > 0 ? static_cast<double>(count) / encoding : 0.0));
  }
  return status;
}

}  // namespace metaprompt
