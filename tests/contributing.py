#!/usr/bin/env python3
"""Follows the worked examples of CONTRIBUTING.md literally, in a copy of this tree, so that they stay correct.

    tests/contributing.py [--only=TEXT] [--disk_cache=DIR] [option of bazel build]...

Each section "## Worked example: ..." is an example. In it, the prose above a block of code ends with what to do with the
block: "Create `FILE`:", "In `FILE`, below the line `TEXT`, add:", "... above the line ...", or "At the end of `FILE`,
add:". TEXT… stands for a line that starts with TEXT. A block of `sh` is run in the tree with all examples applied.

--only=TEXT follows only the examples with TEXT in their title. With the disk cache of an earlier build, bazel compiles
only what the examples change.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import typing
import xml.etree.ElementTree
from pathlib import Path

GUIDE = "CONTRIBUTING.md"
SECTION = "## Worked example: "
CREATE = re.compile(r"Create `([^`]+)`:$")
BESIDE = re.compile(r"In `([^`]+)`, (below|above) the line `([^`]+)`, add:$")
APPEND = re.compile(r"At the end of `([^`]+)`, add:$")


class Stale(Exception):
    """A step of an example cannot be done, or fails."""


class Block(typing.NamedTuple):
    """A fenced block of an example."""

    example: str  # the section's title
    where: str  # GUIDE:LINE
    language: str
    prose: str  # the text above the block, as one line
    code: str


def blocks_of(guide, only):
    """Every block of the examples whose title contains `only`."""
    blocks, prose, code, title = [], [], None, None
    for number, line in enumerate(guide.splitlines(), 1):
        if code is not None:
            if line == "```":
                blocks.append(Block(title, where, language, " ".join(prose).strip(), "".join(code)))
                code, prose = None, []
            else:
                code.append(line + "\n")
        elif line.startswith("```"):
            where, language, code = f"{GUIDE}:{number}", line[3:], []
        elif line.startswith("## "):
            title, prose = line[len(SECTION) :] if line.startswith(SECTION) else None, []
        else:
            prose.append(line.strip())
            prose = [] if line.startswith("#") else prose
    return [block for block in blocks if block.example is not None and only in block.example]


def apply(block, tree):
    """Applies a block that is not `sh` to the copy. Returns the file and whether it is new."""
    where, prose, code = block.where, block.prose, block.code
    if match := CREATE.search(prose):
        path = tree / match[1]
        if path.exists():
            raise Stale(f"{where}: {match[1]} exists already; the example needs a name that is free")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
        return match[1], True
    match = BESIDE.search(prose) or APPEND.search(prose)
    if not match:
        raise Stale(f"{where}: the prose above the block does not end with what to do with it; see tests/contributing.py")
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
    return match[1], False


def run(where, command, tree):
    print("+", command.strip(), flush=True)
    if subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=tree, check=False).returncode != 0:
        raise Stale(f"{where}: the commands fail, in a copy of this tree with the examples applied; see above")


def check_cases(where, label, tree):
    """Fails if the test ran no case, because a test passes if its filter matches no case."""
    package, name = label[2:].split(":")
    report = tree / "bazel-testlogs" / package / name / "test.xml"
    cases = xml.etree.ElementTree.parse(report).iter("testcase")
    ran = sum(case.get("status") == "run" and case.get("result") != "skipped" for case in cases)
    if ran == 0:
        raise Stale(f"{where}: {label} ran no test case")
    print(f"{label}: {ran} cases ran", flush=True)


def copy_tree(source, tree):
    """Copies the files that git tracks or would track, with their contents on the disk."""
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=source, check=False, stdout=subprocess.PIPE)
    if listed.returncode != 0:
        raise Stale("git cannot list the files of the tree, see above; the tree must be a clone")
    for name in listed.stdout.split(b"\0"):
        path = os.fsdecode(name)
        if name and (source / path).is_file():
            copy = tree / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((source / path).read_bytes())
            copy.chmod((source / path).stat().st_mode)


def tests_of(code):
    """The tests that a block of `sh` runs."""
    return re.findall(r"bazel test (//\S+)", code)


def follow(source, folder, only, options):
    """Follows the examples. Returns their titles if all of them work."""
    tree = folder / "metaprompt"
    copy_tree(source, tree)
    blocks = blocks_of((tree / GUIDE).read_text(encoding="utf-8"), only)
    examples = list(dict.fromkeys(block.example for block in blocks))
    if not examples:
        raise Stale(f"no section '{SECTION}{only}...'")
    for example in examples:
        edits = {True: 0, False: 0}
        for block in blocks:
            if block.example == example and block.language != "sh":
                edits[apply(block, tree)[1]] += 1
        print(f"{example}: {edits[True]} new files, {edits[False]} edits of others", flush=True)
        if not any(tests_of(block.code) for block in blocks if block.example == example and block.language == "sh"):
            raise Stale(f"'{SECTION}{example}' runs no test")
    commands = [block for block in blocks if block.language == "sh"]
    with open(tree / ".bazelrc", "a", encoding="utf-8") as rc:
        rc.write(f"\nstartup --output_base={folder}/output --max_idle_secs=60\n")
        rc.writelines(f"build {option}\n" for option in options)
    try:
        labels = sorted({label for block in commands for label in re.findall(r"//[\w/]+:\w+", block.code)})
        run(GUIDE, "bazel build " + " ".join(labels), tree)  # all in one command, so that no core is idle
        for block in commands:
            run(block.where, block.code, tree)
            for label in tests_of(block.code):
                check_cases(block.where, label, tree)
    finally:
        subprocess.run(["bazel", "clean", "--expunge"], cwd=tree, check=False, capture_output=True)
    return examples


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    source = Path(__file__).resolve().parent.parent
    only = "".join(argument[len("--only=") :] for argument in sys.argv[1:] if argument.startswith("--only="))
    options = [argument for argument in sys.argv[1:] if not argument.startswith("--only=")]
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="metaprompt-contributing-") as folder:
            examples = follow(source, Path(folder), only, options)
    except Stale as error:
        sys.exit(f"FAILED: an example of {GUIDE} does not work as it is written: {error}")
    print(f"{GUIDE}'s examples work as they are written: {', '.join(examples)} ({time.monotonic() - begin:.0f} s)")


if __name__ == "__main__":
    main()
