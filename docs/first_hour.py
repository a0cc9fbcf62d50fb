#!/usr/bin/env python3
"""Makes the files of docs/first_hour.md from Banking77: few1.csv, few.csv, test.csv, texts and tickets.csv.

    docs/first_hour.py full.jsonl

full.jsonl is the file data/BANKING77/full.jsonl of https://github.com/tdopierre/ProtAugment. The files are written to
the current folder. Needs only Python's standard library.

The choice is neither by hand nor random: classes are in the order of the SHA-256 of their names, and texts, in each
class and in each file, in the order of the SHA-256 of the text. Of each of the first six classes, few1.csv has the
first text, few.csv the first ten, and test.csv the next thirty. tickets.csv has the first 25 texts of each of the next
twenty classes. texts has the first six texts of test.csv. The order of the lines in full.jsonl does not matter.
"""

import csv
import hashlib
import json
import os
import sys


def sha256(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read(path):
    """The texts of each class in order, without copies. Classes are in order, too."""
    texts = 0
    classes = {}
    try:
        with open(path, encoding="utf-8") as lines:
            for texts, line in enumerate(lines, 1):
                record = json.loads(line)
                classes.setdefault(record["label"], set()).add(record["sentence"])
    except OSError as error:
        sys.exit(f"error: {path}: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        sys.exit(f"error: {path}: not JSON lines with 'sentence' and 'label'; download the file itself, not its page")
    if (texts, len(classes)) != (13083, 77):
        sys.exit(f"error: {path}: {texts} texts in {len(classes)} classes; Banking77 has 13083 in 77")
    return {label: sorted(classes[label], key=sha256) for label in sorted(classes, key=sha256)}


def rows(classes, labels, begin, end):
    """Pairs of text and label, in the order of the texts: those with the numbers begin to end - 1 in each class."""
    return sorted(((text, label) for label in labels for text in classes[label][begin:end]), key=lambda r: sha256(r[0]))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: first_hour.py full.jsonl")
    classes = read(sys.argv[1])
    labels = list(classes)
    tables = {
        "few1.csv": rows(classes, labels[:6], 0, 1),
        "few.csv": rows(classes, labels[:6], 0, 10),
        "test.csv": rows(classes, labels[:6], 10, 40),
        "tickets.csv": rows(classes, labels[6:26], 0, 25),
    }
    for name in [*tables, "texts"]:
        if os.path.exists(name):
            sys.exit(f"error: {name}: it exists; remove it, or start this script in another folder")
    for name, table in tables.items():
        with open(name, "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("message", "queue"), *table])
    with open("texts", "w", encoding="utf-8") as file:
        file.writelines(text + "\n" for text, _ in tables["test.csv"][:6])


if __name__ == "__main__":
    main()
