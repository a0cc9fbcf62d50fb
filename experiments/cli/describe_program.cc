#include "experiments/cli/describe_program.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace metaprompt {
namespace {

using Apps = std::vector<const CLI::App*>;

Apps SubcommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// A command with the words that lead to it, such as "datasets stats"; "" for the program.
struct CommandPath {
  std::string words;
  const CLI::App* app = nullptr;
};

void Collect(const std::string& words, const CLI::App& app, std::vector<CommandPath>* all) {
  all->push_back(CommandPath{words, &app});
  for (const CLI::App* sub : SubcommandsOf(app)) {
    Collect(absl::StrCat(words, words.empty() ? "" : " ", sub->get_name()), *sub, all);
  }
}

std::vector<CommandPath> CommandsOf(const CLI::App& app) {
  std::vector<CommandPath> all;
  Collect("", app, &all);
  return all;
}

// An option as it is typed, "--set"; empty for an argument without a name.
std::string NameOf(const CLI::Option& option) {
  return option.get_lnames().empty() ? "" : absl::StrCat("--", option.get_lnames()[0]);
}

// The options of a command, without --help-all, which is listed only for the program.
std::vector<const CLI::Option*> OptionsOf(const CLI::App& app) {
  std::vector<const CLI::Option*> options;
  for (const CLI::Option* option : app.get_options()) {
    if (app.get_parent() == nullptr || NameOf(*option) != "--help-all") {
      options.push_back(option);
    }
  }
  return options;
}

std::vector<std::string> WordsOf(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* sub : SubcommandsOf(app)) {
    words.push_back(sub->get_name());
  }
  for (const CLI::Option* option : OptionsOf(app)) {
    if (const std::string name = NameOf(*option); !name.empty()) {
      words.push_back(name);
    }
  }
  return words;
}

// One shell `case` branch for each word that leads from a command to a subcommand.
std::string StepsText(const std::vector<CommandPath>& all) {
  std::vector<std::string> steps;
  for (const CommandPath& one : all) {
    for (const CLI::App* sub : SubcommandsOf(*one.app)) {
      steps.push_back(absl::StrCat("\"", one.words, ":", sub->get_name(), "\""));
    }
  }
  return absl::StrCat("    case \"$at:$word\" in\n      ", absl::StrJoin(steps, "|"),
                      ") at=\"${at:+$at }$word\" ;;\n    esac\n");
}

// For zsh: 'NAME:DESCRIPTION' in single quotes.
std::string Described(const std::string& name, const std::string& description) {
  return absl::StrCat("'", absl::StrReplaceAll(name, {{":", "\\:"}}), ":",
                      absl::StrReplaceAll(description, {{"'", "'\\''"}}), "'");
}

// Text for troff: hyphens stay hyphens, and no line begins with a troff command.
std::string Troff(const std::string& text) {
  const std::string escaped = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}});
  return absl::StartsWith(escaped, ".") || absl::StartsWith(escaped, "'") ? absl::StrCat("\\&", escaped) : escaped;
}

std::string OptionText(const CLI::Option& option) {
  const bool takes_value = option.get_items_expected_max() > 0;
  const std::string name = NameOf(option);
  const std::string value = takes_value && !name.empty() ? absl::StrCat(" ", option.get_type_name()) : "";
  return absl::StrCat(".TP\n.B ", Troff((name.empty() ? option.get_name(true) : name) + value), "\n",
                      Troff(option.get_description()), "\n");
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  const std::vector<CommandPath> all = CommandsOf(app);
  std::string text = absl::StrCat("# bash completion for ", app.get_name(),
                                  "\n_metaprompt() {\n  local at=\"\" word words=\"\"\n"
                                  "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n",
                                  StepsText(all), "  done\n  case \"$at\" in\n");
  for (const CommandPath& one : all) {
    absl::StrAppend(&text, "    \"", one.words, "\") words=\"", absl::StrJoin(WordsOf(*one.app), " "), "\" ;;\n");
  }
  return absl::StrCat(text,
                      "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
                      "complete -o bashdefault -o default -F _metaprompt metaprompt\n");
}

std::string ZshCompletion(const CLI::App& app) {
  const std::vector<CommandPath> all = CommandsOf(app);
  std::string text = absl::StrCat(
      "#compdef metaprompt\n_metaprompt() {\n  local at=\"\" word\n  local -a subcommands options\n"
      "  for word in ${words[2,CURRENT-1]}; do\n",
      StepsText(all), "  done\n  case \"$at\" in\n");
  for (const CommandPath& one : all) {
    std::vector<std::string> subcommands;
    for (const CLI::App* sub : SubcommandsOf(*one.app)) {
      subcommands.push_back(Described(sub->get_name(), sub->get_description()));
    }
    std::vector<std::string> options;
    for (const CLI::Option* option : OptionsOf(*one.app)) {
      if (const std::string name = NameOf(*option); !name.empty()) {
        options.push_back(Described(name, option->get_description()));
      }
    }
    absl::StrAppend(&text, "    \"", one.words, "\")\n      subcommands=(", absl::StrJoin(subcommands, " "),
                    ")\n      options=(", absl::StrJoin(options, " "), ")\n      ;;\n");
  }
  return absl::StrCat(text,
                      "  esac\n  if [[ $PREFIX == -* ]]; then\n    _describe -o option options\n"
                      "  elif (( $#subcommands )); then\n    _describe command subcommands\n"
                      "  else\n    _files\n  fi\n}\ncompdef _metaprompt metaprompt\n");
}

std::string ManPage(const CLI::App& app) {
  std::string text =
      absl::StrCat(".TH METAPROMPT 1\n.SH NAME\n",
                   Troff(absl::StrReplaceAll(app.get_description(), {{"metaprompt: ", "metaprompt - "}})),
                   "\n.SH SYNOPSIS\n.B metaprompt\nCOMMAND [OPTIONS]\n.SH OPTIONS\n");
  for (const CLI::Option* option : OptionsOf(app)) {
    text += OptionText(*option);
  }
  text += ".SH COMMANDS\n";
  for (const CommandPath& one : CommandsOf(app)) {
    if (one.words.empty()) {
      continue;
    }
    absl::StrAppend(&text, ".SS metaprompt ", Troff(one.words), "\n", Troff(one.app->get_description()), "\n");
    for (const CLI::Option* option : OptionsOf(*one.app)) {
      if (NameOf(*option) != "--help") {
        text += OptionText(*option);
      }
    }
  }
  return text;
}

void RegisterCompletion(const CLI::App* app, Commands* commands) {
  auto what = std::make_shared<std::string>();
  CLI::App* command = commands->Add(
      "completion", "Print a completion script for bash or zsh, or the man page", [app, what](const Console& console) {
        *console.out << (*what == "bash" ? BashCompletion : *what == "zsh" ? ZshCompletion : ManPage)(*app);
        return absl::OkStatus();
      });
  command->add_option("WHAT", *what, "bash, zsh or man")->required()->check(CLI::IsMember({"bash", "zsh", "man"}));
}

}  // namespace metaprompt
