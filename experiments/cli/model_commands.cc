#include "experiments/cli/model_commands.h"

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "experiments/commands/encode.h"
#include "experiments/commands/export_run.h"
#include "experiments/commands/tokenize.h"
#include "experiments/host/progress.h"
#include "experiments/host/threads.h"
#include "experiments/own_texts/classify.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

absl::Status Encode(EncodeOptions options, const Console& console) {
  InputLines lines;
  RETURN_IF_ERROR(OpenLines(options.text, console, &lines));
  // The standard input may be a file (`< FILE`). With this name, --out is refused if it is the same file.
  options.text = lines.in == console.in ? "/dev/stdin" : options.text;
  options.threads = ThreadsOr(options.threads);
  Progress progress(console.err, console.terminal);
  return EncodeLines(options, lines.in, lines.name, &progress, *console.stop);
}

void RegisterEncode(Commands* commands) {
  auto options = std::make_shared<EncodeOptions>();
  options->threads = 0;
  auto what = std::make_shared<std::string>("states");
  auto precision = std::make_shared<std::string>("FLOAT32");
  CLI::App* encode = commands->Add("encode", "Encode lines of text with a checkpoint, into a safetensors file",
                                   [options, what, precision](const Console& console) {
                                     options->mask_logits = *what == "mask-logits";
                                     options->bfloat16 = *precision == "BFLOAT16";
                                     return Encode(*options, console);
                                   },
                                   {/*best_kernel=*/true, /*hears_signals=*/true});
  encode->add_option("--encoder", options->encoder, "Checkpoint, a Hugging Face folder")->required();
  encode->add_option("--out", options->out, "File to write: input_ids, offsets, and states or logits")->required();
  AddTextFile("Texts, one per line", encode, &options->text);
  encode
      ->add_option("--what", *what,
                   "states: the last hidden states; mask-logits: the MLM logits at each line's mask; of a causal "
                   "model, the logits of the next token")
      ->capture_default_str()
      ->check(CLI::IsMember({"states", "mask-logits"}));
  encode
      ->add_option("--max-tokens", options->max_tokens, "Cut lines to this many tokens [as many as the encoder takes]")
      ->check(CLI::Range(3, 100000));
  encode
      ->add_option("--precision", *precision,
                   "Precision of the encoder's matrix products; the file is in float32 with either")
      ->capture_default_str()
      ->check(CLI::IsMember({"FLOAT32", "BFLOAT16"}));
  encode->add_flag("--allow-unknown", options->allow_unknown, "Ignore tensors that are not part of the architecture");
  AddThreadsOption(encode, &options->threads);
}

absl::Status Tokenize(const TokenizeOptions& options, const std::string& file, const Console& console) {
  InputLines lines;
  RETURN_IF_ERROR(OpenLines(file, console, &lines));
  return TokenizeLines(options, lines.in, lines.name, console.out);
}

void RegisterTokenize(Commands* commands) {
  auto options = std::make_shared<TokenizeOptions>();
  auto file = std::make_shared<std::string>();
  CLI::App* tokenize =
      commands->Add("tokenize", "Print the token ids of texts, one line of ids per line of text",
                    [options, file](const Console& console) { return Tokenize(*options, *file, console); });
  tokenize->add_option("--encoder", options->encoder, "Folder of a checkpoint, with config.json and vocabulary")
      ->required()
      ->type_name("DIR");
  AddTextFile("Texts, one per line", tokenize, file.get());
  tokenize->add_flag("!--no-special-tokens", options->special_tokens,
                     "Leave out the special tokens around a text, such as [CLS] and [SEP]");
  tokenize->add_flag("--plain-text", options->plain_text,
                     "Read special tokens that a text contains, such as [MASK], as ordinary text");
  tokenize->add_flag("--pieces", options->pieces, "Print the pieces instead of their ids");
}

absl::Status Classify(ClassifyOptions options, const std::string& file, const Console& console) {
  if (!options.columns.label.empty() && options.support.empty() && !options.labelled) {
    return absl::InvalidArgumentError(
        "--label-column names a column that nothing reads; it needs --support FILE or --labelled");
  }
  InputLines lines;
  RETURN_IF_ERROR(OpenLines(file, console, &lines));
  options.text_is_file = lines.in == &lines.file;
  std::error_code not_a_file;
  if (options.text_is_file && std::filesystem::is_empty(file, not_a_file)) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": no text in this file"));
  }
  options.threads = ThreadsOr(options.threads);
  Progress progress(console.err, console.terminal);
  return ClassifyLines(options, lines.in, lines.name, console.out, &progress);
}

void RegisterClassify(Commands* commands) {
  auto options = std::make_shared<ClassifyOptions>();
  options->threads = 0;
  auto file = std::make_shared<std::string>();
  CLI::App* classify =
      commands->Add("classify", "Label your texts, given a few labelled examples and a checkpoint or a run",
                    [options, file](const Console& console) { return Classify(*options, *file, console); },
                    {/*best_kernel=*/true, /*hears_signals=*/false});
  classify
      ->add_option("--support", options->support, "Labelled examples: CSV, TSV, JSON lines or `label<TAB>text` lines")
      ->type_name("FILE");
  classify->add_option("--encoder", options->encoder, "Start from this checkpoint, a Hugging Face folder")
      ->type_name("DIR");
  classify->add_option("--run", options->run, "Start from what this run has learned")->type_name("DIR");
  classify->add_option("--model", options->model, "Use the classifier that was saved here; it needs no examples")
      ->type_name("DIR");
  classify->add_option("--save", options->save, "Keep the adapted classifier in this folder, for --model")
      ->type_name("DIR");
  AddTextFile("Texts: one per line, or CSV, TSV or JSON lines with a text column", classify, file.get());
  classify->add_flag("--labelled", options->labelled,
                     "The texts have labels: in place of the answers, print accuracy, results per class, confusion "
                     "matrix and mistakes");
  AddColumnOptions(classify, &options->columns);
  classify
      ->add_option("--shots", options->shots,
                   "Use the run's result for this number of shots [the number nearest to your examples per class]")
      ->check(CLI::Range(1, 1000));
  classify
      ->add_flag("--all", options->all, "Also print the probability of every class, and a first line with column names")
      ->excludes("--labelled");
  classify
      ->add_option("--keep", options->columns.keep,
                   "Put this column of the texts into the output, after the text, as in --keep id; may be repeated")
      ->allow_extra_args(false)
      ->type_name("COLUMN")
      ->excludes("--labelled");
  classify->add_flag("--json", options->json,
                     "Print JSON: one object per text, or with --labelled one object with all results");
  classify->add_flag("!--uncalibrated", options->calibrate,
                     "Print the model's own probabilities; do not calibrate them, which takes time");
  classify
      ->add_option("--precision", options->precision,
                   "Precision of the encoder's matrix products [the run's, or FLOAT32]")
      ->check(CLI::IsMember({"FLOAT32", "BFLOAT16"}));
  classify->add_option("--device", options->device, "Where to compute: cpu, cuda or cuda:N")->capture_default_str();
  AddThreadsOption(classify, &options->threads);
}

struct ExportOptions {
  std::string run;
  std::string out;
  int shots = 0;
};

absl::Status Export(const ExportOptions& options, const Console& console) {
  ASSIGN_OR_RETURN(const std::string written, ExportRun(options.run, options.shots, options.out));
  *console.out << written << '\n';
  return absl::OkStatus();
}

void RegisterExport(Commands* commands) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* save = commands->Add("export", "Write a run's best encoder as a Hugging Face folder, with its soft prompt",
                                 [options](const Console& console) { return Export(*options, console); });
  save->add_option("RUN", options->run, "Run directory")->required();
  save->add_option("--out", options->out, "Folder to create")->required();
  save->add_option("--shots", options->shots,
                   "Export the result for this number of shots [the largest number of the run]")
      ->check(CLI::Range(1, 1000));
}

}  // namespace

void RegisterModelCommands(Commands* commands) {
  RegisterEncode(commands);
  RegisterTokenize(commands);
  RegisterClassify(commands);
  RegisterExport(commands);
}

}  // namespace metaprompt
