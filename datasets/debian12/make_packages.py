#!/usr/bin/env python3
"""Makes packages.gz from a Debian package index: `apt-cache dumpavail | make_packages.py > packages.gz`.

Keeps only what the data set `debian` reads: for each source package and section, the first package by name, with its
fields Package, Source, Section and Description (the first line). The same index gives the same bytes.
"""

import gzip
import re
import sys


def main():
    first = {}
    for stanza in sys.stdin.buffer.read().decode("utf-8").split("\n\n"):
        fields = {}
        for line in stanza.split("\n"):
            match = re.match(r"(Package|Source|Section|Description): *(.*)", line)
            if match:
                fields.setdefault(match.group(1), match.group(2).strip())
        if not {"Package", "Section", "Description"} <= fields.keys():
            continue
        section = fields["Section"].split("/")[-1]
        source = fields.get("Source", fields["Package"]).split("(")[0].strip()
        order = (fields["Package"], fields["Description"])
        if (section, source) not in first or order < first[section, source]:
            first[section, source] = order
    stanzas = []
    for (section, source), (package, description) in sorted(first.items()):
        lines = [f"Package: {package}"] + ([f"Source: {source}"] if source != package else [])
        stanzas.append("\n".join(lines + [f"Section: {section}", f"Description: {description}", ""]))
    sys.stdout.buffer.write(gzip.compress("\n".join(stanzas).encode("utf-8"), 9, mtime=0))


if __name__ == "__main__":
    main()
