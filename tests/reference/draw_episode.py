#!/usr/bin/env python3
"""Draws an episode of square grey images as a PNG: a row per class, with support images, a gap, and query images.

    tests/reference/draw_episode.py SPEC OUT.png [--program bazel-bin/experiments/cli/metaprompt] [--scale 2]
        [--queries 10] [ARGUMENTS of `metaprompt episodes`...]

Needs only Python's standard library. It makes docs/glyphs.png; docs/images.md has the command.
"""

import argparse
import json
import struct
import subprocess
import zlib

GAP = 6  # pixels between support and query images


def png(rows):
    """A grey PNG of rows of bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def run(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("spec")
    parser.add_argument("out")
    parser.add_argument("--program", default="bazel-bin/experiments/cli/metaprompt")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--queries", type=int, default=10, help="how many query images per class, from the first")
    options, arguments = parser.parse_known_args()
    images = {}
    for line in run(options.program, "datasets", "export", options.spec, "--json").splitlines():
        example = json.loads(line)
        images.setdefault(example["label"], []).append(bytes.fromhex(example["image"]))
    side = int(len(next(iter(images.values()))[0]) ** 0.5)
    ways = {}
    for line in run(options.program, "episodes", options.spec, *arguments).splitlines()[2:]:
        part, way, label, number, _ = line.split("\t")
        ways.setdefault(int(way), {"support": [], "query": []})[part].append(images[label][int(number)])
    rows = []
    for _, way in sorted(ways.items()):
        for y in range(side):
            row = []
            for part in (way["support"], way["query"][: options.queries]):
                for image in part:
                    row += [255 - value for value in image[y * side : (y + 1) * side]]
                row += [255] * GAP
            wide = [value for value in row[:-GAP] for _ in range(options.scale)]
            rows += [wide] * options.scale
    with open(options.out, "wb") as file:
        file.write(png(rows))


main()
