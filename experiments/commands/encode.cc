#include "experiments/commands/encode.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/commands/text_lines.h"
#include "experiments/host/output_file.h"
#include "experiments/host/stop_signals.h"
#include "experiments/workbench/model_assembly.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/encoders/bfloat16_layers.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/finite.h"
#include "metaprompt/operations/autocast.h"
#include "metaprompt/prompts/framing.h"
#include "metaprompt/prompts/pack_texts.h"

namespace metaprompt {
namespace {

using Clock = std::chrono::steady_clock;

// Measured with MiniLM on HuffPost: batches of 512 and 2,048 tokens, and windows of 8,192 and 65,536, are no faster.
constexpr int64_t kBatchTokens = 1024;      // per batch; its activations stay in the processor's cache
constexpr int64_t kWindowTokens = 1 << 14;  // per window of lines that are sorted by length together
constexpr int64_t kWindowNumbers = 1 << 25;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The processor time of all of the program's threads so far.
double ProcessorSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// The text as tokens, line by line.
struct Lines {
  std::vector<PromptedText> texts;
  std::vector<int64_t> offsets = {0};
  int64_t cut = 0;  // lines that were too long
  int64_t uncounted = TextInputs::kNoToken;
  Answers answers;  // the decoder's first tokens, if there is a decoder
};

absl::StatusOr<Lines> Tokenised(const EncodeOptions& options, const Tokenizer& tokenizer, int64_t max_tokens,
                                int64_t position_offset, std::istream* in, const std::string& name) {
  Lines lines;
  const SpecialIds special = tokenizer.special();
  const Framing framing = FramingOf(tokenizer);
  const auto room = max_tokens - static_cast<int64_t>(framing.before.size() + framing.after.size());
  // In RoBERTa and MPNet, padding tokens do not count for positions, wherever they are.
  lines.uncounted = position_offset > 0 && special.pad >= 0 ? special.pad : TextInputs::kNoToken;
  lines.answers = WithStart(Answers(), framing.decoder);
  TextLines texts(in, name);
  for (std::string line;;) {
    ASSIGN_OR_RETURN(const bool more, texts.Next(&line));
    if (!more) {
      return lines;
    }
    PromptedText text;
    bool cut = false;
    text.ids = tokenizer.EncodeWithSpecial(line);
    if (static_cast<int64_t>(text.ids.size()) > room) {
      text.ids.resize(static_cast<size_t>(room));
      ++lines.cut;
      cut = true;
    }
    text.ids.insert(text.ids.begin(), framing.before.begin(), framing.before.end());
    text.ids.insert(text.ids.end(), framing.after.begin(), framing.after.end());
    if (text.ids.empty()) {
      return texts.Error("the line has no token; a causal model needs one");
    }
    if (framing.read == Framing::Read::kLast) {
      text.read_at = static_cast<int64_t>(text.ids.size()) - 1;
    } else if (options.mask_logits) {
      const auto masks = std::count(text.ids.begin(), text.ids.end(), special.mask);
      if (masks != 1) {
        return texts.Error(absl::StrCat("there are ", masks, " ", tokenizer.Piece(special.mask),
                                        cut ? absl::StrCat(" in its first ", max_tokens, " tokens") : "",
                                        "; mask-logits needs one in each line"));
      }
      text.read_at = std::find(text.ids.begin(), text.ids.end(), special.mask) - text.ids.begin();
    }
    lines.offsets.push_back(lines.offsets.back() + static_cast<int64_t>(text.ids.size()));
    lines.texts.push_back(std::move(text));
  }
}

// The encoder's output for a batch: one row per token, or one per line.
at::Tensor Encoded(const EncoderParts& parts, const EncodeOptions& options, const TextInputs& texts) {
  const at::NoGradGuard no_grad;
  const Encoder& encoder = *parts.encoder;
  at::Tensor states;
  {
    const Autocast autocast(options.bfloat16, at::kCPU);
    const EncoderState embedded = encoder.Embedded(parts.params, at::Tensor(), texts);
    states = options.mask_logits ? encoder.StatesToRead(parts.params, texts, embedded)
                                 : encoder.States(parts.params, texts, embedded);
  }
  return options.mask_logits ? encoder.VocabularyLogits(parts.params, encoder.Transformed(parts.params, states))
                             : states;
}

// Encodes lines [begin, end) of the file, in batches of lines of similar length. The rows are in the lines' order.
at::Tensor EncodedWindow(const EncoderParts& parts, const EncodeOptions& options, const Lines& lines, int64_t begin,
                         int64_t end, int64_t columns, TaskPool* pool, const std::atomic<bool>& stop) {
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
  const int64_t rows = options.mask_logits ? end - begin : offset(end) - offset(begin);
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
    const at::Tensor encoded = Encoded(parts, options, PackTexts(texts, lines.answers, lines.uncounted));
    int64_t row = 0;
    for (const int64_t line : members) {
      const int64_t count = options.mask_logits ? 1 : static_cast<int64_t>(text(line).ids.size());
      const int64_t to = options.mask_logits ? line - begin : offset(line) - offset(begin);
      result.narrow(0, to, count).copy_(encoded.narrow(0, row, count));
      row += count;
    }
  });
  return result;
}

// Errors that can be found before the work.
absl::Status CheckOut(const EncodeOptions& options) {
  RETURN_IF_ERROR(CheckOutput(options.out, {options.text, options.encoder}));
  namespace fs = std::filesystem;
  const fs::path out(options.out);
  std::error_code error;
  const fs::path parent = out.has_parent_path() ? out.parent_path() : fs::path(".");
  if (!fs::is_directory(parent, error)) {
    return absl::NotFoundError(absl::StrCat("cannot write ", options.out, ": there is no folder ", parent.string()));
  }
  if (fs::equivalent(parent, options.encoder, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", options.out, ": it is in the checkpoint's folder; name another"));
  }
  return absl::OkStatus();
}

// Opens the checkpoint, with a progress line.
absl::StatusOr<EncoderParts> OpenParts(const EncodeOptions& options, Progress* progress) {
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, OpenTokenizer(options.encoder));
  progress->Begin("checkpoint", "", 0, 1);
  ASSIGN_OR_RETURN(EncoderParts parts, OpenEncoder(options.encoder, options.allow_unknown, std::move(tokenizer)));
  const Encoder& encoder = *parts.encoder;
  if (options.max_tokens > encoder.max_tokens()) {
    return absl::InvalidArgumentError(absl::StrCat("--max-tokens is ", options.max_tokens, ", but ", options.encoder,
                                                   " takes at most ", encoder.max_tokens(), " tokens"));
  }
  if (options.mask_logits) {
    RETURN_IF_ERROR(CheckPredictsWords(encoder, options.encoder));
  }
  if (options.bfloat16) {
    parts.params = WithBfloat16Matrices(encoder.layout(), std::move(parts.params));
  }
  progress->End(absl::StrFormat("%s, %d layers, %d wide%s%s", encoder.config().model_type,
                                encoder.layout().layers.size(), encoder.config().width,
                                encoder.layout().has_head() ? "" : "; no MLM head: the word embedding is the decoder",
                                parts.unused.empty() ? "" : "; unused: " + absl::StrJoin(parts.unused, ", ")));
  return parts;
}

// Creates the file and writes input_ids and offsets.
absl::StatusOr<std::unique_ptr<SafetensorsWriter>> BeginFile(const EncodeOptions& options, const Lines& lines,
                                                             int64_t columns) {
  const int64_t tokens = lines.offsets.back();
  const auto count = static_cast<int64_t>(lines.texts.size());
  ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsWriter> writer,
                   SafetensorsWriter::Create(
                       options.out,
                       {StoredTensor{"input_ids", "I64", {tokens}}, StoredTensor{"offsets", "I64", {count + 1}},
                        options.mask_logits ? StoredTensor{"logits", "F32", {count, columns}}
                                            : StoredTensor{"states", "F32", {tokens, columns}}},
                       {{"format", "pt"}}));
  for (const PromptedText& text : lines.texts) {
    RETURN_IF_ERROR(AppendTensor(at::tensor(at::ArrayRef<int64_t>(text.ids), at::kLong), writer.get()));
  }
  RETURN_IF_ERROR(AppendTensor(at::tensor(at::ArrayRef<int64_t>(lines.offsets), at::kLong), writer.get()));
  return writer;
}

// The end of the window of lines that begins at `first`.
int64_t WindowEnd(const Lines& lines, int64_t first, int64_t columns) {
  const auto count = static_cast<int64_t>(lines.texts.size());
  int64_t last = first;
  int64_t tokens = 0;
  while (last < count && tokens < kWindowTokens && (last - first + 1) * columns < kWindowNumbers) {
    tokens += static_cast<int64_t>(lines.texts[static_cast<size_t>(last++)].ids.size());
  }
  return std::max(last, first + 1);
}

}  // namespace

absl::Status EncodeLines(const EncodeOptions& options, std::istream* in, const std::string& name, Progress* progress,
                         const std::atomic<bool>& stop) {
  RETURN_IF_ERROR(CheckOut(options));
  ASSIGN_OR_RETURN(const EncoderParts parts, OpenParts(options, progress));
  const EncoderConfig& config = parts.encoder->config();
  const Clock::time_point begin = Clock::now();
  ASSIGN_OR_RETURN(const Lines lines,
                   Tokenised(options, *parts.tokenizer, MaxTokens(*parts.encoder, options.max_tokens),
                             config.position_offset, in, name));
  const double tokenising = SecondsSince(begin);
  const auto count = static_cast<int64_t>(lines.texts.size());
  const int64_t columns = options.mask_logits ? config.vocab_size : config.width;
  const StopsLater stops_later;  // on a signal there is a file to remove
  ASSIGN_OR_RETURN(const std::unique_ptr<SafetensorsWriter> writer, BeginFile(options, lines, columns));
  TaskPool pool(options.threads);
  double encoding = 0;
  double processor = 0;
  progress->Begin("encode", "lines", 0, count);
  for (int64_t first = 0; first < count;) {
    const int64_t last = WindowEnd(lines, first, columns);
    const Clock::time_point start = Clock::now();
    const double processor_before = ProcessorSeconds();
    const at::Tensor rows = EncodedWindow(parts, options, lines, first, last, columns, &pool, stop);
    encoding += SecondsSince(start);
    processor += ProcessorSeconds() - processor_before;
    if (stop.load()) {
      return absl::CancelledError(absl::StrCat("stopped after line ", first, "; nothing was written"));
    }
    RETURN_IF_ERROR(
        CheckFinite(absl::StrCat(options.encoder, ", lines ", first + 1, " to ", last, ": what it computes"), rows));
    RETURN_IF_ERROR(AppendTensor(rows, writer.get()));
    first = last;
    progress->Update(first, "");
  }
  RETURN_IF_ERROR(writer->Finish());
  progress->End(
      absl::StrFormat("%d lines, %d tokens%s: tokenised in %.2f s, encoded in %.2f s, %.2f s of processor "
                      "time (%.0f lines/s)",
                      count, lines.offsets.back(),
                      lines.cut > 0 ? absl::StrCat(" (", lines.cut, lines.cut == 1 ? " line cut)" : " lines cut)") : "",
                      tokenising, encoding, processor, encoding > 0 ? static_cast<double>(count) / encoding : 0.0));
  return absl::OkStatus();
}

}  // namespace metaprompt
