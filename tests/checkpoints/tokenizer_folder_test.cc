// Checkpoint folders whose tokenizers cannot be made, and the error for each.
#include "metaprompt/tokenizers/files/tokenizer_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "metaprompt/base/files.h"

namespace metaprompt {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

TokenizerFiles Bert() {
  return {{"config.json", R"({"model_type": "bert"})"},
          {"vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##b\n"}};
}

TokenizerFiles Roberta() {
  return {{"config.json", R"({"model_type": "roberta"})"},
          {"vocab.json", R"({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4, "a": 5, "b": 6, "ab": 7})"},
          {"merges.txt", "#version: 0.2\na b\n"}};
}

TokenizerFiles Albert() { return ReadTokenizerFiles("tests/goldens/tokenizers/albert").value(); }

TokenizerFiles XlmRoberta() { return ReadTokenizerFiles("tests/goldens/tokenizers/xlm-roberta").value(); }

constexpr char kBertWhole[] =
    R"({"model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "a": 5,
        "b": 6, "##b": 7}}, "normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"}})";
constexpr char kXlmRobertaWhole[] =
    R"({"model": {"type": "Unigram", "unk_id": 3, "vocab": [["<s>", 0], ["<pad>", 0], ["</s>", 0], ["<unk>", 0],
        ["\u2581", -2], ["a", -1], ["<mask>", 0]]}, "normalizer": null, "pre_tokenizer": {"type": "Metaspace"}})";
constexpr char kRobertaWhole[] =
    R"({"model": {"type": "BPE", "vocab": {"<s>": 0, "</s>": 1, "<unk>": 2, "<mask>": 3, "a": 4, "b": 5, "ab": 6},
        "merges": ["a b"]}, "normalizer": null, "pre_tokenizer": {"type": "ByteLevel"}})";

// The error for `files` with some of them replaced; `-` removes a file.
std::string Error(TokenizerFiles files, const std::vector<std::pair<std::string, std::string>>& changes) {
  for (const auto& [file, contents] : changes) {
    files[file] = contents;
    if (contents == "-") {
      files.erase(file);
    }
  }
  const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(files, "dir");
  return tokenizer.ok() ? "no error" : std::string(tokenizer.status().message());
}

std::string With(std::string text, const std::string& part, const std::string& by) {
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return at == std::string::npos ? text : text.replace(at, part.size(), by);
}

TEST(TokenizerFolderTest, TheFoldersThemselvesAreSound) {
  EXPECT_EQ(Error(Bert(), {}), "no error");
  EXPECT_EQ(Error(Bert(), {{"vocab.txt", "-"}, {"tokenizer.json", kBertWhole}}), "no error");
  EXPECT_EQ(Error(Roberta(), {}), "no error");
  EXPECT_EQ(Error(Roberta(), {{"vocab.json", "-"}, {"tokenizer.json", kRobertaWhole}}), "no error");
  EXPECT_EQ(Error(Albert(), {}), "no error");
  EXPECT_EQ(Error(XlmRoberta(), {}), "no error");
  EXPECT_EQ(Error(XlmRoberta(), {{"sentencepiece.bpe.model", "-"}, {"tokenizer.json", kXlmRobertaWhole}}), "no error");
  EXPECT_EQ(Error(Bert(), {{"config.json", R"({"model_type": "electra"})"}}), "no error");
}

TEST(TokenizerFolderTest, FoldersWithoutFiles) {
  EXPECT_EQ(ReadTokenizerFiles("tests/none").status().message(),
            "tests/none: no such folder here (a checkpoint is a folder on this machine; none is downloaded)");
  EXPECT_EQ(ReadTokenizerFiles("tests/goldens").status().message(),
            "tests/goldens/config.json: No such file or directory");
  EXPECT_EQ(Error(Bert(), {{"config.json", "-"}}), "dir/config.json: No such file or directory");
  EXPECT_EQ(Error(Bert(), {{"vocab.txt", "-"}}), "dir: neither vocab.txt nor tokenizer.json is there");
  EXPECT_EQ(Error(Roberta(), {{"vocab.json", "-"}}), "dir: neither vocab.json nor tokenizer.json is there");
  EXPECT_EQ(Error(Roberta(), {{"merges.txt", "-"}}), "dir: neither merges.txt nor tokenizer.json is there");
  EXPECT_EQ(Error(Albert(), {{"spiece.model", "-"}}), "dir/spiece.model: No such file or directory");
  EXPECT_EQ(Error(XlmRoberta(), {{"sentencepiece.bpe.model", "-"}}),
            "dir: neither sentencepiece.bpe.model nor tokenizer.json is there");
}

TEST(TokenizerFolderTest, OtherFilesInTheirPlaceAreRecognised) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
  const std::string cause = ": it is a pointer of git-lfs in place of the file; `git lfs pull` fetches the file";
  for (const std::string file : {"config.json", "tokenizer_config.json"}) {
    EXPECT_EQ(Error(Bert(), {{file, pointer}}), absl::StrCat("dir/", file, ": not JSON at byte 1\ndir/", file, cause));
  }
  EXPECT_THAT(Error(Bert(), {{"vocab.txt", pointer}}), EndsWith("\ndir/vocab.txt" + cause));
  EXPECT_EQ(Error(Albert(), {{"spiece.model", "<html>"}}),
            "dir/spiece.model: not a sentencepiece model\ndir/spiece.model: it is an HTML page; a download may have "
            "saved a page in place of the file");
}

TEST(TokenizerFolderTest, ArchitecturesThatAreNotKnown) {
  EXPECT_EQ(Error(Bert(), {{"config.json", "{"}}), "dir/config.json: not JSON at byte 2");
  EXPECT_EQ(Error(Bert(), {{"config.json", "[]"}}), "dir/config.json: expected a JSON object");
  EXPECT_EQ(Error(Bert(), {{"config.json", "{}"}}), "dir/config.json: model_type must be a text");
  EXPECT_THAT(Error(Bert(), {{"config.json", R"({"model_type": "mt5"})"}}),
              StartsWith("dir/config.json: model_type 'mt5' is not supported; known: bert, distilbert, roberta, "
                         "xlm-roberta, albert, mpnet, electra"));
  EXPECT_EQ(Error(Bert(), {{"config.json", R"({"a": 1, "a": 2})"}}),
            "dir/config.json: the key 'a' stands twice in one object");
  EXPECT_THAT(Error(Bert(), {{"tokenizer_config.json", R"({"tokenizer_class": "BertJapaneseTokenizer"})"}}),
              StartsWith("dir/tokenizer_config.json: tokenizer_class 'BertJapaneseTokenizer' is not supported; known: "
                         "BertTokenizer, DistilBertTokenizer, RobertaTokenizer, XLMRobertaTokenizer, AlbertTokenizer, "
                         "MPNetTokenizer, ElectraTokenizer"));
}

TEST(TokenizerFolderTest, CapitalsInAVocabularyNeedAWordInTheFolder) {
  std::string vocab = Bert()["vocab.txt"];
  for (char c = 'A'; c <= 'Z'; ++c) {
    absl::StrAppend(&vocab, std::string(1, c), "\n");
  }
  EXPECT_EQ(Error(Bert(), {{"vocab.txt", vocab}, {"tokenizer_config.json", "{}"}}),
            "dir: the vocabulary has 26 pieces with capitals, such as 'A', but no file specifies whether texts are "
            "lower-cased; put \"do_lower_case\": false (for a cased model) or true into tokenizer_config.json");
  for (const char* config : {"{\"do_lower_case\": false}", "{\"do_lower_case\": true}"}) {
    EXPECT_EQ(Error(Bert(), {{"vocab.txt", vocab}, {"tokenizer_config.json", config}}), "no error") << config;
  }
  // A byte-order mark is not part of the first piece.
  EXPECT_EQ(Error(Bert(), {{"vocab.txt", "\xef\xbb\xbf[UNK]\n" + With(Bert()["vocab.txt"], "[UNK]\n", "")}}),
            "no error");
}

TEST(TokenizerFolderTest, VocabTextsThatAreWrong) {
  const std::string vocab = Bert()["vocab.txt"];
  const auto error = [&](const std::string& part, const std::string& by) {
    return Error(Bert(), {{"vocab.txt", With(vocab, part, by)}});
  };
  EXPECT_EQ(Error(Bert(), {{"vocab.txt", ""}}), "dir: the vocabulary has no [UNK], its unk_token");
  EXPECT_EQ(error("\nb\n", "\na\n"), "dir/vocab.txt:7: piece 'a' stands in line 6 already");
  EXPECT_EQ(error("\nb\n", "\n\xFF\n"), "dir/vocab.txt:7: not valid UTF-8 at byte 1");
  EXPECT_EQ(error("[UNK]", "UNK"), "dir: the vocabulary has no [UNK], its unk_token");
  EXPECT_EQ(error("[MASK]", "MASK"), "dir: the vocabulary has no [MASK], its mask_token");
  EXPECT_EQ(error("[CLS]", "[cls]"), "dir: the vocabulary has no [CLS], its cls_token");
  EXPECT_EQ(error("[PAD]", "none"), "no error");  // nothing needs one
  EXPECT_EQ(error("b\n##b\n", "b\n##b"), "no error");
  EXPECT_EQ(Error(Bert(), {{"config.json", R"({"model_type": "mpnet"})"}}),
            "dir: the vocabulary has no </s>, its sep_token");
}

TEST(TokenizerFolderTest, VocabJsonsThatAreWrong) {
  const std::string vocab = Roberta()["vocab.json"];
  const auto error = [&](const std::string& part, const std::string& by) {
    return Error(Roberta(), {{"vocab.json", With(vocab, part, by)}});
  };
  EXPECT_EQ(error("}", ""), "dir/vocab.json: not JSON at byte 83");
  EXPECT_EQ(error("\"b\"", "\"a\""), "dir/vocab.json: the key 'a' stands twice in one object");
  EXPECT_EQ(error("\"b\"", "\"\xFF\""), "dir/vocab.json: not JSON at byte 69");
  EXPECT_EQ(error("\"ab\": 7", "\"ab\": 8"),
            "dir/vocab.json: piece 'ab' has the id 8, but the 8 pieces must have the ids from 0 to 7");
  EXPECT_EQ(error("\"ab\": 7", "\"ab\": 5"), "dir/vocab.json: pieces 'a' and 'ab' have the same id, 5");
  EXPECT_EQ(error("\"ab\": 7", "\"ab\": -7"), "dir/vocab.json: the id of piece 'ab' must be a whole number");
  EXPECT_EQ(error("\"ab\": 7", "\"ab\": \"7\""), "dir/vocab.json: the id of piece 'ab' must be a whole number");
  EXPECT_EQ(error("<mask>", "mask"), "dir: the vocabulary has no <mask>, its mask_token");
  EXPECT_EQ(Error(Roberta(), {{"vocab.json", "[]"}}), "dir/vocab.json: expected an object of pieces and ids");
}

TEST(TokenizerFolderTest, MergesThatAreWrong) {
  const auto error = [](const std::string& merges) { return Error(Roberta(), {{"merges.txt", merges}}); };
  EXPECT_EQ(error("a b\n"), "dir/merges.txt:1: expected a line that begins with #version");
  EXPECT_EQ(error("#version: 0.2\na b\na c\n"), "dir/merges.txt:3: 'c' is not in the vocabulary");
  EXPECT_EQ(error("#version: 0.2\nb a\n"), "dir/merges.txt:2: 'ba', which it makes, is not in the vocabulary");
  EXPECT_EQ(error("#version: 0.2\nab\n"), "dir/merges.txt:2: expected two pieces and a space between them, not 'ab'");
  EXPECT_EQ(error("#version: 0.2\na b\n\n"), "dir/merges.txt:3: expected two pieces and a space between them, not ''");
  EXPECT_EQ(error("#version: 0.2\na b\na b\n"), "dir/merges.txt:3: 'a' and 'b' are merged twice");
  EXPECT_EQ(error("#version: 0.2\n"), "no error");
}

TEST(TokenizerFolderTest, SentencePieceModelsThatAreWrong) {
  const std::string model = Albert()["spiece.model"];
  EXPECT_EQ(Error(Albert(), {{"spiece.model", model.substr(0, model.size() / 2)}}),
            "dir/spiece.model: not a sentencepiece model");
  EXPECT_EQ(Error(Albert(), {{"spiece.model", ""}}), "dir/spiece.model: not a sentencepiece model");
  EXPECT_EQ(Error(Albert(), {{"spiece.model", With(model, "[MASK]", "[MUSK]")}}),
            "dir/spiece.model: the sentencepiece model has no piece [MASK]");
  const std::string xlm = XlmRoberta()["sentencepiece.bpe.model"];
  const auto error = [](const std::string& bytes) { return Error(XlmRoberta(), {{"sentencepiece.bpe.model", bytes}}); };
  EXPECT_EQ(error(xlm.substr(0, xlm.size() / 2)), "dir/sentencepiece.bpe.model: not a sentencepiece model");
  EXPECT_EQ(error(model), "dir/sentencepiece.bpe.model: piece 0 of the sentencepiece model must be <unk>, not '<pad>'");
}

TEST(TokenizerFolderTest, OneFileThatIsWrong) {
  const auto bert = [](const std::string& part, const std::string& by) {
    return Error(Bert(), {{"vocab.txt", "-"}, {"tokenizer.json", With(kBertWhole, part, by)}});
  };
  EXPECT_EQ(bert("WordPiece", "Unigram"), "dir/tokenizer.json: model.type must be WordPiece");
  EXPECT_EQ(bert("BertNormalizer", "NFC"), "dir/tokenizer.json: normalizer.type must be BertNormalizer");
  EXPECT_EQ(
      bert("\"##b\": 7", "\"##b\": 9"),
      "dir/tokenizer.json: model.vocab: piece '##b' has the id 9, but the 8 pieces must have the ids from 0 to 7");
  EXPECT_EQ(bert("\"model\"", "\"added_tokens\": 3, \"model\""), "dir/tokenizer.json: added_tokens must be a list");
  EXPECT_EQ(bert("\"model\"", "\"added_tokens\": [{\"content\": \"x\", \"id\": 10}], \"model\""),
            "dir/tokenizer.json: token 'x' has the id 10; the next free one is 8");
  EXPECT_EQ(bert("\"model\"", "\"added_tokens\": [{\"content\": \"a\", \"id\": 6}], \"model\""),
            "dir/tokenizer.json: token 'a' has the id 6; as a piece it has 5");
  EXPECT_EQ(Error(Bert(), {{"tokenizer.json", With(kBertWhole, "\"a\"", "\"c\"")}}),
            "dir/tokenizer.json: model.vocab has 'c' as piece 5, vocab.txt has 'a'");
  const auto roberta = [](const std::string& part, const std::string& by) {
    return Error(Roberta(), {{"merges.txt", "-"}, {"tokenizer.json", With(kRobertaWhole, part, by)}});
  };
  EXPECT_EQ(roberta("[\"a b\"]", "[\"a b\", 3]"),
            "dir/tokenizer.json: model.merges:2: expected two pieces: \"a b\" or [\"a\", \"b\"]");
  EXPECT_EQ(roberta("\"a b\"", "[\"a\", \"c\"]"), "dir/tokenizer.json: model.merges:1: 'c' is not in the vocabulary");
  EXPECT_EQ(roberta("\"BPE\"", "\"BPE\", \"dropout\": 0.1"),
            "dir/tokenizer.json: model.dropout is not supported unless it is null");
  const auto xlm = [](const std::string& part, const std::string& by) {
    return Error(XlmRoberta(),
                 {{"sentencepiece.bpe.model", "-"}, {"tokenizer.json", With(kXlmRobertaWhole, part, by)}});
  };
  EXPECT_EQ(xlm("Unigram", "BPE"), "dir/tokenizer.json: model.type must be Unigram");
  EXPECT_EQ(xlm("\"unk_id\": 3", "\"unk_id\": 0"), "dir/tokenizer.json: model.unk_id is not supported unless it is 3");
  EXPECT_EQ(xlm("[\"<pad>\", 0]", "[\"b\", 0]"), "dir/tokenizer.json: model.vocab: piece 1 must be <pad>, not 'b'");
  EXPECT_EQ(xlm("<mask>", "c"), "dir/tokenizer.json: model.vocab: piece 6 must be <mask>, not 'c'");
  EXPECT_EQ(xlm("[\"a\", -1]", "[\"a\"]"), "dir/tokenizer.json: model.vocab: entry 5 must be a piece and its score");
  EXPECT_EQ(xlm("[\"a\", -1]", "[\"\\u2581\", -1]"), "dir/tokenizer.json: not a sentencepiece model");
  EXPECT_EQ(xlm("Metaspace", "Whitespace"),
            "dir/tokenizer.json: pre_tokenizer: 'Whitespace' is not WhitespaceSplit or Metaspace");
  EXPECT_EQ(xlm("Metaspace", "WhitespaceSplit"), "dir/tokenizer.json: pre_tokenizer must have a Metaspace");
  EXPECT_EQ(xlm("\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}"),
            "dir/tokenizer.json: normalizer: 'NFC' is not Precompiled, Strip or Replace");
  EXPECT_EQ(xlm("\"normalizer\": null", "\"normalizer\": {\"type\": \"Precompiled\"}"),
            "dir/tokenizer.json: normalizer: precompiled_charsmap must be text in base 64");
}

// The goldens' files, with a part of tokenizer.json replaced.
TEST(TokenizerFolderTest, TokensAroundATextAreThoseOfTheFile) {
  using Json = nlohmann::json;
  const auto with = [](const std::string& name, const std::function<void(Json*)>& change) {
    TokenizerFiles files = ReadTokenizerFiles("tests/goldens/encoders/" + name).value();
    Json whole = Json::parse(files.at("tokenizer.json"));
    change(&whole);
    files["tokenizer.json"] = whole.dump();
    return Error(files, {});
  };
  const auto replaced = [&](const std::string& name, const char* post_processor) {
    return with(name, [&](Json* whole) { (*whole)["post_processor"] = Json::parse(post_processor); });
  };
  const std::string one =
      "dir/tokenizer.json: post_processor must be one TemplateProcessing, beside ByteLevel, or null";
  const std::string around = "dir/tokenizer.json: post_processor must put [CLS] before a text and [SEP] after it";
  EXPECT_EQ(replaced("llama", "null"), "no error");
  EXPECT_EQ(replaced("llama", R"({"type": "RobertaProcessing", "cls": ["a", 1], "sep": ["b", 2]})"), one);
  EXPECT_EQ(replaced("llama", R"({"type": "Sequence", "processors": [{"type": "BertProcessing"}]})"), one);
  EXPECT_EQ(with("llama",
                 [](Json* whole) {
                   const std::string text = whole->at("post_processor").dump();
                   (*whole)["post_processor"] = Json::parse(absl::StrReplaceAll(text, {{"\"ids\":[", "\"ids\":[5,"}}));
                 })
                .substr(0, 38),
            "dir/tokenizer.json: post_processor: \"<");
  EXPECT_EQ(replaced("modernbert", "null"), around);
  EXPECT_EQ(replaced("modernbert", R"({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}]})"), around);
  EXPECT_EQ(with("modernbert", [](Json* whole) { (*whole)["pre_tokenizer"]["add_prefix_space"] = true; }), "no error");
  // add_prefix_space is that of tokenizer.json, as in transformers.
  TokenizerFiles files = ReadTokenizerFiles("tests/goldens/encoders/modernbert").value();
  const std::vector<int64_t> ids = MakeTokenizer(files, "dir").value()->Encode("the");
  Json settings = Json::parse(files.at("tokenizer_config.json"));
  settings["add_prefix_space"] = true;
  files["tokenizer_config.json"] = settings.dump();
  EXPECT_EQ(MakeTokenizer(files, "dir").value()->Encode("the"), ids);
  Json whole = Json::parse(files.at("tokenizer.json"));
  whole["pre_tokenizer"]["add_prefix_space"] = true;
  files["tokenizer.json"] = whole.dump();
  EXPECT_NE(MakeTokenizer(files, "dir").value()->Encode("the"), ids);
}

TEST(TokenizerFolderTest, SettingsThatAreWrong) {
  const auto error = [](const std::string& config) { return Error(Bert(), {{"tokenizer_config.json", config}}); };
  EXPECT_EQ(error(R"({"do_lower_case": "yes"})"), "dir/tokenizer_config.json: do_lower_case must be true or false");
  EXPECT_EQ(error(R"({"mask_token": null})"), "dir: the tokenizer has no mask_token");
  EXPECT_EQ(error(R"({"mask_token": "<mask>"})"), "dir: the vocabulary has no <mask>, its mask_token");
  EXPECT_EQ(error(R"({"mask_token": 3})"),
            "dir/tokenizer_config.json: mask_token: expected a token, an object with its `content`");
  EXPECT_EQ(error(R"({"mask_token": {"content": "[MASK]", "lstrip": 1}})"),
            "dir/tokenizer_config.json: mask_token: lstrip of token '[MASK]' must be true or false");
  EXPECT_EQ(error(R"({"additional_special_tokens": ["<x>"]})"),
            "dir/tokenizer_config.json: additional_special_tokens: the vocabulary has no '<x>'");
  EXPECT_EQ(error(R"({"added_tokens_decoder": {"x": {"content": "a"}}})"),
            "dir/tokenizer_config.json: added_tokens_decoder: 'x' is not an id");
  EXPECT_EQ(error(R"({"added_tokens_decoder": {"8": {"content": ""}}})"),
            "dir/tokenizer_config.json: added_tokens_decoder: a token is empty");
  EXPECT_EQ(Error(Bert(), {{"added_tokens.json", R"({"x": 9})"}}),
            "dir/added_tokens.json: token 'x' has the id 9; the next free one is 8");
  EXPECT_EQ(Error(Bert(), {{"added_tokens.json", R"({"x": -1})"}}),
            "dir/added_tokens.json: the id of token 'x' must be a whole number");
  EXPECT_EQ(Error(Bert(), {{"special_tokens_map.json", R"({"sep_token": "[END]"})"}}),
            "dir: the vocabulary has no [END], its sep_token");
}

// Both give the same ids on the lines of the goldens, which checkpoint_test.cc compares with those of transformers.
TEST(TokenizerFolderTest, TokenizerJsonReplacesASentencePieceModel) {
  for (const std::string name : {"xlm-roberta", "camembert"}) {
    TokenizerFiles files = ReadTokenizerFiles("tests/goldens/encoders/" + name).value();
    const std::unique_ptr<Tokenizer> whole = MakeTokenizer(files, name).value();
    ASSERT_EQ(files.erase("sentencepiece.bpe.model"), 1U);
    const absl::StatusOr<std::unique_ptr<Tokenizer>> without = MakeTokenizer(files, name);
    ASSERT_TRUE(without.ok()) << without.status();
    const std::string lines =
        absl::StrReplaceAll(ReadFile("tests/goldens/encoders/lines.txt").value(), {{"{mask}", "<mask>"}});
    for (const absl::string_view line : absl::StrSplit(lines, '\n')) {
      EXPECT_EQ((*without)->EncodeWithSpecial(line), whole->EncodeWithSpecial(line)) << name << ": " << line;
    }
  }
}

}  // namespace
}  // namespace metaprompt
