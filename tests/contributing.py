#!/usr/bin/env python3
"""Follows the worked example of CONTRIBUTING.md to the letter, in a copy of this tree, so that it cannot go stale.

A block of code is applied as the prose that ends above it says ("Create `FILE`:", "In `FILE`, below the line `TEXT`,
add:", "... above the line ...", "At the end of `FILE`, add:"; TEXT… is how a line begins), and a block of `sh` is run.
Arguments are options for `bazel build` in the copy, as --disk_cache=DIR: with the cache of an earlier build, only what
the example changes is compiled.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from pathlib import Path

GUIDE = "CONTRIBUTING.md"
SECTION = "## Worked example"
CREATE = re.compile(r"Create `([^`]+)`:$")
BESIDE = re.compile(r"In `([^`]+)`, (below|above) the line `([^`]+)`, add:$")
APPEND = re.compile(r"At the end of `([^`]+)`, add:$")


class Stale(Exception):
    """What the example says can't be done, or fails."""


def blocks_of(guide):
    """(line number, language, the prose above as one line, code) of each fenced block of the example."""
    blocks, prose, code, inside = [], [], None, False
    for number, line in enumerate(guide.splitlines(), 1):
        if code is not None:
            if line == "```":
                blocks.append((start, language, " ".join(prose), "".join(code)))
                code, prose = None, []
            else:
                code.append(line + "\n")
        elif line.startswith("```"):
            start, language, code = number, line[3:], []
            if not inside:
                language = None
        elif line.startswith("## "):
            inside, prose = line.startswith(SECTION), []
        else:
            prose.append(line.strip())
            prose = [] if line.startswith("#") else prose
    return [(start, language, prose.strip(), code) for start, language, prose, code in blocks if language is not None]


def apply(where, prose, code, tree):
    """One block that is not `sh`, in the copy."""
    if match := CREATE.search(prose):
        path = tree / match[1]
        if path.exists():
            raise Stale(f"{where}: {match[1]} exists already; the example needs something that there is not")
        path.write_text(code, encoding="utf-8")
        return
    match = BESIDE.search(prose) or APPEND.search(prose)
    if not match:
        raise Stale(f"{where}: the prose above the block does not end with where it belongs; see tests/contributing.py")
    path = tree / match[1]
    if not path.is_file():
        raise Stale(f"{where}: there is no file {match[1]}")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    place = len(lines)
    if match.re is BESIDE:
        text = match[3]
        found = [
            i
            for i, line in enumerate(lines)
            if (line.strip().startswith(text[:-1]) if text.endswith("…") else line.strip() == text)
        ]
        if len(found) != 1:
            raise Stale(f"{where}: {match[1]} has {len(found)} lines `{text}`; expected one")
        place = found[0] + (match[2] == "below")
    lines.insert(place, code)
    path.write_text("".join(lines), encoding="utf-8")


def run(where, command, tree):
    print("+", command.strip(), flush=True)
    if subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=tree, check=False).returncode != 0:
        raise Stale(f"{where}: the commands fail, in a copy of this tree with the example applied; see above")


def check_cases(where, label, tree):
    """A filter that fits no case passes, and tests nothing."""
    package, name = label[2:].split(":")
    report = tree / "bazel-testlogs" / package / name / "test.xml"
    cases = xml.etree.ElementTree.parse(report).iter("testcase")
    ran = sum(case.get("status") == "run" and case.get("result") != "skipped" for case in cases)
    if ran == 0:
        raise Stale(f"{where}: {label} ran no test case")
    print(f"{label}: {ran} cases ran", flush=True)


def copy_tree(source, tree):
    """The files that git tracks or would track, as they are on the disk."""
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=source, check=False, stdout=subprocess.PIPE)
    if listed.returncode != 0:
        raise Stale("git can't say which files belong to the tree, see above; it must be a clone")
    for name in listed.stdout.split(b"\0"):
        path = os.fsdecode(name)
        if name and (source / path).is_file():
            copy = tree / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((source / path).read_bytes())
            copy.chmod((source / path).stat().st_mode)


def follow(source, folder, options):
    tree = folder / "metaprompt"
    copy_tree(source, tree)
    blocks = blocks_of((tree / GUIDE).read_text(encoding="utf-8"))
    commands = [(f"{GUIDE}:{number}", code) for number, language, _, code in blocks if language == "sh"]
    for number, language, prose, code in blocks:
        if language != "sh":
            apply(f"{GUIDE}:{number}", prose, code, tree)
    tests = [(where, label) for where, code in commands for label in re.findall(r"bazel test (//\S+)", code)]
    if not tests:
        raise Stale(f"{GUIDE}: no block under '{SECTION}' runs a test")
    with open(tree / ".bazelrc", "a", encoding="utf-8") as rc:
        rc.write(f"\nstartup --output_base={folder}/output --max_idle_secs=60\n")
        rc.writelines(f"build {option}\n" for option in options)
    try:
        labels = sorted({label for _, code in commands for label in re.findall(r"//[\w/]+:\w+", code)})
        run(GUIDE, "bazel build " + " ".join(labels), tree)  # together, that no core waits
        for where, code in commands:
            run(where, code, tree)
            for _, label in [test for test in tests if test[0] == where]:
                check_cases(where, label, tree)
    finally:
        subprocess.run(["bazel", "clean", "--expunge"], cwd=tree, check=False, capture_output=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    source = Path(__file__).resolve().parent.parent
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="metaprompt-contributing-") as folder:
            follow(source, Path(folder), sys.argv[1:])
    except Stale as error:
        sys.exit(f"FAILED: {GUIDE}'s example does not work as it is written: {error}")
    print(f"{GUIDE}'s example works as it is written ({time.monotonic() - begin:.0f} s)")


if __name__ == "__main__":
    main()
