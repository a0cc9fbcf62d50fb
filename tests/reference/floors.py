#!/usr/bin/env python3
"""Computes a simple baseline for a benchmark: the nearest centroid of TF-IDF vectors, on the test episodes of a spec.

  tests/reference/floors.py experiments/specs/minilm/reuters.textproto [--set FIELD=VALUE ...]

Needs only Python, and metaprompt, which exports the data and the episodes. Words are runs of letters and digits in
lower case. The weight of a word is its count times (ln((1 + n) / (1 + m)) + 1), where m of the n texts of the training
classes contain the word. Vectors have length 1. The centroid of a class is the mean of the vectors of its support
texts, and the answer is the class whose centroid has the largest cosine.
"""

import argparse
import collections
import math
import pathlib
import re
import subprocess
import sys
import tempfile


PROGRAM = str(pathlib.Path(__file__).resolve().parents[2] / "bazel-bin/experiments/cli/metaprompt")


def command(arguments):
    try:
        return subprocess.run(arguments, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    except FileNotFoundError:
        sys.exit(f"error: {arguments[0]}: no such program; build it, or give its path with --metaprompt")
    except subprocess.CalledProcessError as error:  # the program has printed the error
        sys.exit(error.returncode)


def words(text):
    return re.findall(r"[^\W_]+", text.lower())


def unit(vector):
    length = math.sqrt(sum(x * x for x in vector.values())) or 1
    return {word: x / length for word, x in vector.items()}


def read_texts(exported):
    """Split and texts of each class, by label."""
    classes = {}
    for line in exported.rstrip("\n").split("\n"):
        split, label, _, text = line.split("\t", 3)
        classes.setdefault(label, (split, []))[1].append(text)
    return classes


def weights(classes):
    texts = [set(words(text)) for split, own in classes.values() if split == "train" for text in own]
    with_word = collections.Counter(word for text in texts for word in text)
    return lambda word: math.log((1 + len(texts)) / (1 + with_word[word])) + 1


def episodes(path):
    """For each episode its shots and, for each class, the label and the indices of its support and query texts."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            columns = line.rstrip("\n").split("\t")
            if columns[0] == "episode":
                ways = []
                for at in range(3, len(columns), 3):
                    places = [[int(one.split(":")[0]) for one in column.split()] for column in columns[at + 1 : at + 3]]
                    ways.append((columns[at], *places))
                yield int(columns[1]), ways


def accuracy(ways, vector_of):
    centroids = []
    for label, support, _ in ways:
        total = collections.Counter()
        for place in support:
            total.update(vector_of(label, place))
        centroids.append(unit(total))
    right = count = 0
    for way, (label, _, queries) in enumerate(ways):
        for place in queries:
            query = vector_of(label, place)
            scores = [sum(x * centroid.get(word, 0) for word, x in query.items()) for centroid in centroids]
            right += scores.index(max(scores)) == way
            count += 1
    return right / count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--metaprompt", default=PROGRAM, help="the program [bazel-bin/experiments/cli/metaprompt]")
    options = parser.parse_args()
    sets = [part for one in options.set for part in ("--set", one)]
    classes = read_texts(command([options.metaprompt, "datasets", "export", options.spec, *sets]))
    weight = weights(classes)
    known = {}

    def vector_of(label, place):
        if (label, place) not in known:
            counts = collections.Counter(words(classes[label][1][place]))
            known[label, place] = unit({word: count * weight(word) for word, count in counts.items()})
        return known[label, place]

    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/episodes.tsv"
        command([options.metaprompt, "episodes", options.spec, *sets, "--save", path])
        accuracies = collections.defaultdict(list)
        for shots, ways in episodes(path):
            accuracies[shots].append(accuracy(ways, vector_of))
    for shots, all_of in sorted(accuracies.items()):
        mean = sum(all_of) / len(all_of)
        spread = math.sqrt(sum((x - mean) ** 2 for x in all_of) / (len(all_of) - 1))
        half = 1.96 * spread / math.sqrt(len(all_of))
        print(f"{shots}-shot: {100 * mean:.2f} ± {100 * half:.2f} % over {len(all_of)} episodes")


if __name__ == "__main__":
    main()
