// Compares the tokenizers of checkpoint folders with those of `transformers`. tests/reference/make_tokenizer_goldens.py
// describes the goldens and makes them again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/process.h"
#include "metaprompt/base/text.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr char kFolder[] = "tests/goldens/tokenizers/";
constexpr char kRenew[] = "tests/reference/make_tokenizer_goldens.py renews goldens";
constexpr char kBert[] = "bert-base-uncased";

std::string Shared() {
  const char* shared = std::getenv("METAPROMPT_SHARED");
  return shared == nullptr ? "" : shared;
}

const Json& Goldens() {
  static const auto* const goldens = new Json(Json::parse(ReadFile(absl::StrCat(kFolder, "goldens.json")).value()));
  return *goldens;
}

const std::vector<std::string>& Texts() {
  static const auto* const texts = [] {
    auto* all = new std::vector<std::string>();
    for (const Json& escaped : Goldens()["texts"]) {
      EXPECT_TRUE(absl::CUnescape(escaped.get<std::string>(), &all->emplace_back()));
    }
    return all;
  }();
  return *texts;
}

// The files of a folder of this repository; for bert-base-uncased's vocabulary, which is not in it, empty without
// METAPROMPT_SHARED.
TokenizerFiles FilesOf(const std::string& folder) {
  if (folder != kBert) {
    return ReadTokenizerFiles(kFolder + folder).value();
  }
  const std::string path = absl::StrCat(Shared(), "/models/", kBert, "/vocab.txt");
  return Shared().empty() ? TokenizerFiles() : TokenizerFiles{{"vocab.txt", ReadFile(path).value()}};
}

// The next varint of a protocol buffer.
uint64_t TakeVarint(absl::string_view* bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; !bytes->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) {
      break;
    }
  }
  return value;
}

// The fields of a protocol buffer whose values are bytes, or floats as their four bytes.
std::vector<std::pair<uint64_t, absl::string_view>> ByteFields(absl::string_view bytes) {
  std::vector<std::pair<uint64_t, absl::string_view>> fields;
  while (!bytes.empty()) {
    const uint64_t tag = TakeVarint(&bytes);
    if ((tag & 7U) == 0) {
      TakeVarint(&bytes);
      continue;
    }
    const uint64_t size = (tag & 7U) == 2 ? TakeVarint(&bytes) : 4;
    fields.emplace_back(tag >> 3U, bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return fields;
}

// XLM-RoBERTa's sentencepiece model as `transformers` converts it.
Json UnigramOf(absl::string_view sentencepiece) {
  Json vocab = Json::array();
  for (const char* piece : {"<s>", "<pad>", "</s>"}) {
    vocab.push_back({piece, 0.0});
  }
  Json normalizer;
  for (const auto& [field, message] : ByteFields(sentencepiece)) {
    const auto inner = ByteFields(message);
    if (field == 1) {  // a piece: its text and its score
      float score = 0;
      std::memcpy(&score, inner[1].second.data(), sizeof(score));
      const std::string piece(inner[0].second);
      if (piece != "<s>" && piece != "</s>") {
        vocab.push_back({piece, score});
      }
    } else if (field == 3) {  // the normalizer: its name and its character map
      for (const auto& [part, bytes] : inner) {
        if (part == 2 && !bytes.empty()) {
          normalizer = {{"type", "Precompiled"}, {"precompiled_charsmap", absl::Base64Escape(bytes)}};
        }
      }
    }
  }
  vocab.push_back({"<mask>", 0.0});
  const Json split = {{"type", "WhitespaceSplit"}};
  const Json spaces = {{"type", "Metaspace"}};
  return {{"model", {{"type", "Unigram"}, {"unk_id", 3}, {"vocab", vocab}}},
          {"normalizer", normalizer},
          {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, spaces}}}}};
}

// Moves the vocabulary into a tokenizer.json, with merges as pairs or as texts.
void PutIntoOneFile(bool pairs, TokenizerFiles* files) {
  Json model = {{"vocab", Json::object()}};
  Json whole = {{"version", "1.0"}};
  if (files->count("sentencepiece.bpe.model") > 0) {
    (*files)["tokenizer.json"] = UnigramOf((*files)["sentencepiece.bpe.model"]).dump();
    files->erase("sentencepiece.bpe.model");
    return;
  }
  if (files->count("vocab.txt") > 0) {
    model["type"] = "WordPiece";
    const std::vector<std::string> lines = absl::StrSplit((*files)["vocab.txt"], '\n');
    for (size_t i = 0; i + 1 < lines.size(); ++i) {
      model["vocab"][lines[i]] = i;
    }
    whole["normalizer"] = {{"type", "BertNormalizer"}, {"lowercase", false}};
    whole["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  } else {
    model["type"] = "BPE";
    model["vocab"] = Json::parse((*files)["vocab.json"]);
    model["merges"] = Json::array();
    const std::vector<std::string> lines = absl::StrSplit((*files)["merges.txt"], '\n');
    for (size_t i = 1; i + 1 < lines.size(); ++i) {
      const std::vector<std::string> pair = absl::StrSplit(lines[i], ' ');
      model["merges"].push_back(pairs ? Json(pair) : Json(lines[i]));
    }
    whole["normalizer"] = nullptr;
    whole["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  }
  whole["model"] = std::move(model);
  files->erase("vocab.txt");
  files->erase("vocab.json");
  files->erase("merges.txt");
  (*files)["tokenizer.json"] = whole.dump();
}

std::unique_ptr<Tokenizer> Make(const TokenizerFiles& files, const std::string& name) {
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(files, name);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

// The tokenizer of a golden; null if it needs files that are not here.
std::unique_ptr<Tokenizer> TokenizerOf(const Json& golden) {
  TokenizerFiles files = FilesOf(golden["folder"].get<std::string>());
  if (files.empty()) {
    return nullptr;
  }
  const Json written = golden.value("files", Json::object());
  for (const auto& [file, contents] : written.items()) {
    files[file] = contents.get<std::string>();
  }
  if (golden.value("whole", false)) {
    PutIntoOneFile(/*pairs=*/true, &files);
  }
  if (golden["folder"] == "cased") {  // transformers lower-cases by default; here the folder must ask for it
    Json config = Json::parse(files["tokenizer_config.json"]);
    config.emplace("do_lower_case", true);
    files["tokenizer_config.json"] = config.dump();
  }
  return Make(files, golden["name"].get<std::string>());
}

std::string Printed(const std::vector<int64_t>& ids) { return absl::StrJoin(ids, " "); }

// The ids of the texts of the golden page, with special tokens recognised and as plain text.
TEST(TokenizersTest, APageOfNastyTexts) {
  int compared = 0;
  for (const Json& golden : Goldens()["tokenizers"]) {
    const std::unique_ptr<Tokenizer> tokenizer = TokenizerOf(golden);
    if (tokenizer == nullptr) {
      continue;
    }
    ++compared;
    for (size_t i = 0; i < Texts().size(); ++i) {
      const auto ids = golden["ids"][i].get<std::string>();
      const std::string plain = golden["plain"].value(absl::StrCat(i), ids);
      EXPECT_EQ(Printed(tokenizer->EncodeWithSpecial(Texts()[i])), ids)
          << golden["name"] << ", text " << i << ", " << Quoted(Texts()[i]) << "; " << kRenew;
      EXPECT_EQ(Printed(tokenizer->Encode(Texts()[i])), plain)
          << golden["name"] << ", text " << i << " as text, " << Quoted(Texts()[i]) << "; " << kRenew;
    }
  }
  EXPECT_GE(compared, 22);
}

// For each vocabulary: the number of ids, and the SHA-256 of all ids, printed with one text per line.
void ComparePublicData(const char* name, const std::vector<std::string>& texts) {
  int compared = 0;
  for (const Json& golden : Goldens()["tokenizers"]) {
    if (!golden.contains(name)) {
      continue;
    }
    const std::unique_ptr<Tokenizer> tokenizer = TokenizerOf(golden);
    ASSERT_NE(tokenizer, nullptr);
    std::string printed;
    size_t tokens = 0;
    for (const std::string& text : texts) {
      const std::vector<int64_t> ids = tokenizer->EncodeWithSpecial(text);
      tokens += ids.size();
      absl::StrAppend(&printed, Printed(ids), "\n");
    }
    EXPECT_EQ(golden[name]["texts"], texts.size());
    EXPECT_EQ(golden[name]["tokens"], tokens) << golden["name"] << "; " << kRenew;
    EXPECT_EQ(golden[name]["sha256"], Sha256(printed)) << golden["name"] << "; " << kRenew;
    ++compared;
  }
  EXPECT_EQ(compared, 8);
}

TEST(TokenizersTest, HuffpostHeadlines) {
  if (Shared().empty()) {
    GTEST_SKIP()
        << "set METAPROMPT_SHARED to a folder with data/huffpost and models/bert-base-uncased to run this test";
  }
  std::vector<std::string> texts;
  const std::string lines = ReadFile(Shared() + "/data/huffpost/huffpost.json").value();
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    texts.push_back(Json::parse(line.begin(), line.end())["raw"].get<std::string>());
  }
  ComparePublicData("huffpost", texts);
}

// The files of a tar archive, by name. Reads only archives of plain files with short names.
std::map<std::string, std::string> TarFiles(const std::string& tar) {
  constexpr size_t kBlock = 512;
  std::map<std::string, std::string> files;
  for (size_t at = 0; at + kBlock <= tar.size() && tar[at] != '\0';) {
    const std::string name(tar.c_str() + at);
    const size_t size = std::strtoull(tar.substr(at + 124, 12).c_str(), nullptr, 8);
    const char type = tar[at + 156];
    if (type == '0' || type == '\0') {
      files[name] = tar.substr(at + kBlock, size);
    }
    at += kBlock + (size + kBlock - 1) / kBlock * kBlock;
  }
  return files;
}

TEST(TokenizersTest, NewsgroupPosts) {
  if (Shared().empty()) {
    GTEST_SKIP()
        << "set METAPROMPT_SHARED to a folder with data/20newsgroups and models/bert-base-uncased to run this test";
  }
  const absl::StatusOr<std::string> tar =
      CommandOutput({"xz", "-dc", Shared() + "/data/20newsgroups/20news-bydate.tar.xz"});
  ASSERT_TRUE(tar.ok()) << tar.status();
  std::vector<std::string> texts;
  for (const auto& [name, latin1] : TarFiles(*tar)) {
    std::string& text = texts.emplace_back();
    for (const char byte : latin1) {
      AppendCharacter(static_cast<unsigned char>(byte), &text);
    }
  }
  ComparePublicData("20newsgroups", texts);
}

// Every tokenizer of the goldens, on every text of the page.
void ForAll(const std::function<void(const Tokenizer&, const std::string&)>& check) {
  for (const Json& golden : Goldens()["tokenizers"]) {
    if (const std::unique_ptr<Tokenizer> tokenizer = TokenizerOf(golden)) {
      for (const std::string& text : Texts()) {
        SCOPED_TRACE(absl::StrCat(golden["name"].get<std::string>(), ": ", Quoted(text)));
        check(*tokenizer, text);
      }
    }
  }
}

TEST(TokenizersTest, TextIsNeverASpecialToken) {
  ForAll([](const Tokenizer& tokenizer, const std::string& text) {
    const SpecialIds special = tokenizer.special();
    for (const int64_t id : tokenizer.Encode(text)) {
      ASSERT_GE(id, 0);
      ASSERT_LT(id, tokenizer.vocab_size());
      ASSERT_THAT((std::vector<int64_t>{special.cls, special.sep, special.mask, special.pad}),
                  testing::Not(testing::Contains(id)));
    }
  });
}

// The names of special tokens are special tokens if the caller asks for these, and otherwise text.
TEST(TokenizersTest, SpecialTokensAreFoundWhereAskedFor) {
  for (const char* folder : {"cased", "mpnet", "roberta", "albert", "xlm-roberta", "modernbert", "deberta"}) {
    const std::unique_ptr<Tokenizer> tokenizer = Make(FilesOf(folder), folder);
    const SpecialIds special = tokenizer->special();
    for (const int64_t id : {special.cls, special.sep, special.mask, special.unk, special.pad}) {
      EXPECT_THAT(tokenizer->EncodeWithSpecial(tokenizer->Piece(id)), testing::ElementsAre(id)) << folder;
      EXPECT_GT(tokenizer->Encode(tokenizer->Piece(id)).size(), 1U) << folder;
    }
  }
}

TEST(TokenizersTest, FilesMakeTheSameTokenizerAgain) {
  for (const char* folder : {"cased", "mpnet", "roberta", "albert", "xlm-roberta", "modernbert", "deberta"}) {
    const TokenizerFiles files = FilesOf(folder);
    const std::unique_ptr<Tokenizer> tokenizer = Make(files, folder);
    EXPECT_EQ(tokenizer->files(), files);
    const std::unique_ptr<Tokenizer> again = Make(tokenizer->files(), folder);
    EXPECT_EQ(again->Encode(Texts()[4]), tokenizer->Encode(Texts()[4]));
    for (int64_t id = 0; id < tokenizer->vocab_size(); ++id) {
      ASSERT_EQ(again->Piece(id), tokenizer->Piece(id));
    }
  }
}

// A vocabulary may be only in tokenizer.json, with merges in either of two spellings, or in both places.
TEST(TokenizersTest, VocabulariesOfOneFile) {
  for (const char* folder : {"cased", "mpnet", "roberta", "xlm-roberta"}) {
    const TokenizerFiles files = FilesOf(folder);
    const std::unique_ptr<Tokenizer> several = Make(files, folder);
    for (const bool pairs : {false, true}) {
      TokenizerFiles one = files;
      PutIntoOneFile(pairs, &one);
      TokenizerFiles both = files;
      both["tokenizer.json"] = one["tokenizer.json"];
      for (const TokenizerFiles& other : {one, both}) {
        const std::unique_ptr<Tokenizer> tokenizer = Make(other, folder);
        for (const std::string& text : Texts()) {
          ASSERT_EQ(tokenizer->EncodeWithSpecial(text), several->EncodeWithSpecial(text)) << folder << ": " << text;
        }
      }
    }
  }
}

// tokenizer.json's character map is the sentencepiece model's. ALBERT's model, whose first pieces are not <unk>, <s>
// and
// </s>, lends it.
TEST(TokenizersTest, CharacterMapsOfOneFile) {
  TokenizerFiles files = FilesOf("xlm-roberta");
  const Json albert = UnigramOf(FilesOf("albert")["spiece.model"]);
  ASSERT_TRUE(albert["normalizer"].is_object());
  Json whole = UnigramOf(files["sentencepiece.bpe.model"]);
  whole["normalizer"] = {{"type", "Sequence"},
                         {"normalizers", {albert["normalizer"], {{"type", "Replace"}, {"content", " "}}}}};
  const std::unique_ptr<Tokenizer> plain = Make(files, "plain");
  files.erase("sentencepiece.bpe.model");
  files["tokenizer.json"] = whole.dump();
  const std::unique_ptr<Tokenizer> mapped = Make(files, "mapped");
  EXPECT_EQ(mapped->Encode("Ｆｕｌｌ ｗｉｄｔｈ"), plain->Encode("Full width"));
  EXPECT_NE(plain->Encode("Ｆｕｌｌ ｗｉｄｔｈ"), plain->Encode("Full width"));
  EXPECT_EQ(mapped->Encode("a\tb"), plain->Encode("a b"));
}

// A word of a million letters costs n log n, not n².
TEST(TokenizersTest, LongWordsAreNotSlow) {
  for (const char* folder : {"cased", "roberta"}) {
    const std::unique_ptr<Tokenizer> tokenizer = Make(FilesOf(folder), folder);
    const std::string word(1000000, 'e');
    EXPECT_GE(tokenizer->Encode(word).size(), 1U);
    std::string words;
    for (int i = 0; i < 10000; ++i) {
      absl::StrAppend(&words, std::string(100, 'e'), " ");
    }
    EXPECT_GE(tokenizer->Encode(words).size(), 10000U);
  }
}

TEST(UnicodeTest, InvalidUtf8IsReplacedByMaximalParts) {
  const std::string bad = "\xEF\xBF\xBD";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain", "plain"},
      {"caf\xC3\xA9", "caf\xC3\xA9"},
      {"a\xFFz", "a" + bad + "z"},
      {"\xC3", bad},
      {"\xE2\x82 12345678", bad + " 12345678"},
      {"\xF0\x9F\x98", bad},
      {"\xF0\x9F\x98\xF0\x9F\x98\x80", bad + "\xF0\x9F\x98\x80"},
      {"\xED\xA0\x80", bad + bad + bad},
      {"\xC0\xAF", bad + bad},
      {"\xE0\x80\xAF", bad + bad + bad},
      {"\xF4\x90\x80\x80", bad + bad + bad + bad},
      {std::string("\0\x80", 2), std::string("\0", 1) + bad},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(Utf8Text(text).view(), expected) << Quoted(text);
  }
}

}  // namespace
}  // namespace metaprompt
