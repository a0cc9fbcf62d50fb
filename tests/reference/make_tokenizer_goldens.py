#!/usr/bin/env python3
"""Writes the ids of transformers' tokenizers, for tests/checkpoints/tokenizers_test.cc.

Needs transformers 4.40, tokenizers 0.19, protobuf and sentencepiece, which the project itself does not need.
sentencepiece has to be the version 0.1.97 that the project links (Debian's python3-sentencepiece), because newer ones
choose differently between two equally probable ways to cut a word. Run it in the root of the repository:

    python3 tests/reference/make_tokenizer_goldens.py --data FOLDER --bert bert-base-uncased

It writes tests/goldens/tokenizers/goldens.json: the ids of a page of difficult texts for each tokenizer and several of
its settings, and for two public data sets (HuffPost's headlines, 20 Newsgroups' posts) the number of ids and the
SHA-256 of all ids, printed with one text per line. The vocabularies in the same folder were made with --train from the
machine's package descriptions. Training again gives other vocabularies, because the descriptions change from day to
day. With --only FOLDER, only the goldens of one vocabulary are made again.

The reference is the result of AutoTokenizer (the fast tokenizer), except for ALBERT and XLM-RoBERTa, where it is the
slow tokenizer, which runs sentencepiece itself. "plain" is the reference for special tokens that a text spells and that
must stay text: the result of the same tokenizer without its added tokens. It is left out if it is the same.
"""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sentencepiece  # noqa: E402
import transformers  # noqa: E402
from tokenizers import AddedToken, Tokenizer, implementations, models, normalizers, pre_tokenizers, processors  # noqa: E402

FOLDER = "tests/goldens/tokenizers"
GOLDENS = f"{FOLDER}/goldens.json"

BLOCK = "".join(chr(c) for c in range(0xA0, 0x250))
TEXTS = [
    "", " ", "\n", "a", "Hello, World!", "  leading and trailing  ", "tabs\tand\nnew\r\nlines\x0b\x0c.",
    "The Debian package manager's library isn't where you'd think we'll've looked; I'm sure they're DONE.",
    "don't DON'T 'tis ''tis 's 're 'RE it's''s o'clock rock'n'roll '' ` `` ``quoted'' '", "'s't're've'm'll'd'x",
    "1,000,000.50 9,9 9, 9,a 1,2,3 3.14 10% 1st 2nd v1.2.3-4 0x1F 1e-9", "£5, €10, $15, ¥20; 100°C 50%",
    "x" * 99, "x" * 100, "x" * 101, "ab" * 300, "é" * 100 + " " + "é" * 101, "supercalifragilisticexpialidocious",
    "a" * 50 + " " + "b" * 101 + " c", "!" * 120, "много" * 30, " " * 40 + "x" + " " * 17 + "\n" * 5 + "y \n z",
    "naïve café résumé Ångström ÅNGSTRÖM ﬁne ﬀ ﬃ Œuvre Æsir ß ẞ ŉ ĳ", "e\u0301 E\u0301 a\u0323\u0307 a\u0307\u0323 q\u0307\u0323",
    "İstanbul ISTANBUL ıstanbul İİ i\u0307 I\u0307", "ΣΑΣ ΟΔΥΣΣΕΥΣ σας ς Σ ΑΣ. ΑΣΑ Α\u0301Σ \U0001d6ba \U0001d6a8\U0001d6ba",
    "日本語のテキスト 漢字かな交じり文 中文，标点。「引用」", "한국어 텍스트 각 \u1100\u1161\u11a8 \u1100\u1161", "漢a字b 㐀 \U00020000 \U0002b820 \U0002b920 豈 \U0002f800",
    "שלום עולם مرحبا بالعالم اَلْعَرَبِيَّةُ \u202eRTL\u202c \u200fabc\u200e", "हिन्दी ภาษาไทย தமிழ் বাংলা नमस्ते", "Zürich — “quotes” ‘single’ … – • ™ © ® ½ ² № ℡ ①②",
    "😀 😃👍🏽 👨\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 🇩🇪 ❤️ ❤ \U0001fae0 \U0001fae8 \U0001fabf\U0001f9ff", "\U0001f600a\U0001f600 b\U0001fae8c", "Z\u0351\u032b\u0343a\u0329\u0348l\u0334g\u0322o\u0336",
    "nul\0nul \0 \0", "\x01\x02bell\x07esc\x1b[0m del\x7f \x85 \x1c\x1d\x1e\x1f.", "soft\u00adhyphen zero\u200bwidth\ufeffbom word\u2060joiner \ufffd \uffff\ufdd0 \ue000",
    "nb\u00a0sp thin\u2009 ideo\u3000graphic \u2028line\u2029para \u1680ogham \u180emongol \u205f.", "\u0378 \u0530 \U000e0001 \U0001ffff \U0010ffff", "\u1885\u1886 \u1734 \ua9bd \U000111c9 \u166d \U00011938 \u2e43 \u08d4 \u0afa",
    "\U0001e030 \U00011f02 \U0001d2c0 \U00011f50 \U0001df25 \U0001c000", "\u06dd\u070f\u08e2\u110bd", "a\u0334\u0315\u0300\u05ae\u0301b \u302e\u302f \U0001d165\U0001d16f", "Ⅷ ⅷ Ⓐ ⓐ Ａｆｕｌｌ ｗｉｄｔｈ １２３，４", "¼ ½cup x² H₂O ١٢٣ १२३ 𝟘𝟙",
    "[MASK]", "[CLS] a [SEP]", "the [MASK] of it", "the[MASK]of", "  [MASK]  [MASK][MASK] ", "[mask] [Mask] [ MASK ] [MASK", "[[MASK]] [UNK] [PAD]", "é[MASK]é \u00a0[MASK]\u00a0x", "[MASK]\n[MASK]\t[MASK]",
    "<mask>", "<s> a </s>", "the <mask> of it", "the<mask>of", "  <mask>  <mask><mask> ", "<MASK> <Mask> < mask > <mask", "<<mask>> <unk> <pad>", "é<mask>é \u00a0<mask>\u00a0x", "<mask>\n<mask>\t<mask>", "<s><s></s>  </s> <s>x",
    "<new> a <NEW> word <new>", " x<new>y <new>", "zork ZORK zorka zork. azork zork  next", "blip blip  x  blip\u3000 y", "<both>  <both> x <mask> <both>",
    "CamelCase snake_case kebab-case dot.ted a/b/c C++ C# F# .NET", "http://example.org/a?b=c&d=%20#e user@example.org", "From: a@b.c\nSubject: Re: what?\n\n> quoted\n>> twice\n--\nsig", "@#$%^&*()_+-=[]{}|;':\",./<>?~`", "\\ \\n \\x00 ## ##ing a##b #tag",
    "▁ ▁a a▁b _ __init__ ▁▁", "Ġ Ċ Ġa âĢĻ", "ﷺ ﷽ Ǆ ǅ ǆ ﬅ ŀ", "\u2126 \u212a \u212b \u1e9b\u0323 \u0344 \u0958", BLOCK, "i\u0307\u0323 \u0130\u0323 \u01c5", "a\u200d\u0301b\u200c\u0301c", "ᾳ ᾼ ΐ ΰ ῼ", "\ufb1d \ufb2a \ufb4f",
]
# Invalid UTF-8, which is read in the same way as by decode("utf-8", errors="replace").
BYTES = [
    b"\xff", b"a\x80b", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82a", b"\xed\xa0\x80 \xed\xb0\x80 lone", b"\xf0\x9f\x98", b"\xf0\x9f\x98x\xf0\x9f", b"\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf",
    b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80 \xfe\xff", b"caf\xe9 latin-1 \xa3", b"\xe2\x96[MASK]\xc3<mask>\xe2\x82", b"\xf1\x80\x80\xe1\x80\xc2b\x80c\x80\xbfd",
]


def token(content, **flags):
    base = {"content": content, "lstrip": False, "rstrip": False, "single_word": False, "normalized": False}
    return {**base, **flags}


def bert_variants():
    added = {"added_tokens.json": {"<new>": -1, "zork": -2}}
    return {
        "": {},
        "cased": {"tokenizer_config.json": {"do_lower_case": False}},
        "accents": {"tokenizer_config.json": {"do_lower_case": True, "strip_accents": False}},
        "stripped": {"tokenizer_config.json": {"do_lower_case": False, "strip_accents": True}},
        "cjk": {"tokenizer_config.json": {"tokenize_chinese_chars": False}},
        "added": added,
        "flags": {"tokenizer_config.json": {"added_tokens_decoder": {
            "-1": token("<new>", lstrip=True, normalized=True), "-2": token("zork", single_word=True, normalized=True),
            "-3": token("blip", rstrip=True, single_word=True), "-4": token("<both>", lstrip=True, rstrip=True, special=True)}}},
        "map": {"special_tokens_map.json": {"mask_token": token("[MASK]", lstrip=True, rstrip=True), "cls_token": "[CLS]"}},
    }


def variants():
    """Tuples (name, folder, files that replace those of the folder; null removes a file)."""
    for folder in ("bert-base-uncased", "cased"):
        for name, files in bert_variants().items():
            if folder == "cased" or name in ("", "flags"):
                yield folder + (" " + name if name else ""), folder, files
    yield "cased distilbert", "cased", {"config.json": {"model_type": "distilbert"}}
    yield "mpnet", "mpnet", {}
    yield "mpnet normalized", "mpnet", {"tokenizer_config.json": {"mask_token": {**token("<mask>", lstrip=True, normalized=True), "__type": "AddedToken"}}}
    yield "cased whole", "cased", {"whole": True}
    yield "mpnet whole", "mpnet", {"whole": True}
    yield "roberta", "roberta", {}
    yield "roberta prefix", "roberta", {"tokenizer_config.json": {"add_prefix_space": True}}
    yield "roberta flags", "roberta", {"tokenizer_config.json": {"added_tokens_decoder": {
        "-1": token("<new>", lstrip=True, normalized=True), "-2": token("zork", single_word=True),
        "-3": token("blip", rstrip=True, single_word=True), "-4": token("<both>", lstrip=True, rstrip=True)}}}
    yield "roberta whole", "roberta", {"whole": True}
    yield "albert", "albert", {}
    yield "albert cased", "albert", {"tokenizer_config.json": {"do_lower_case": False, "keep_accents": True, "remove_space": False}}
    yield "albert flags", "albert", {"tokenizer_config.json": {"added_tokens_decoder": {
        "-1": token("<new>", lstrip=True, normalized=True), "-2": token("zork", single_word=True),
        "-3": token("blip", rstrip=True), "-4": token("<both>", lstrip=True, rstrip=True, special=True)}}}
    yield "xlm-roberta", "xlm-roberta", {}
    yield "modernbert", "modernbert", {}
    yield "deberta", "deberta", {}
    yield "deberta flags", "deberta", {"tokenizer_config.json": {"added_tokens_decoder": {
        "0": token("[PAD]", special=True), "1": token("[CLS]", special=True), "2": token("[SEP]", special=True),
        "3": token("[UNK]", special=True, normalized=True), "-1": token("[MASK]", special=True),
        "-2": token("<new>", lstrip=True, normalized=True), "-3": token("zork", single_word=True),
        "-4": token("blip", rstrip=True), "-5": token("<both>", lstrip=True, rstrip=True, special=True)}}}
    yield "xlm-roberta flags", "xlm-roberta", {"tokenizer_config.json": {"added_tokens_decoder": {
        "-1": token("<new>", lstrip=True, normalized=True), "-2": token("zork", single_word=True),
        "-3": token("blip", rstrip=True), "-4": token("<both>", lstrip=True, rstrip=True, special=True)}}}


def number_added(files, size):
    """Replaces the ids -1, -2, ... of added tokens by the ids after the vocabulary."""
    def real(i):
        return int(i) if int(i) >= 0 else size - 1 - int(i)
    files = json.loads(json.dumps(files))
    if "added_tokens.json" in files:
        files["added_tokens.json"] = {k: real(v) for k, v in files["added_tokens.json"].items()}
    decoder = files.get("tokenizer_config.json", {}).get("added_tokens_decoder")
    if decoder:
        files["tokenizer_config.json"]["added_tokens_decoder"] = {str(real(k)): v for k, v in decoder.items()}
    return files


class Reference:
    def __init__(self, folder):
        self.type = json.load(open(f"{folder}/config.json"))["model_type"]
        self.slow = self.type in ("albert", "xlm-roberta", "deberta-v2")
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, use_fast=not self.slow)
        if not self.slow:
            self.tokenizer.backend_tokenizer.no_truncation()
            self.tokenizer.backend_tokenizer.no_padding()
            state = json.loads(self.tokenizer.backend_tokenizer.to_str())
            # ModernBERT's runs of spaces are recognised in each text.
            state["added_tokens"] = [one for one in state["added_tokens"]
                                     if self.type == "modernbert" and not one["special"]]
            state["post_processor"] = None
            self.bare = Tokenizer.from_str(json.dumps(state))

    def ids(self, text):
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def plain(self, text):
        if not self.slow:
            return self.bare.encode(text, add_special_tokens=False).ids
        if self.type == "albert" and self.tokenizer.do_lower_case:
            text = "".join(c.lower() for c in text)
        # Unknown characters that spell a special token would get its id; here they must stay unknown.
        special = {self.tokenizer.cls_token_id, self.tokenizer.sep_token_id, self.tokenizer.mask_token_id,
                   self.tokenizer.pad_token_id}
        to_id = self.tokenizer.sp_model.PieceToId if self.type == "albert" else self.tokenizer._convert_token_to_id
        ids = [to_id(piece) for piece in self.tokenizer._tokenize(text)] if text else []
        return [self.tokenizer.unk_token_id if i in special else i for i in ids]


def printed(ids):
    return " ".join(map(str, ids))


def totals(ids):
    ids = list(ids)
    text = "".join(printed(line) + "\n" for line in ids)
    return {"texts": len(ids), "tokens": sum(map(len, ids)), "sha256": hashlib.sha256(text.encode()).hexdigest()}


def headlines(data):
    with open(f"{data}/huffpost/huffpost.json", encoding="utf-8") as lines:
        return [json.loads(line)["raw"] for line in lines]


def posts(data):
    with tarfile.open(f"{data}/20newsgroups/20news-bydate.tar.xz") as tar:
        files = {m.name: tar.extractfile(m).read().decode("latin-1") for m in tar if m.isfile()}
    return [files[name] for name in sorted(files)]


def escaped(data):
    """Bytes in the notation of a C string, without the quotes."""
    return "".join(chr(b) if 32 <= b < 127 and chr(b) not in '\\"' else f"\\{b:03o}" for b in data)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


def train_unigram(texts, path, count, **options):
    with tempfile.TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_prefix=f"{folder}/m", vocab_size=count, model_type="unigram",
            num_threads=1, split_by_number=False, split_by_unicode_script=False, minloglevel=2, **options)
        shutil.move(f"{folder}/m.model", path)


def train(count, only):
    """Trains the vocabularies, each of `count` pieces, on the machine's package index."""
    index = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=True).stdout.decode()
    texts = sorted({line.split(": ", 1)[1] for line in index.split("\n") if line.startswith("Description: ")})
    print(f"training on {len(texts)} package descriptions", file=sys.stderr)
    for name, unk, special, lower in (("cased", "[UNK]", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], False),
                                      ("mpnet", "[UNK]", ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"], True)):
        if only in ("", name):
            wordpiece = implementations.BertWordPieceTokenizer(lowercase=lower, unk_token=unk)
            wordpiece.train_from_iterator(texts, vocab_size=count, special_tokens=special, show_progress=False)
            wordpiece.save_model(new_folder(name, "bert" if name == "cased" else name))
    if only in ("", "cased"):
        write_json(f"{FOLDER}/cased/tokenizer_config.json", {"do_lower_case": False})
    if only in ("", "roberta"):
        bpe = implementations.ByteLevelBPETokenizer()
        bpe.train_from_iterator(texts, vocab_size=count, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
                                show_progress=False)
        bpe.save_model(new_folder("roberta", "roberta"))
    if only in ("", "albert"):
        train_unigram([text.lower() for text in texts], f"{new_folder('albert', 'albert')}/spiece.model", count,
                      normalization_rule_name="nmt_nfkc", pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
                      control_symbols=["[CLS]", "[SEP]", "[MASK]"], user_defined_symbols=list('()"-.–£€'))
    if only in ("", "modernbert"):
        modernbert()
    if only in ("", "deberta"):
        train_unigram(texts, f"{new_folder('deberta', 'deberta-v2')}/spm.model", count, pad_id=0, pad_piece="[PAD]",
                      bos_id=1, bos_piece="[CLS]", eos_id=2, eos_piece="[SEP]", unk_id=3, unk_piece="[UNK]",
                      normalization_rule_name="identity")
        write_json(f"{FOLDER}/deberta/tokenizer_config.json", {"do_lower_case": False, "vocab_type": "spm"})
    if only in ("", "xlm-roberta"):
        # Without the tables of nmt_nfkc, which take 240 kB; ALBERT's model has them.
        train_unigram(texts, f"{new_folder('xlm-roberta', 'xlm-roberta')}/sentencepiece.bpe.model", count,
                      normalization_rule_name="identity")


def modernbert():
    """RoBERTa's pieces and merges in the form of ModernBERT's tokenizer.json: after NFC, with runs of spaces."""
    with open(f"{FOLDER}/roberta/vocab.json", encoding="utf-8") as file:
        vocab = json.load(file)
    with open(f"{FOLDER}/roberta/merges.txt", encoding="utf-8") as file:
        merges = [tuple(line.rstrip("\n").split(" ")) for line in file if not line.startswith("#version")]
    pieces = [piece for piece in sorted(vocab, key=vocab.get) if not (piece[0] == "<" and piece[-1] == ">" and piece[1:-1])]
    kept = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(kept, [pair for pair in merges if all(one in kept for one in (*pair, "".join(pair)))]))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True, special=False) for n in range(24, 1, -1)])
    tokenizer.add_special_tokens([AddedToken(name, lstrip=name == "[MASK]", normalized=False)
                                  for name in ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")])
    folder = new_folder("modernbert", "modernbert")
    tokenizer.save(f"{folder}/tokenizer.json", pretty=False)
    write_json(f"{folder}/tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": True,
        **{f"{role}_token": f"[{role.upper()}]" for role in ("unk", "cls", "sep", "pad", "mask")}})


def new_folder(name, model_type):
    os.makedirs(f"{FOLDER}/{name}", exist_ok=True)
    write_json(f"{FOLDER}/{name}/config.json", {"model_type": model_type})
    return f"{FOLDER}/{name}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with huffpost/ and 20newsgroups/")
    parser.add_argument("--bert", required=True, help="folder with bert-base-uncased's vocab.txt")
    parser.add_argument("--only", default="", metavar="FOLDER", help="make only the goldens of this vocabulary")
    parser.add_argument("--train", action="store_true", help="make new vocabularies first")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    if sentencepiece.__version__ != "0.1.97":
        sys.exit(f"sentencepiece is {sentencepiece.__version__}; it must be 0.1.97")
    if arguments.train:
        train(2000, arguments.only)
    raw = [text.encode() for text in TEXTS] + BYTES
    texts = [data.decode("utf-8", errors="replace") for data in raw]
    public = {"huffpost": headlines(arguments.data), "20newsgroups": posts(arguments.data)}
    tokenizers = []
    old = {}
    if arguments.only:
        with open(GOLDENS, encoding="utf-8") as file:
            old = {entry["name"]: entry for entry in json.load(file)["tokenizers"]}
    for name, folder, files in variants():
        if arguments.only not in ("", folder):
            if name in old:
                tokenizers.append(old[name])
            continue
        print(name, file=sys.stderr)
        with tempfile.TemporaryDirectory() as copy:
            if folder == "bert-base-uncased":
                shutil.copy(f"{arguments.bert}/vocab.txt", copy)
                os.chmod(f"{copy}/vocab.txt", 0o644)
                files = {"config.json": {"model_type": "bert"}, **files}
            else:
                for file in os.listdir(f"{FOLDER}/{folder}"):
                    shutil.copy(f"{FOLDER}/{folder}/{file}", copy)
            size = Reference(copy).tokenizer.vocab_size if folder != "bert-base-uncased" else 30522
            whole = files.get("whole", False)
            files = number_added({key: value for key, value in files.items() if key != "whole"}, size)
            for file, value in files.items():
                write_json(f"{copy}/{file}", value)
            reference = Reference(copy)
            entry = {"name": name, "folder": folder}
            if files:
                entry["files"] = {file: json.dumps(value) for file, value in files.items()}
            if whole:  # the test makes a tokenizer.json in place of the vocabulary's own files
                entry["whole"] = True
                reference.tokenizer.save_pretrained(copy)
                for file in ("vocab.txt", "vocab.json", "merges.txt"):
                    if os.path.exists(f"{copy}/{file}"):
                        os.remove(f"{copy}/{file}")
                reference = Reference(copy)
            entry["ids"] = [printed(reference.ids(text)) for text in texts]
            plain = [printed(reference.plain(text)) for text in texts]
            entry["plain"] = {str(i): p for i, p in enumerate(plain) if p != entry["ids"][i]}
            if name == folder:
                for key, lines in public.items():
                    entry[key] = totals(reference.ids(text) for text in lines)
            tokenizers.append(entry)
    write_json(GOLDENS, {"texts": [escaped(data) for data in raw], "tokenizers": tokenizers})


if __name__ == "__main__":
    main()
