#!/usr/bin/env python3
"""Makes texts and pairs for `metaprompt pretrain` from Debian's packages.

  debian_corpus.py --index PACKAGES --translations TRANSLATION-EN --packages FOLDER --out FOLDER

--index         the package index: `apt-cache dumpavail`, or a Packages file
--translations  the long descriptions: Translation-en of the same release
--packages      a folder with the .deb files of wordnet-base, dict-foldoc, dict-gcide, manpages and manpages-dev
                (`apt-get download`)
--out           the folder to write: texts.txt has one text per line, pairs.tsv two texts per line, separated by a tab

The pairs are a package's short and long description, a word and its definition, a manual page's name and summary, and
the two halves of each longer text.

No text comes from a package in a section that the data set `debian` uses for validation or test. A paragraph that also
occurs in such a package is left out everywhere. The same inputs give the same bytes.
"""

import argparse
import gzip
import hashlib
import lzma
import pathlib
import re
import subprocess
import sys
import tempfile

# The training classes of datasets/sources/debian.cc.
TRAIN_SECTIONS = set(
    """perl python doc libdevel utils javascript rust gnu-r net devel haskell admin x11 misc text php graphics ocaml
    gnome editors database electronics debug httpd introspection""".split()
)


def read_text(path):
    data = pathlib.Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    elif data[:6] == b"\xfd7zXZ\0":
        data = lzma.decompress(data)
    return data.decode("utf-8")


def stanzas(text):
    for stanza in text.split("\n\n"):
        fields = {}
        name = None
        for line in stanza.split("\n"):
            if line[:1] in (" ", "\t"):
                if name:
                    fields[name] += "\n" + line[1:]
            elif ":" in line:
                name, value = line.split(":", 1)
                fields[name] = value.strip()
        if fields:
            yield fields


def paragraphs(long_description):
    """Paragraphs of running text; lists and indented lines are left out."""
    text = []
    for line in long_description.split("\n"):
        if line.strip() == ".":
            if text:
                yield " ".join(text)
            text = []
        elif line[:1] in (" ", "\t", "*", "-"):
            continue
        else:
            text.append(line.strip())
    if text:
        yield " ".join(text)


def descriptions(index, translations):
    """Texts and pairs of the packages in training sections, and the set of the texts of all other packages.

    The texts of that set must not be used.
    """
    section_of = {}
    for fields in stanzas(read_text(index)):
        section = fields.get("Section", "").split("/")[-1]
        section_of[fields.get("Package")] = section
    described = {}
    for fields in stanzas(read_text(translations)):
        first, _, rest = fields.get("Description-en", "").partition("\n")
        described[fields["Package"]] = (first.strip(), list(paragraphs(rest)))
    forbidden = set()
    for package, (short, long) in described.items():
        if section_of.get(package) not in TRAIN_SECTIONS:
            forbidden.add(short)
            forbidden.update(long)
    texts, pairs = [], []
    for package in sorted(described):
        if section_of.get(package) not in TRAIN_SECTIONS:
            continue
        short, long = described[package]
        long = [p for p in long if p not in forbidden and len(p.split()) >= 5]
        texts.extend(long)
        if short in forbidden or not short:
            continue
        texts.append(short)
        if long:
            pairs.append((short, long[0]))
    return texts, pairs, forbidden


def wordnet(folder):
    texts, pairs = [], []
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"usr/share/wordnet/data.{part}").read_text("utf-8").split("\n"):
            if line.startswith(" ") or " | " not in line:
                continue
            head, gloss = line.split(" | ", 1)
            fields = head.split(" ")
            words = [fields[4 + 2 * i].replace("_", " ") for i in range(int(fields[3], 16))]
            words = [re.sub(r"\((a|p|ip)\)$", "", word) for word in words]
            definition = gloss.split('; "')[0].strip()
            texts.append(f"{', '.join(words)}: {definition}")
            texts.extend(example for example in re.findall(r'"([^"]+)"', gloss) if len(example.split()) >= 4)
            pairs.append((", ".join(words), definition))
    return texts, pairs


def dictionary(folder, name, clean):
    """Texts and pairs of the entries of a dictd dictionary.

    The texts are whole entries. A pair is a headword and the first 60 words of its entry.
    """
    raw = gzip.decompress((folder / f"usr/share/dictd/{name}.dict.dz").read_bytes())
    places = {}
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    def number(text):
        value = 0
        for digit in text:
            value = 64 * value + digits.index(digit)
        return value

    for line in (folder / f"usr/share/dictd/{name}.index").read_text("utf-8").split("\n"):
        fields = line.split("\t")
        if len(fields) >= 3 and not fields[0].startswith("00-"):
            places.setdefault((number(fields[1]), number(fields[2])), fields[0])
    texts, pairs = [], []
    for (start, size), word in sorted(places.items()):
        entry = raw[start : start + size].decode("utf-8", "replace")
        body = clean(entry)
        if len(body.split()) >= 5:
            texts.append(f"{word}: {body}")
            pairs.append((word, " ".join(body.split()[:60])))
    return texts, pairs


def clean_foldoc(entry):
    lines = entry.split("\n")[1:]
    body = " ".join(line.strip() for line in lines)
    body = re.sub(r"^\s*<[^>]*>", " ", body)
    body = re.sub(r"[{}]|\(\d{4}-\d\d-\d\d\)", "", body)
    return " ".join(body.split())


def clean_gcide(entry):
    lines = entry.split("\n")
    body = " ".join(line.strip() for line in lines[1:])
    body = re.sub(r"\[(1913 Webster|PJC|WordNet[^\]]*|[^\]]{0,40})\]", " ", body)
    body = re.sub(r"[{}\\]|--[A-Z][a-z]+\. ", "", body)
    body = re.sub(r"^\d+\.\s*", "", body)
    return " ".join(body.split())


def manual_names(folder):
    """Texts and pairs of manual pages: their paragraphs, and the names with the summaries."""
    texts, pairs = [], []
    for path in sorted(folder.rglob("usr/share/man/man*/*.gz")):
        try:
            source = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        except OSError:
            continue
        match = re.search(r'^\.SH "?NAME"?\n(.*?)^\.SH', source, re.M | re.S)
        if match:
            line = plain_roff(match.group(1))
            if " - " in line:
                name, summary = line.split(" - ", 1)
                pairs.append((name.strip(), summary.strip()))
        for block in re.split(r"^\.(?:PP|P|LP|SH.*|SS.*|TP.*|IP.*)$", source, flags=re.M):
            line = plain_roff(block)
            if len(line.split()) >= 8 and re.match(r"[A-Z][a-z]* ", line):
                texts.append(line)
    return texts, pairs


def plain_roff(text):
    lines = []
    for line in text.split("\n"):
        if line.startswith((".\\\"", "'\\\"", ".nf", ".fi", ".in", ".EX", ".EE", ".TS", ".TE", ".SH", ".TH")):
            continue
        line = re.sub(r"^\.[A-Z]{1,2}\s+", "", line)
        if line.startswith("."):
            continue
        lines.append(line)
    line = " ".join(lines).replace('"', "")
    line = line.replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "").replace("\\e", "\\")
    line = re.sub(r"\\f.|\\\(..|\\\[[^\]]*\]|\\[a-z]", "", line)
    return " ".join(line.split())


def halves(text, least):
    """A list with one pair: a text's two parts, cut at the end of a sentence or clause if possible.

    Empty if the text has fewer than `least` words.
    """
    words = text.split()
    if len(words) < least:
        return []
    ends = [i + 1 for i, word in enumerate(words[:-4]) if word.endswith((".", ";", ":")) and i >= 5]
    cut = min(ends, key=lambda end: abs(end - len(words) / 2)) if ends else len(words) // 2
    return [(" ".join(words[:cut]), " ".join(words[cut:]))]


def unpacked(folder, name, where):
    found = sorted(pathlib.Path(folder).glob(f"{name}_*.deb"))
    if len(found) != 1:
        sys.exit(f"debian_corpus.py: {folder} has {len(found)} files {name}_*.deb, one is needed: "
                 f"apt-get download {name}")
    target = pathlib.Path(where) / name
    subprocess.run(["dpkg-deb", "--extract", str(found[0]), str(target)], check=True)
    digest = hashlib.sha256(found[0].read_bytes()).hexdigest()
    print(f"{digest}  {found[0].name}")
    return target


def one_line(text):
    return " ".join(text.split())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("index", "translations", "packages", "out"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    texts, pairs, forbidden = descriptions(options.index, options.translations)
    sources = {"descriptions": (texts, pairs)}
    forbidden = {one_line(text) for text in forbidden}
    with tempfile.TemporaryDirectory() as where:
        sources["wordnet"] = wordnet(unpacked(options.packages, "wordnet-base", where))
        sources["foldoc"] = dictionary(unpacked(options.packages, "dict-foldoc", where), "foldoc", clean_foldoc)
        sources["gcide"] = dictionary(unpacked(options.packages, "dict-gcide", where), "gcide", clean_gcide)
        for name in ("manpages", "manpages-dev"):
            sources[name] = manual_names(unpacked(options.packages, name, where))
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    seen_texts, seen_pairs, all_halves = {}, {}, []
    for name, (texts, pairs) in sources.items():
        texts = [one_line(text) for text in texts]
        pairs = [(one_line(a), one_line(b)) for a, b in pairs]
        new_texts = [text for text in dict.fromkeys(texts) if text and text not in seen_texts and text not in forbidden]
        new_pairs = [
            pair for pair in dict.fromkeys(pairs) if all(pair) and pair not in seen_pairs and not forbidden & set(pair)
        ]
        seen_texts.update(dict.fromkeys(new_texts))
        seen_pairs.update(dict.fromkeys(new_pairs))
        new_halves = [pair for text in new_texts for pair in halves(text, 14 if name == "descriptions" else 24)]
        all_halves.extend(new_halves)
        words = sum(len(text.split()) for text in new_texts)
        print(
            f"{name:14} {len(new_texts):8} texts {words:10} words "
            f"{len(new_pairs):8} pairs of two texts {len(new_halves):8} of halves"
        )
    (out / "texts.txt").write_text("".join(f"{text}\n" for text in seen_texts), "utf-8")
    (out / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in [*seen_pairs, *all_halves]), "utf-8")
    for file in ("texts.txt", "pairs.tsv"):
        print(f"{hashlib.sha256((out / file).read_bytes()).hexdigest()}  {file}")


if __name__ == "__main__":
    main()
