#include "datasets/sources/newsgroups.h"

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "datasets/readers/source_files.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/distribution.h"
#include "datasets/sources/prepared.h"
#include "datasets/splits/published_splits.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr Distribution kDistributions[] = {
    {"20news-bydate", 20, 18846},        {"20news-18828", 20, 18828},       {"20news-19997", 20, 19997},
    {"20news-bydate, train", 20, 11314}, {"20news-bydate, test", 20, 7532},
};

// The authors of the split "metaprompting" chose its class names by looking at texts, also of test classes.
constexpr PublicClass kClasses[] = {
    {"talk.politics.mideast", "politics mideast", Split::kTest,
     "mideast armenian armenians turkish jew jews jewish israel israeli muslim arab"},
    {"sci.space", "space", Split::kTrain, "space nasa orbit shuttle launch moon earth mission spacecraft"},
    {"misc.forsale", "for sale", Split::kTest,
     "mail offer shipping price drive sell email interested system software computer games"},
    {"talk.politics.misc", "politics", Split::kTest,
     "politics government president gay homosexual cramer clinton state"},
    {"comp.graphics", "graphics", Split::kValid, "computer graphics image images 3d bit color program software"},
    {"sci.crypt", "cryptography", Split::kTrain,
     "crypt encryption clip key keys chip nsa privacy government security algorithm"},
    {"comp.windows.x", "x windows", Split::kValid, "window windows motif file server program color application"},
    {"comp.os.ms-windows.misc", "ms windows", Split::kValid, "windows microsoft dos mouse driver system other"},
    {"talk.politics.guns", "politics guns", Split::kTest, "gun guns fbi fire weapon government firearms law police"},
    {"talk.religion.misc", "religion", Split::kTest,
     "other god gods jesus bible christian religion morality biblical jews"},
    {"rec.autos", "autos", Split::kTrain, "car cars engine auto speed"},
    {"sci.med", "medicine", Split::kTrain, "disease medical doctor food patients patient treatment medicine"},
    {"comp.sys.mac.hardware", "mac hardware", Split::kValid, "mac apple computer system hardware power drive monitor"},
    {"sci.electronics", "electronics", Split::kTrain,
     "electronics electronic power circuit amp phone radio chip current battery"},
    {"rec.sport.hockey", "hockey", Split::kTrain, "hockey nhl espn game games team goal season sport"},
    {"alt.atheism", "atheism", Split::kTest, "god atheist morality moral islam islamic christian religion genocide"},
    {"rec.motorcycles", "motorcycles", Split::kTrain, "bike bikes biker bmw motorcycle motorcycles rider riding"},
    {"comp.sys.ibm.pc.hardware", "ibm pc hardware", Split::kValid,
     "computer system ibm pc hardware disk card dos controller monitor"},
    {"rec.sport.baseball", "baseball", Split::kTrain, "baseball game games team pitcher hitter braves league sport"},
    {"soc.religion.christian", "religion christian", Split::kTest,
     "god jesus christian christianity christians christ bible faith hell heaven homosexuality doctrine"},
};

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

// Removes the header, if there is one, from the post and returns it: the lines up to the first empty line. In 21 posts
// of 20news-bydate, the first line is the rest of a header line and begins with a blank.
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

// The body without the lines that begin with > or |, and without the lines that introduce them ("... writes:").
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

// Whether a file in these folders belongs to the part of 20news-bydate that the spec asks for. The part is the end of a
// folder's name: 20news-bydate-train.
bool IsWanted(const std::vector<std::string>& folders, const NewsgroupsSource& source) {
  const absl::string_view end = source.part().side() == PartSpec::TRAIN ? "-train" : "-test";
  return !source.has_part() || std::any_of(folders.begin(), folders.end(),
                                           [&](const std::string& folder) { return absl::EndsWith(folder, end); });
}

absl::StatusOr<Imported> LoadNewsgroups(const NewsgroupsSource& source, const ImportOptions& options) {
  if (source.has_part() && source.part().side() == PartSpec::VALID) {
    return absl::InvalidArgumentError("dataset.newsgroups.part.side is VALID; 20news-bydate has TRAIN and TEST");
  }
  if (IsPrepared(source.path())) {
    return source.has_part() ? absl::InvalidArgumentError(
                                   absl::StrCat(source.path(),
                                                ": a prepared file has no sides; dataset.newsgroups.part is for "
                                                "20news-bydate"))
                             : LoadPrepared(source.path(), kClasses, options);
  }
  std::vector<Post> posts;
  bool unwanted = false;
  RETURN_IF_ERROR(ForEachFile(
      source.path(), kLargestPost, [](absl::string_view) { return true; },
      [&](const std::string& name, const std::string& contents) {
        const std::vector<std::string> parts = absl::StrSplit(name, '/', absl::SkipEmpty());
        // Left out: files that are not in a group's folder, and hidden files, which file managers create.
        if (parts.size() < 2 || absl::StartsWith(parts.back(), ".") ||
            !absl::StrContains(parts[parts.size() - 2], '.')) {
          return absl::OkStatus();
        }
        if (!IsWanted(parts, source)) {
          unwanted = true;
          return absl::OkStatus();
        }
        posts.push_back({parts[parts.size() - 2], parts.back(), PostText(contents, source, options.max_words)});
        return absl::OkStatus();
      }));
  if (posts.empty() && unwanted) {
    return absl::InvalidArgumentError(
        absl::StrCat(source.path(), ": dataset.newsgroups.part is set, but no post is in a folder of 20news-bydate"));
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
  RETURN_IF_ERROR(imported.Finish(BadLines(), options, source.path()));
  return imported;
}

}  // namespace

SourceInfo NewsgroupsSourceInfo() {
  SourceInfo info = SourceReadBy(LoadNewsgroups);
  info.distributions = kDistributions;
  info.classes = kClasses;
  info.splits = {kBao2020, kMetaPrompting};
  info.name_of_label = RuleName;
  return info;
}

std::string PostText(absl::string_view post, const NewsgroupsSource& source, int64_t max_words) {
  const absl::string_view header = TakeHeader(&post);
  std::string text = source.headers() == NewsgroupsSource::ALL       ? std::string(header)
                     : source.headers() == NewsgroupsSource::SUBJECT ? SubjectOf(header)
                                                                     : "";
  absl::StrAppend(&text, "\n", source.drop_quotes() ? WithoutQuotes(post) : std::string(post));
  return CollapseBlanks(Utf8OfLatin1(text), max_words);
}

}  // namespace metaprompt
