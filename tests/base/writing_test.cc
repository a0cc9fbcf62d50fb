// What writing does not replace: special files, links, files and folders of others.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/checksums.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/new_folder.h"

namespace metaprompt {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WritingTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name(), "/");
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& name, const std::string& bytes) const {
    const absl::Status status = WriteFileAtomically(folder_ + name, bytes);
    EXPECT_TRUE(status.ok()) << status;
  }
  std::string Read(const std::string& name) const { return ReadFile(folder_ + name).value_or("no such file"); }
  // The names in a folder, sorted.
  std::vector<std::string> Names(const std::string& name = "") const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ + name)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string folder_;
};

TEST_F(WritingTest, APipeIsWrittenTo) {
  const std::string pipe = folder_ + "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = ReadFile(pipe).value_or("an error"); });
  Write("pipe", "through the pipe");
  reader.join();
  EXPECT_EQ(got, "through the pipe");
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_THAT(Names(), ElementsAre("pipe"));
}

TEST_F(WritingTest, ADescriptorIsWrittenToWhereItStands) {
  const int file = open((folder_ + "out").c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_EQ(write(file, "before ", 7), 7);
  fs::create_symlink(absl::StrCat("/proc/self/fd/", file), folder_ + "stdout");  // as /dev/stdout is
  Write("stdout", "between ");
  EXPECT_TRUE(WriteFileAtomically(absl::StrCat("/dev/fd/", file), "still ").ok());
  ASSERT_EQ(write(file, "after", 5), 5);
  close(file);
  EXPECT_EQ(Read("out"), "before between still after");
  EXPECT_THAT(Names(), ElementsAre("out", "stdout"));
  EXPECT_EQ(WriteFileAtomically("/dev/fd/987654", "x").message(), "cannot write /dev/fd/987654: Bad file descriptor");
}

TEST_F(WritingTest, ALinkStaysAndWhatItLeadsToIsReplaced) {
  Write("file", "old");
  fs::create_directory(folder_ + "inside");
  fs::create_symlink("../file", folder_ + "inside/link");
  fs::create_symlink("inside/link", folder_ + "link");
  fs::create_symlink("later", folder_ + "ahead");
  Write("link", "new");
  Write("ahead", "there");
  EXPECT_EQ(Read("file"), "new");
  EXPECT_EQ(Read("later"), "there");
  EXPECT_TRUE(fs::is_symlink(folder_ + "link"));
  EXPECT_TRUE(fs::is_symlink(folder_ + "inside/link"));
  EXPECT_THAT(Names(), ElementsAre("ahead", "file", "inside", "later", "link"));
  fs::create_symlink("round", folder_ + "round");
  EXPECT_THAT(WriteFileAtomically(folder_ + "round", "x").message(), HasSubstr("symbolic links"));
}

TEST_F(WritingTest, TemporaryNamesAreTakenFromNobody) {
  const std::string others = absl::StrCat("file.metaprompt.tmp.", getpid(), ".0");
  Write(others, "somebody's");
  AtomicFile one = AtomicFile::Create(folder_ + "file").value();
  AtomicFile two = AtomicFile::Create(folder_ + "file").value();
  ASSERT_TRUE(one.Write("one").ok());
  ASSERT_TRUE(two.Write("two").ok());
  // Another command cleans up meanwhile.
  Write("killed.metaprompt.tmp.1.0", "");
  Write("notes.tmp.2024", "");
  Write("notes.metaprompt.tmp.1", "");
  fs::create_directory(folder_ + "folder.metaprompt.tmp.1.0");
  RemoveStaleTemporaries(folder_);
  EXPECT_FALSE(fs::exists(folder_ + "killed.metaprompt.tmp.1.0"));
  ASSERT_TRUE(one.Commit().ok());
  EXPECT_EQ(Read("file"), "one");
  ASSERT_TRUE(two.Commit().ok());
  EXPECT_EQ(Read("file"), "two");
  EXPECT_THAT(Names(), ElementsAre("file", "folder.metaprompt.tmp.1.0", "notes.metaprompt.tmp.1", "notes.tmp.2024"))
      << "a file that ends in .metaprompt.tmp.PID.N and that no process holds counts as left behind";
}

// The folder can be written, so that the file could be replaced.
TEST_F(WritingTest, AFileThatMayNotBeWrittenIsNotReplaced) {
  std::string folder = "/tmp/writing_test.XXXXXX";  // other users may not reach the test's own folder
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  ASSERT_TRUE(WriteFileAtomically(folder + "/file", "old").ok());
  fs::permissions(folder + "/file", fs::perms::owner_read | fs::perms::others_read);
  fs::permissions(folder, fs::perms::all);
  const bool root = geteuid() == 0;  // to whom every file is open
  ASSERT_TRUE(!root || seteuid(65534) == 0);
  const absl::Status other = WriteFileAtomically(folder + "/other", "new");
  const absl::Status written = WriteFileAtomically(folder + "/file", "new");
  ASSERT_TRUE(!root || seteuid(0) == 0);
  EXPECT_TRUE(other.ok()) << other;
  EXPECT_THAT(written.message(), HasSubstr("/file: Permission denied"));
  EXPECT_EQ(ReadFile(folder + "/file").value(), "old");
  fs::remove_all(folder);
}

TEST_F(WritingTest, AFileKeepsItsPermissions) {
  Write("secret", "old");
  fs::permissions(folder_ + "secret", fs::perms::owner_read | fs::perms::owner_write);
  Write("secret", "new");
  EXPECT_EQ(fs::status(folder_ + "secret").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(WritingTest, BeforeTheRenameTheHashIsKnown) {
  std::string hash;
  const auto note = [&](const std::string& sha256) {
    hash = sha256;
    return absl::OkStatus();
  };
  ASSERT_TRUE(WriteFileAtomically(folder_ + "file", "abc", note).ok());
  EXPECT_EQ(hash, Sha256("abc"));
  EXPECT_EQ(FileSha256(folder_ + "file").value(), hash);
  const auto refuse = [](const std::string&) { return absl::AbortedError("no"); };
  EXPECT_EQ(WriteFileAtomically(folder_ + "file", "other", refuse).message(), "no");
  EXPECT_EQ(Read("file"), "abc");
  EXPECT_THAT(Names(), ElementsAre("file"));
}

TEST_F(WritingTest, AFolderThatIsNewOrNotThere) {
  // Other files with similar names stay.
  for (const std::string other : {"new.partial", "new.tmp", absl::StrCat("new.tmp.", getpid(), ".0").c_str()}) {
    fs::create_directory(folder_ + other);
    Write(other + "/theirs", "theirs");
  }
  const std::vector<std::string> before = Names();
  {
    NewFolder dropped = NewFolder::Create(folder_ + "above/further/new").value();
    ASSERT_TRUE(WriteFileAtomically(dropped.path() + "/file", "x").ok());
  }
  EXPECT_EQ(Names(), before) << "not the folders above it either";
  {
    NewFolder made = NewFolder::Create(folder_ + "new/").value();
    ASSERT_TRUE(WriteFileAtomically(made.path() + "/file", "x").ok());
    EXPECT_FALSE(fs::exists(folder_ + "new"));
    ASSERT_TRUE(made.Commit().ok());
  }
  EXPECT_THAT(Names("new"), ElementsAre("file"));
  EXPECT_EQ(Names().size(), before.size() + 1);
  EXPECT_THAT(Names("new.partial"), ElementsAre("theirs"));
  EXPECT_EQ(NewFolder::Create(folder_ + "new").status().message(),
            absl::StrCat(folder_, "new: the folder is not empty; name another, or empty it"));
  EXPECT_EQ(NewFolder::Create(folder_ + "new/file").status().message(),
            absl::StrCat(folder_, "new/file: it is there, and not a folder; name another"));
  EXPECT_EQ(NewFolder::Create(folder_ + "new/file/below").status().message(),
            absl::StrCat("cannot make ", folder_, "new/file: Not a directory"));
  // The check finds the same errors, and makes nothing.
  for (const std::string refused : {"new", "new/file", "new/file/below"}) {
    EXPECT_EQ(NewFolder::CheckFree(folder_ + refused), NewFolder::Create(folder_ + refused).status());
  }
  EXPECT_TRUE(NewFolder::CheckFree(folder_ + "above/further/new").ok());
  EXPECT_EQ(Names().size(), before.size() + 1);
}

TEST_F(WritingTest, AnEmptyFolderIsFilledAndOneThatAppearsIsLeftAlone) {
  fs::create_directory(folder_ + "empty");
  fs::create_symlink("empty", folder_ + "link");
  EXPECT_TRUE(NewFolder::CheckFree(folder_ + "link").ok());
  EXPECT_THAT(Names("empty"), IsEmpty());
  {
    NewFolder fill = NewFolder::Create(folder_ + "link").value();
    fs::create_directory(fill.path() + "/inner");
    ASSERT_TRUE(WriteFileAtomically(fill.path() + "/file", "x").ok());
    ASSERT_TRUE(fill.Commit().ok());
  }
  EXPECT_THAT(Names("empty"), ElementsAre("file", "inner"));
  EXPECT_TRUE(fs::is_symlink(folder_ + "link"));
  {
    NewFolder late = NewFolder::Create(folder_ + "late").value();
    fs::create_directory(folder_ + "late");
    EXPECT_EQ(late.Commit().message(), absl::StrCat("cannot make ", folder_, "late: File exists"));
  }
  EXPECT_THAT(Names(), ElementsAre("empty", "late", "link"));
}

TEST_F(WritingTest, ChecksumsOfAFileThatIsReplaced) {
  const std::string old_sum = Sha256("old");
  const std::string new_sum = Sha256("new");
  Checksums sums = Checksums::Read(folder_).value();
  EXPECT_THAT(sums.Names(), IsEmpty());
  EXPECT_TRUE(sums.Check("file", old_sum).ok()) << "not listed";
  ASSERT_TRUE(sums.Announce("file", old_sum).ok());
  sums.Settle("file");
  ASSERT_TRUE(sums.Announce("other", Sha256("other")).ok());
  ASSERT_TRUE(sums.Announce("file", new_sum).ok());
  // A process that is killed here leaves one of the two files.
  for (const std::string& sum : {old_sum, new_sum}) {
    Checksums after = Checksums::Read(folder_).value();
    EXPECT_TRUE(after.Check("file", sum).ok());
    EXPECT_FALSE(after.Check("file", sum == old_sum ? new_sum : old_sum).ok()) << "it is one of them now";
  }
  sums.Settle("file");
  ASSERT_TRUE(sums.Save().ok());
  EXPECT_EQ(Read("SHA256SUMS"), absl::StrCat(new_sum, "  file\n", Sha256("other"), "  other\n"));
  EXPECT_EQ(sums.Check("file", Sha256("other")).message(),
            absl::StrCat(folder_,
                         "/file: not the bytes that were written: their SHA-256 is d9298a10d1b0..., in "
                         "SHA256SUMS it is 11507a0e2f5e...; they are those of other"));
  for (const std::string line : {"nonsense", (new_sum + "  ../up").c_str(), (new_sum + "  /root").c_str(),
                                 ("x" + new_sum.substr(1) + "  file").c_str(), (new_sum + " file").c_str()}) {
    Write("SHA256SUMS", absl::StrCat(old_sum, "  file\n", line, "\n"));
    EXPECT_THAT(Checksums::Read(folder_).status().message(), HasSubstr("SHA256SUMS:2: not a SHA-256, two blanks and"))
        << line;
  }
}

}  // namespace
}  // namespace metaprompt
