// The checksums of a folder's files, in a file that `sha256sum -c SHA256SUMS` reads too. SHA-256 is OpenSSL's, which
// hashes more than 1 GB per second on processors with SHA instructions, and about 0.4 GB per second on others.
#ifndef METAPROMPT_BASE_CHECKSUMS_H_
#define METAPROMPT_BASE_CHECKSUMS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace metaprompt {

inline constexpr char kChecksumFile[] = "SHA256SUMS";

// Names are relative to the folder. A file that is about to be replaced is listed twice, with its old and its new
// bytes, so that a process that is killed at any time leaves no file which is not listed as it is.
class Checksums {
 public:
  // Lists nothing, of no folder.
  Checksums() = default;
  // Those of the folder; none if it has no SHA256SUMS. A SHA256SUMS that lists no file is damaged. The error names the
  // line.
  static absl::StatusOr<Checksums> Read(const std::string& folder);

  bool Lists(const std::string& name) const { return sums_.count(name) > 0; }
  std::vector<std::string> Names() const;

  // Writes down that the file will soon have these bytes, or still those that it has.
  absl::Status Announce(const std::string& name, const std::string& sha256);
  // The file has the bytes that were announced last. SHA256SUMS follows with the next Announce or Save.
  void Settle(const std::string& name);
  // The file is no longer listed. SHA256SUMS follows with the next Announce or Save.
  void Forget(const std::string& name) { sums_.erase(name); }
  absl::Status Save() const;

  // Whether the file may have these bytes. A file that is not listed may have any. The error names the file, and the
  // other file if the bytes are those of another one.
  absl::Status Check(const std::string& name, const std::string& sha256);

 private:
  explicit Checksums(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
  std::map<std::string, std::vector<std::string>> sums_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_CHECKSUMS_H_
