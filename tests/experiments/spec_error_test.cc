// Wrong specs, in the file or on the command line, and the error for each mistake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "experiments/fine_tuning/fine_tuning_spec.h"
#include "experiments/pretraining/pretraining_spec.h"
#include "experiments/spec.h"
#include "google/protobuf/descriptor.h"
#include "metaprompt/specs/field_rule.pb.h"
#include "metaprompt/specs/only_with.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(CommandLineTest, SpecsOfTheProjectAreSound) {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("experiments/specs")) {
    if (entry.is_directory()) {
      continue;
    }
    const auto check = [&](const auto& spec) {
      EXPECT_TRUE(spec.ok()) << spec.status();
      if (spec.ok()) {
        std::string name = entry.path().lexically_relative("experiments/specs").replace_extension().string();
        std::replace(name.begin(), name.end(), '/', '-');
        EXPECT_EQ(spec->name(), name) << "a spec's name is its file's";
      }
    };
    if (entry.path().parent_path().filename() == "finetune") {
      check(LoadFineTuningSpec(entry.path().string(), {}));
    } else if (entry.path().filename() == "pretraining.textproto") {
      check(LoadPretrainingSpec(entry.path().string(), {}));
    } else {
      check(LoadSpec(entry.path().string(), {}));
    }
    ++count;
  }
  EXPECT_GT(count, 0);
}

TEST_F(CommandLineTest, SpecFilesThatCannotBeRead) {
  EXPECT_EQ(Error({"check", "$none.textproto"}), "$none.textproto: No such file or directory");
  EXPECT_EQ(Error({"check", "$"}), "$: Is a directory");
  EXPECT_EQ(Error({"show", "$none"}), "$none: no such run directory");
  EXPECT_EQ(Error({"show", "$tiny.textproto"}), "$tiny.textproto: this is a file; name the folder of a run");
  // After the parser's message, the likely cause.
  const std::string page = "<!DOCTYPE html>\n<title>404</title>\n";
  Write("tiny.textproto", page);
  for (const char* command : {"check", "sweep"}) {
    EXPECT_THAT(Error({command, "$tiny.textproto"}), HasSubstr("\n$tiny.textproto: it is an HTML page; a download may "
                                                               "have saved a page in place of the file"));
  }
}

// root can read every file, so root drops that capability during this test.
TEST_F(CommandLineTest, SpecFilesThatMayNotBeRead) {
  ASSERT_EQ(chmod((folder_ + "tiny.textproto").c_str(), 0), 0);
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> before = {};
  ASSERT_EQ(syscall(SYS_capget, &header, before.data()), 0);
  std::array<__user_cap_data_struct, 2> without = before;
  without[0].effective &= ~((1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH));
  ASSERT_EQ(syscall(SYS_capset, &header, without.data()), 0);
  const std::string error = Error({"check", "$tiny.textproto"});
  ASSERT_EQ(syscall(SYS_capset, &header, before.data()), 0);
  EXPECT_EQ(error, "$tiny.textproto: Permission denied");
}

TEST_F(CommandLineTest, SpecTextThatIsWrong) {
  const std::string file = "$bad.textproto:";
  EXPECT_EQ(FileError("'tiny'", "'tiny' }"), file + "1:14: Expected identifier, got: }");
  EXPECT_EQ(FileError("'tiny'", "'tiny"), file + "1:12: String literals cannot cross line boundaries.");
  EXPECT_EQ(FileError("threads: 1", "thread: 1"),
            file +
                "11:7: there is no field 'thread'; known: name, seed, dataset, model, episodes, learner, train, test, "
                "threads, tasks_together, device, precision, processes");
  EXPECT_EQ(FileError("meta_steps: 2", "meta_step: 2"),
            file +
                "9:18: there is no field 'meta_step'; known: meta_steps, meta_batch, validate_every, validate_after, "
                "valid_episodes, patience, checkpoint_every");
  EXPECT_EQ(FileError("order: FIRST", "order: THIRD"),
            file + "8:50: Unknown enumeration value of \"THIRD\" for field \"order\".");
  EXPECT_EQ(FileError("{ steps: 1", "{ steps: 'one'"), file + "8:26: Expected integer, got: 'one'");
  EXPECT_EQ(FileError("meta_steps: 2", "meta_steps: 2147483648"), file + "9:21: Integer out of range (2147483648)");
  EXPECT_EQ(FileError("name: 'tiny'", "name: 'tiny' seed: 18446744073709551616"),
            file + "1:20: Integer out of range (18446744073709551616)");
  EXPECT_EQ(FileError("name: 'tiny'", "name: 'tiny' seed: -1"), file + "1:20: Expected integer, got: -");
  EXPECT_EQ(FileError("threads: 1", "threads: 1 threads: 1"),
            file + "11:19: Non-repeated field \"threads\" is specified multiple times.");
  EXPECT_EQ(FileError("} maml {", "} reptile {} maml {"),
            file + "8:46: Field \"maml\" is specified along with field \"reptile\", another member of oneof \"kind\".");
}

TEST_F(CommandLineTest, SpecValuesThatAreWrongInTheFile) {
  const std::string file = "$bad.textproto: ";
  EXPECT_EQ(FileError("{ steps: 1", "{ steps: -1"), file + "learner.inner.steps is -1; it must be >= 0 and <= 100000");
  EXPECT_EQ(FileError("learner { inner { steps: 1 } maml { order: FIRST } }", ""),
            file +
                "one of these must be set: learner.maml, learner.reptile, learner.anil, learner.meta_sgd, "
                "learner.cavia, learner.imaml, learner.proto_net, learner.proto_maml, learner.r2d2, "
                "learner.contrast_net, learner.meta_prompter, learner.linear_probe, learner.in_context");
  EXPECT_EQ(FileError("encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 16 max_positions: 24 } }", ""),
            file + "model.encoder must be set");
  EXPECT_EQ(FileError("dataset { tsv { path: '$data.tsv' } split { shares { train: 0.34 valid: 0.33 } } }", ""),
            file + "dataset must be set");
  EXPECT_EQ(FileError("shots: 1", ""), file + "episodes.shots must be set");
  EXPECT_EQ(FileError("name: 'tiny'", ""), file + "name must be set");
  EXPECT_EQ(FileError("name: 'tiny'", "name: '\\xff'"),
            file + "name: not valid UTF-8 at byte 1\n" + file +
                "name is '\\xff'; it may contain only letters, digits, - and _");
  // The error has one line per broken rule.
  EXPECT_EQ(FileError("test { episodes: 2 }\nthreads: 1\n", "test { episodes: 1 }\nthreads: -1\n"),
            file + "test.episodes is 1; it must be >= 2 and <= 1000000\n" + file +
                "threads is -1; it must be >= 0 and <= 1024");
}

TEST_F(CommandLineTest, SpecValuesThatAreWrongOnTheCommandLine) {
  const std::string file = "$tiny.textproto: ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"learner.inner.steps=-1", "learner.inner.steps is -1; it must be >= 0 and <= 100000"},
      {"learner.inner.prompt_lr=nan", "learner.inner.prompt_lr is nan; it must be >= 0 and <= 100"},
      {"learner.inner.prompt_lr=inf", "learner.inner.prompt_lr is inf; it must be >= 0 and <= 100"},
      {"learner.inner.prompt_lr=1e999", "learner.inner.prompt_lr is inf; it must be >= 0 and <= 100"},
      {"learner.inner.prompt_lr=-1", "learner.inner.prompt_lr is -1; it must be >= 0 and <= 100"},
      {"learner.inner.class_lr=1001", "learner.inner.class_lr is 1001; it must be >= 0 and <= 1000"},
      {"learner.proto_net=", "learner.inner is set; learner.proto_net has no inner steps"},
      {"learner.anil=", "learner.inner.class_lr is 0; learner.anil adapts the class vectors alone: it must be above 0"},
      {"learner.adapts.part=LORA", "learner.adapts.part is LORA; set model.lora.rank above 0"},
      {"learner.learns.part=LORA", "learner.learns.part is LORA; set model.lora.rank above 0"},
      {"learner.meta_optimizer.word_lr=-1", "learner.meta_optimizer.word_lr is -1; it must be >= 0 and <= 10"},
      {"learner.meta_optimizer.schedule_steps=1",
       "learner.meta_optimizer.schedule_steps is 1; it must be at least train.meta_steps, 2"},
      {"learner.inner.epsilon_place=OUTSIDE",
       "learner.inner.epsilon_place is OUTSIDE; only learner.meta_test.inner may have it, whose steps are not "
       "differentiated"},
      {"model.dropout.hidden=1", "model.dropout.hidden is 1; it must be >= 0 and <= 0.99"},
      {"episodes.word_tasks=1.5", "episodes.word_tasks is 1.5; it must be >= 0 and <= 1"},
      {"episodes.shots=0", "episodes.shots[0] is 0; it must be >= 1 and <= 1000"},
      {"episodes.shots=", "episodes.shots must be set"},
      {"episodes.shots=1,5,1", "episodes.shots names 1 twice"},
      {"episodes.ways=1", "episodes.ways is 1; it must be >= 2 and <= 1000"},
      {"episodes.train_ways=1", "episodes.train_ways is 1; it must be 0 or >= 2"},
      {"model.encoder.bert.heads=3", "model.encoder.bert.width is 16; it must be a multiple of heads, 3"},
      {"model.encoder.bert.heads=0", "model.encoder.bert.heads is 0; it must be >= 1 and <= 256"},
      {"model.prompt.template={text} only", "model.prompt.template: {mask} must occur once; it occurs 0 times"},
      {"model.prompt.template={text} {text} {mask}",
       "model.prompt.template: {text} must occur once; it occurs 2 times"},
      {"model.prompt.template={text} {mask} {label}",
       "model.prompt.template: '{label}' is not one of {text}, {mask}, <soft> and <soft:N>; dataset.csv and "
       "dataset.jsonl have fields that name the columns of further texts, such as text_b_column"},
      {"model.prompt.template={text} {mask} <soft:0>", "model.prompt.template: <soft:0> must have 1 to 1000 vectors"},
      {"model.prompt.template=\xff{text}{mask}", "model.prompt.template: not valid UTF-8 at byte 1"},
      {std::string("dataset.tsv.path=a\0b", 20), "dataset.tsv.path: it holds a zero byte"},
      {"name=a/b", "name is 'a/b'; it may contain only letters, digits, - and _"},
      {"name=", "name must be set"},
      {"train.meta_batch=0", "train.meta_batch is 0; it must be >= 1 and <= 10000"},
  };
  for (const auto& [set, message] : cases) {
    EXPECT_EQ(CheckError(set), file + message) << set;
  }
}

TEST_F(CommandLineTest, SpecValuesThatDoNotGoTogether) {
  const std::string file = "$tiny.textproto: ";
  const auto error = [&](const std::vector<std::string>& sets) {
    std::vector<std::string> command = {"check", "$tiny.textproto"};
    for (const std::string& set : sets) {
      command.insert(command.end(), {"--set", set});
    }
    return Error(command);
  };
  EXPECT_EQ(error({"model.dropout.of_checkpoint=true", "model.dropout.hidden=0.1"}),
            file + "model.dropout.of_checkpoint is set, and so is hidden or attention; set one or the other");
  EXPECT_EQ(error({"learner.imaml=", "model.dropout.attention=0.1"}),
            file + "model.dropout is set; learner.imaml needs the same loss in every inner step");
  EXPECT_EQ(error({"learner.imaml=", "learner.inner.batch=2"}),
            file + "learner.inner.batch is set; learner.imaml needs the same loss in every inner step");
  EXPECT_EQ(error({"learner.meta_test.epochs=2", "learner.meta_test.inner.batch=2"}),
            file + "learner.meta_test.inner.batch is set; with learner.meta_test.epochs it is meta_test.batch");
}

TEST_F(CommandLineTest, SettingsWithoutEffect) {
  // A change to the tiny spec, what it lacks, and the change that gives it an effect.
  struct Case {
    std::string set;
    std::string needs;
    std::vector<std::string> with;
  };
  const std::vector<Case> cases = {
      {"learner.inner.beta1=0.8", "learner.inner.optimizer is ADAMW", {"learner.inner.optimizer=ADAMW"}},
      {"learner.meta_test.inner.epsilon_place=OUTSIDE",
       "learner.meta_test.inner.optimizer is ADAMW",
       {"learner.meta_test.inner.optimizer=ADAMW"}},
      {"learner.meta_test.batch=4", "learner.meta_test.epochs is above 0", {"learner.meta_test.epochs=2"}},
      {"learner.adapts.layers=2", "learner.adapts.part is LAST_LAYERS", {"learner.adapts.part=LAST_LAYERS"}},
      {"learner.maml.first_order_until=1", "learner.maml.order is SECOND", {"learner.maml.order=SECOND"}},
      {"learner.meta_gradient.max_graph_mib=1", "learner.maml.order is SECOND", {"learner.maml.order=SECOND"}},
      {"learner.meta_optimizer={ decay: CONSTANT least_share: 0.1 }",
       "learner.meta_optimizer.decay is LINEAR or COSINE",
       {"learner.meta_optimizer.decay=COSINE"}},
      {"learner.inner.lora_lr=0.5", "model.lora.rank is above 0", {"model.lora.rank=2"}},
      {"model.prompt.lstm_units=8",
       "model.prompt.reparametrisation is LSTM_MLP",
       {"model.prompt.reparametrisation=LSTM_MLP"}},
      {"model.verbalizer.temperature=2", "model.verbalizer.kind is PROTOTYPE", {"model.verbalizer.kind=PROTOTYPE"}},
      {"learner.meta_test={ epochs: 2 inner { steps: 5 } }",
       "learner.meta_test.epochs is 0",
       {"learner.meta_test.epochs=0"}},
  };
  for (const Case& one : cases) {
    std::vector<std::string> command = {"check", "$tiny.textproto", "--set", one.set};
    const std::string field = absl::StartsWith(one.set, "learner.meta_test={") ? "learner.meta_test.inner.steps"
                              : absl::StrContains(one.set, '{')                ? "learner.meta_optimizer.least_share"
                                                                               : one.set.substr(0, one.set.find('='));
    EXPECT_EQ(Error(command),
              absl::StrCat("$tiny.textproto: ", field, " has no effect: it is used only if ", one.needs));
    for (const std::string& set : one.with) {
      command.insert(command.end(), {"--set", set});
    }
    const Outcome checked = Command(command);
    EXPECT_EQ(checked.status, 0) << one.set << ": " << checked.err;
    // A spec with every default written out is accepted again.
    Write("whole.textproto", checked.out);
    EXPECT_EQ(Command({"check", "$whole.textproto"}).err, "") << one.set;
  }
  // A change may leave settings of the file without effect, but not those of other changes.
  EXPECT_EQ(CheckError("model.encoder={ checkpoint { path: 'a' } }"), "$tiny.textproto: a: No such file or directory");
  EXPECT_EQ(Error({"check", "$tiny.textproto", "--set", "model.encoder={ checkpoint { path: 'a' } }", "--set",
                   "model.tokenizer={ vocab_size: 70 }"}),
            "$tiny.textproto: model.tokenizer.vocab_size has no effect: it is used only if model.encoder.bert is set");
  Write("adamw.textproto",
        absl::StrReplaceAll(Read("tiny.textproto"), {{"steps: 1 }", "steps: 1 optimizer: ADAMW beta1: 0.8 }"}}));
  const Outcome cleared = Command({"check", "$adamw.textproto", "--set", "learner.inner.optimizer=SGD"});
  EXPECT_EQ(cleared.status, 0) << cleared.err;
  Write("cleared.textproto", cleared.out);
  EXPECT_EQ(Command({"check", "$cleared.textproto"}).err, "") << cleared.out;
  Write("idle.textproto", absl::StrReplaceAll(Read("tiny.textproto"), {{"steps: 1 }", "steps: 1 beta1: 0.8 }"}}));
  EXPECT_EQ(Error({"check", "$idle.textproto", "--set", "learner.inner.steps=1"}),
            "$idle.textproto: learner.inner.beta1 has no effect: it is used only if learner.inner.optimizer is ADAMW");
  EXPECT_THAT(Command({"spec", "learner.meta_test.inner.beta1"}).out,
              HasSubstr("\n    used only if learner.meta_test.inner.optimizer is ADAMW\n"));
}

// Adds to `named` the fields with a condition that names a field of this kind of spec, and to `all` those with any
// condition.
void FindConditions(std::vector<SpecLevel>* levels, std::set<std::string>* named, std::set<std::string>* all) {
  const google::protobuf::Descriptor& type = *levels->back().type;
  for (int i = 0; i < type.field_count(); ++i) {
    const google::protobuf::FieldDescriptor& field = *type.field(i);
    for (const std::string& condition : field.options().GetExtension(rule).only_with()) {
      const std::string name = absl::StrCat(field.full_name(), ": ", condition);
      all->insert(name);
      if (ConditionText(*levels, condition).has_value()) {
        named->insert(name);
      }
    }
    if (field.message_type() != nullptr) {
      levels->push_back({field.message_type(), absl::StrCat(levels->back().prefix, field.name(), ".")});
      FindConditions(levels, named, all);
      levels->pop_back();
    }
  }
}

TEST(OnlyWithTest, ConditionsNameFields) {
  std::set<std::string> named;
  std::set<std::string> all;
  for (const google::protobuf::Descriptor* const type :
       {ExperimentSpec::descriptor(), FineTuningSpec::descriptor(), PretrainingSpec::descriptor()}) {
    std::vector<SpecLevel> levels = {{type, ""}};
    FindConditions(&levels, &named, &all);
  }
  EXPECT_GT(all.size(), 20U);
  EXPECT_EQ(named, all);
}

TEST_F(CommandLineTest, AssignmentsThatAreWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"train", "--set train: expected FIELD=VALUE, as in seed=1, or GROUP={...}"},
      {"=3", "--set =3: expected FIELD=VALUE, as in seed=1, or GROUP={...}"},
      {"nam=3",
       "--set nam: there is no field 'nam'; known: name, seed, dataset, model, episodes, learner, train, test, "
       "threads, tasks_together, device, precision, processes"},
      {"test.episode=3",
       "--set test.episode: there is no field 'episode' in test; known: episodes, baseline, manifest, count_words"},
      {"seed.x=3", "--set seed.x: seed has no fields"},
      {"train.meta_steps=many", "--set train.meta_steps: 'many' is not a whole number (Expected integer, got: many)"},
      {"train.meta_steps=1.5", "--set train.meta_steps: '1.5' is not a whole number (Expected integer, got: 1.5)"},
      {"train.meta_steps=2147483648",
       "--set train.meta_steps: '2147483648' is not a whole number (Integer out of range (2147483648))"},
      {"seed=-1", "--set seed: '-1' is not a whole number >= 0 (Expected integer, got: -)"},
      {"seed=18446744073709551616",
       "--set seed: '18446744073709551616' is not a whole number >= 0 (Integer out of range (18446744073709551616))"},
      {"seed=1 threads: 7", "--set seed: '1 threads: 7' is not a whole number >= 0"},
      {"learner.maml.order=THIRD", "--set learner.maml.order: 'THIRD' is none of SECOND, FIRST"},
      {"test.baseline=maybe",
       "--set test.baseline: 'maybe' is not true or false (Invalid value for boolean field \"baseline\". Value: "
       "\"maybe\".)"},
      {"learner=reptile", "--set learner: 'reptile' is not a group of fields; write --set learner.reptile={}"},
      {"train=meta_step", "--set train: 'meta_step' is not a group of fields; write --set train.meta_steps=VALUE"},
      {"model.encoder.bert=3", "--set model.encoder.bert: '3' is not a group of fields (Expected identifier, got: 3)"},
  };
  for (const auto& [set, message] : cases) {
    EXPECT_EQ(CheckError(set), message) << set;
  }
}

TEST_F(CommandLineTest, AssignmentsThatAreRight) {
  const Outcome checked =
      Command({"check", "$tiny.textproto", "--set", "seed=18446744073709551615", "--set", "episodes.shots=1,2", "--set",
               "train={meta_steps: 7}", "--set", "learner.reptile.train_on_query=false"});
  EXPECT_EQ(checked.status, 0) << checked.err;
  EXPECT_THAT(checked.out, AllOf(HasSubstr("seed: 18446744073709551615\n"), HasSubstr("shots: [1, 2]\n"),
                                 HasSubstr("meta_steps: 7\n"), HasSubstr("reptile {\n    train_on_query: false\n"),
                                 Not(HasSubstr("maml")), HasSubstr("init_std: 0.02\n")));
}

}  // namespace
}  // namespace metaprompt
