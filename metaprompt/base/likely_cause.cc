#include "metaprompt/base/likely_cause.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace metaprompt {
namespace {

constexpr size_t kBeginning = 4096;

bool HasUtf16Mark(absl::string_view bytes) {
  return absl::StartsWith(bytes, "\xff\xfe") || absl::StartsWith(bytes, "\xfe\xff");
}

// In UTF-16, every second byte of text in the Latin alphabet is 0. A byte-order mark is not required.
bool LooksLikeUtf16(absl::string_view bytes) {
  if (HasUtf16Mark(bytes)) {
    return true;
  }
  size_t zeros[2] = {0, 0};
  for (size_t i = 0; i < bytes.size(); ++i) {
    zeros[i % 2] += bytes[i] == '\0' ? 1 : 0;
  }
  return bytes.size() >= 8 && std::min(zeros[0], zeros[1]) == 0 && std::max(zeros[0], zeros[1]) > bytes.size() / 3;
}

bool IsJsonArrayOfObjects(absl::string_view text) {
  return absl::ConsumePrefix(&text, "[") && absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), "{");
}

bool EndsLinesWithCr(absl::string_view text) {
  const bool is_text = std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\r' || c == '\t' || !absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  return is_text && absl::StrContains(text, '\r');
}

}  // namespace

std::string LikelyCause(absl::string_view beginning) {
  const absl::string_view text =
      absl::StripLeadingAsciiWhitespace(absl::StripPrefix(beginning.substr(0, kBeginning), "\xef\xbb\xbf"));
  if (absl::StartsWith(text, "version https://git-lfs.github.com/spec/")) {
    return "it is a pointer of git-lfs in place of the file; `git lfs pull` fetches the file";
  }
  if (absl::StartsWithIgnoreCase(text, "<!doctype html") || absl::StartsWithIgnoreCase(text, "<html")) {
    return "it is an HTML page; a download may have saved a page in place of the file";
  }
  if (absl::StartsWith(text, "PK\x03\x04") && absl::StrContains(text, "[Content_Types].xml")) {
    return "it is an Excel workbook or another office document; save it as CSV (UTF-8)";
  }
  if (LooksLikeUtf16(beginning.substr(0, kBeginning))) {
    return "it looks like UTF-16; `iconv -f UTF-16 -t UTF-8` converts it";
  }
  if (IsJsonArrayOfObjects(text)) {
    return "it is a JSON array; JSON lines, with one object per line, are needed; `jq -c '.[]'` writes them";
  }
  if (EndsLinesWithCr(text)) {
    return "its lines end with CR alone; `tr '\\r' '\\n'` converts it";
  }
  return "";
}

absl::Status WithLikelyCause(const absl::Status& error, const std::string& path) {
  return WithLikelyCause(error, path, [](absl::string_view /*beginning*/) { return std::string(); });
}

absl::Status WithLikelyCause(const absl::Status& error, const std::string& path,
                             absl::FunctionRef<std::string(absl::string_view beginning)> more) {
  std::error_code failed;
  if (error.ok() || !std::filesystem::is_regular_file(path, failed)) {
    return error;
  }
  std::string bytes(kBeginning, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(&bytes[0], static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  std::string cause = LikelyCause(bytes);
  cause = cause.empty() ? more(bytes) : cause;
  if (cause.empty()) {
    return error;
  }
  return absl::Status(error.code(),
                      absl::StrCat(HasUtf16Mark(bytes) ? "" : absl::StrCat(error.message(), "\n"), path, ": ", cause));
}

}  // namespace metaprompt
