#include "experiments/own_texts/classifier.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "episodes/text_task.h"
#include "experiments/workbench/divergence.h"
#include "experiments/workbench/model_assembly.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/encoders/bfloat16_layers.h"
#include "metaprompt/model/finite.h"
#include "metaprompt/prompts/pack_texts.h"
#include "metaprompt/prompts/verbalizer.h"

namespace metaprompt {
namespace {

constexpr int64_t kBatchTokens = 1024;         // per batch, so that its activations stay in the processor's cache
constexpr char kWordBegin[] = "\xe2\x96\x81";  // sentencepiece's word mark, which precedes unknown characters
constexpr double kGib = 1024.0 * 1024 * 1024;

// The bytes of memory that are available to programs; 0 if the system does not report them.
double AvailableBytes() {
  const absl::StatusOr<std::string> text = ReadFile("/proc/meminfo");
  if (text.ok()) {
    for (absl::string_view line : absl::StrSplit(*text, '\n')) {
      int64_t kilobytes = 0;
      if (absl::ConsumePrefix(&line, "MemAvailable:") && absl::ConsumeSuffix(&line, "kB") &&
          absl::SimpleAtoi(absl::StripAsciiWhitespace(line), &kilobytes)) {
        return 1024.0 * static_cast<double>(kilobytes);
      }
    }
  }
  return 0;
}

absl::Status FitsIntoMemory(const FinishedRun& run, const Batch& support) {
  const double bytes = run.learner().AdaptBytes(run.model(), support);
  const double available = AvailableBytes();
  if (available == 0 || bytes < available) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrFormat("adapting to %d texts of %d classes together takes about %.1f GiB, and %.1f GiB are free; give "
                      "fewer texts per class, or fewer classes",
                      RowsOf(support), support.ways, bytes / kGib, available / kGib));
}

// OK if the support texts of learner.in_context leave room for a query text.
absl::Status ContextFits(const FinishedRun& run, const AdaptedParams& adapted) {
  const ModelSpec& spec = run.record().spec().model();
  if (run.record().spec().learner().kind_case() != LearnerSpec::kInContext) {
    return absl::OkStatus();
  }
  const Encoder& encoder = run.model().encoder();
  const int64_t context = adapted.fitted[0].size(0);
  const int64_t most = MaxTokens(encoder, spec.encoder().checkpoint().max_tokens());
  const int64_t query = std::min(most, encoder.max_tokens() - spec.verbalizer().sequence().max_tokens() + 1) +
                        spec.verbalizer().sequence().max_tokens() - 1;
  if (context + query <= encoder.max_tokens()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the examples have ", context, " tokens and a text with its answer up to ", query,
                   ", and the model takes ", encoder.max_tokens(), "; give fewer or shorter examples"));
}

}  // namespace

absl::Status Classifier::SetAnswers(const std::vector<SupportClass>& classes) {
  const SpecialIds special = run_->tokenizer().special();
  answer_ids_.clear();
  for (const SupportClass& one : classes) {
    ASSIGN_OR_RETURN(std::vector<int64_t> ids,
                     AnswerIds(run_->record().spec().model().verbalizer(), run_->tokenizer(), one.label, one.name));
    const auto is_unknown = [&](int64_t id) { return id == special.unk || run_->tokenizer().Piece(id) == kWordBegin; };
    if (std::all_of(ids.begin(), ids.end(), is_unknown)) {
      return absl::InvalidArgumentError(absl::StrCat("the run's tokenizer cannot encode the class name ",
                                                     Quoted(one.name),
                                                     "; give the class another name: label, tab, name, tab, text"));
    }
    answer_ids_.push_back(std::move(ids));
  }
  if (const auto same = FirstSameAnswers(run_->record().spec().model().verbalizer(), answer_ids_); same.has_value()) {
    const SupportClass& first = classes[same->first];
    const SupportClass& second = classes[same->second];
    return absl::InvalidArgumentError(absl::StrCat("the classes ", Quoted(first.label), " and ", Quoted(second.label),
                                                   " have the same words in the run's tokenizer, ", Quoted(second.name),
                                                   "; give one of them another name: label, tab, name, tab, text"));
  }
  answers_ = WithStart(PackAnswers(answer_ids_, at::kFloat), run_->prompt().decoder());
  return absl::OkStatus();
}

absl::StatusOr<Classifier> Classifier::Restore(const FinishedRun* run, AdaptedParams adapted, double temperature,
                                               const std::vector<SupportClass>& classes, at::Device device,
                                               TaskPool* pool) {
  Classifier classifier(run, device, pool);
  RETURN_IF_ERROR(classifier.SetAnswers(classes));
  for (ParamList* const params : {&adapted.model.params, &adapted.model.head, &adapted.own, &adapted.fitted}) {
    for (at::Tensor& param : *params) {
      param = param.defined() ? param.to(device) : param;
    }
  }
  if (run->model().bfloat16()) {
    adapted.model.params = WithBfloat16Matrices(run->model().encoder().layout(), std::move(adapted.model.params));
  }
  classifier.adapted_ = std::move(adapted);
  classifier.temperature_ = temperature;
  return classifier;
}

PromptedText Classifier::Prompted(const std::string& text) {
  PromptedText prompted = run_->prompt().Fill(run_->tokenizer(), text);
  cut_ += prompted.cut ? 1 : 0;
  return prompted;
}

absl::StatusOr<Classifier> Classifier::Adapt(const FinishedRun* run, const ParamList& initial,
                                             const std::vector<SupportClass>& classes, at::Device device,
                                             TaskPool* pool) {
  Classifier classifier(run, device, pool);
  RETURN_IF_ERROR(classifier.SetAnswers(classes));
  std::vector<std::string> texts;
  std::vector<int64_t> labels;
  TextTask task(classes.size());
  for (size_t c = 0; c < classes.size(); ++c) {
    task[c].answer_ids = classifier.answer_ids_[c];
    for (const std::string& text : classes[c].texts) {
      texts.push_back(text);
      task[c].support.push_back(classifier.Prompted(text));
    }
    labels.resize(texts.size(), static_cast<int64_t>(c));
  }
  TextTaskOptions options;
  options.prompt = &run->prompt();
  options.answer_texts = run->record().spec().model().verbalizer().answer_texts();
  options.whole_vocabulary = true;
  options.separator = SeparatorIds(run->record().spec().model().verbalizer(), run->tokenizer());
  const Batch support = OnDevice(BuildTextTasks({task}, options).support, device);
  RETURN_IF_ERROR(FitsIntoMemory(*run, support));
  ParamList params;
  for (const at::Tensor& param : initial) {
    params.push_back(param.to(device));
  }
  pool->Run(1, [&](int64_t) { classifier.adapted_ = run->learner().Adapt(run->model(), params, support); });
  RETURN_IF_ERROR(ContextFits(*run, classifier.adapted_));
  if (run->model().bfloat16()) {
    ParamList& adapted = classifier.adapted_.model.params;
    adapted = WithBfloat16Matrices(run->model().encoder().layout(), std::move(adapted));
  }

  const absl::StatusOr<at::Tensor> computed = classifier.Probabilities(texts);
  if (!computed.ok()) {
    return Divergence(run->record().spec().learner(), run->model(), params, support);
  }
  const at::Tensor& probabilities = *computed;
  classifier.support_right_ =
      probabilities.argmax(1).eq(at::tensor(at::ArrayRef<int64_t>(labels), at::kLong)).sum().item<int64_t>();
  classifier.support_texts_ = static_cast<int64_t>(texts.size());
  classifier.cut_ = 0;
  return classifier;
}

absl::StatusOr<at::Tensor> Classifier::Probabilities(const std::vector<std::string>& texts) {
  std::vector<PromptedText> prompted;
  prompted.reserve(texts.size());
  for (const std::string& text : texts) {
    prompted.push_back(Prompted(text));
  }
  // Texts of similar length share a batch.
  std::vector<int64_t> order(texts.size());
  std::iota(order.begin(), order.end(), 0);
  const auto at = [&](int64_t i) -> const PromptedText& { return prompted[static_cast<size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return at(a).ids.size() < at(b).ids.size(); });
  std::vector<std::vector<int64_t>> batches;
  size_t tokens = kBatchTokens;
  for (const int64_t i : order) {
    if (tokens + at(i).ids.size() > kBatchTokens) {
      batches.emplace_back();
      tokens = 0;
    }
    batches.back().push_back(i);
    tokens += at(i).ids.size();
  }
  const at::Tensor probabilities = at::empty({static_cast<int64_t>(texts.size()), answers_.ids.size(0)}, at::kFloat);
  pool_->Run(static_cast<int64_t>(batches.size()), [&](int64_t b) {
    const at::NoGradGuard no_grad;
    const std::vector<int64_t>& rows = batches[static_cast<size_t>(b)];
    std::vector<PromptedText> together;
    together.reserve(rows.size());
    for (const int64_t i : rows) {
      together.push_back(at(i));
    }
    const Batch batch = OnDevice(PackBatch(together, std::vector<int64_t>(rows.size(), 0), answers_), device_);
    at::Tensor logits = run_->learner().Logits(run_->model(), adapted_, batch);
    logits = temperature_ == 1 ? logits : logits / temperature_;
    probabilities.index_copy_(0, at::tensor(at::ArrayRef<int64_t>(rows), at::kLong),
                              at::softmax(logits, -1).to(at::kFloat).cpu());
  });
  RETURN_IF_ERROR(CheckFinite("the classes' probabilities of the texts", probabilities));
  return probabilities;
}

}  // namespace metaprompt
