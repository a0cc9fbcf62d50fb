#!/usr/bin/env python3
"""Writes the ids of transformers' tokenizer for pairs of texts that do not fit, for tests/model/pair_template_test.cc.

Needs transformers 5.24, which the project itself does not need. Run it in the root of the repository:

    python3 tests/reference/make_pair_goldens.py

It writes tests/goldens/encoders/pairs.json: for pairs of several lengths and each maximum length, the ids of
`tokenizer(a, b, truncation="longest_first", max_length=n)` with the fast tokenizer of tests/goldens/encoders/bert.
"""
import json

from transformers import AutoTokenizer

FOLDER = "tests/goldens/encoders"
A = "the cat sat on the small mat"
B = "a dog goes on and on , not one world or two"
PAIRS = [(A, B), (B, A), (A, A), (B, B), ("cat", B), (B, "cat"), ("cat", "dog"), ("one two", "two one two")]


def main():
    tokenizer = AutoTokenizer.from_pretrained(f"{FOLDER}/bert")
    assert tokenizer.is_fast
    lines = []
    for a, b in PAIRS:
        ids = {n: tokenizer(a, b, truncation="longest_first", max_length=n)["input_ids"] for n in range(5, 34)}
        lines.append(json.dumps({"a": a, "b": b, "ids": ids}))
    with open(f"{FOLDER}/pairs.json", "w") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


main()
