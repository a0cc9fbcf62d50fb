#include "datasets/sources/newsgroups.h"

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "datasets/readers/source_files.h"
#include "datasets/sources/prepared.h"
#include "datasets/sources/public_classes.h"

namespace metaprompt {
namespace {

constexpr int64_t kLargestPost = int64_t{4} << 20U;

struct Post {
  std::string group;
  std::string number;
  std::string text;
};

// A header line: a name without blanks, then a colon.
bool IsHeader(absl::string_view line) {
  const size_t colon = line.find(':');
  return colon != absl::string_view::npos && colon > 0 && line.find_first_of(" \t") > colon;
}

// Takes the header off the post, if it has one: the lines up to the first empty one. In 21 posts of 20news-bydate its
// first line is the rest of one, and begins with a blank.
absl::string_view TakeHeader(absl::string_view* post) {
  const std::pair<absl::string_view, absl::string_view> lines = absl::StrSplit(*post, absl::MaxSplits('\n', 1));
  const bool cut = absl::StartsWith(lines.first, " ") && IsHeader(lines.second.substr(0, lines.second.find('\n')));
  if (!cut && !IsHeader(lines.first)) {
    return "";
  }
  for (size_t end = post->find('\n'); end != absl::string_view::npos; end = post->find('\n', end + 1)) {
    const absl::string_view next = post->substr(end + 1, 2);
    if (absl::StartsWith(next, "\n") || absl::StartsWith(next, "\r\n")) {
      const absl::string_view header = post->substr(0, end);
      post->remove_prefix(end + 1);
      return header;
    }
  }
  return "";
}

// The value of the Subject field with its continuation lines.
std::string SubjectOf(absl::string_view header) {
  std::string subject;
  bool inside = false;
  for (absl::string_view line : absl::StrSplit(header, '\n')) {
    const bool continues = !line.empty() && (line[0] == ' ' || line[0] == '\t');
    if (!continues) {
      inside = subject.empty() && absl::StartsWithIgnoreCase(line, "subject:");
      if (inside) {
        line.remove_prefix(8);
      }
    }
    if (inside) {
      absl::StrAppend(&subject, line, " ");
    }
  }
  return subject;
}

// Without the lines that begin with > or |, and those that introduce them ("... writes:").
std::string WithoutQuotes(absl::string_view body) {
  std::string kept;
  for (const absl::string_view line : absl::StrSplit(body, '\n')) {
    const absl::string_view bare = absl::StripAsciiWhitespace(line);
    if (!absl::StartsWith(bare, ">") && !absl::StartsWith(bare, "|") && !absl::EndsWith(bare, "writes:") &&
        !absl::EndsWith(bare, "wrote:")) {
      absl::StrAppend(&kept, line, "\n");
    }
  }
  return kept;
}

}  // namespace

std::string PostText(absl::string_view post, const NewsgroupsSource& source, int64_t max_words) {
  const absl::string_view header = TakeHeader(&post);
  std::string text = source.headers() == NewsgroupsSource::ALL       ? std::string(header)
                     : source.headers() == NewsgroupsSource::SUBJECT ? SubjectOf(header)
                                                                     : "";
  absl::StrAppend(&text, "\n", source.drop_quotes() ? WithoutQuotes(post) : std::string(post));
  return CollapseBlanks(Utf8OfLatin1(text), max_words);
}

absl::StatusOr<Imported> LoadNewsgroups(const NewsgroupsSource& source, const ImportOptions& options) {
  if (IsPrepared(source.path())) {
    return LoadPrepared(source.path(), kNewsgroupsClasses, options);
  }
  std::vector<Post> posts;
  absl::Status status = ForEachFile(
      source.path(), kLargestPost, [](absl::string_view) { return true; },
      [&](const std::string& name, const std::string& contents) {
        const std::vector<std::string> parts = absl::StrSplit(name, '/', absl::SkipEmpty());
        // Not a folder of a group, or what file managers leave.
        if (parts.size() < 2 || absl::StartsWith(parts.back(), ".") ||
            !absl::StrContains(parts[parts.size() - 2], '.')) {
          return absl::OkStatus();
        }
        posts.push_back({parts[parts.size() - 2], parts.back(), PostText(contents, source, options.max_words)});
        return absl::OkStatus();
      });
  if (!status.ok()) {
    return status;
  }
  // Numbers of equal length compare as text.
  std::stable_sort(posts.begin(), posts.end(), [](const Post& a, const Post& b) {
    return std::make_tuple(std::cref(a.group), a.number.size(), std::cref(a.number)) <
           std::make_tuple(std::cref(b.group), b.number.size(), std::cref(b.number));
  });
  Imported imported;
  for (Post& post : posts) {
    imported.Add(std::move(post.group), std::move(post.text));
  }
  status = imported.Finish(BadLines(), options, source.path());
  if (!status.ok()) {
    return status;
  }
  return imported;
}

}  // namespace metaprompt
