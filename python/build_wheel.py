#!/usr/bin/env python3
"""Builds the wheel of the Python package: `python/build_wheel.py [FOLDER]`. `pip install .` calls build_wheel.

The wheel has the files that Bazel built with this machine's LibTorch and other libraries. It works on this machine, and
on others with the same release of Debian and the same packages.
"""

import argparse
import base64
import hashlib
import os
import re
import stat
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
NAME = "metaprompt"
VERSION = "0.1.0"  # kVersion in experiments/host/environment.cc
PYTHON = os.path.realpath(sys.executable)  # in a virtual environment, the Python that it was made from
DEFAULT_PYTHON = os.path.realpath("/usr/bin/python3")
PLUGIN = "libmetaprompt_sentencepiece.so"  # opened when a tokenizer first needs it
METADATA = f"""Metadata-Version: 2.1
Name: {NAME}
Version: {VERSION}
Summary: Meta-learned soft prompts for few-shot text classification
License: Apache-2.0
Requires-Python: >={sys.version_info[0]}.{sys.version_info[1]}
Requires-Dist: numpy
Requires-Dist: protobuf>=3.20.2
Provides-Extra: frame
Requires-Dist: pandas; extra == "frame"
"""


def tag():
    """The wheel's compatibility tag: this version of CPython on this architecture."""
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    platform = re.sub("[-.]", "_", sysconfig.get_platform())
    return f"{python}-{python}-{platform}"


def files():
    """A dictionary from paths in the wheel to files."""
    # Bazel compiles against the headers of the Python that installs the wheel.
    python = [] if PYTHON == DEFAULT_PYTHON else ["--repo_env=PYTHON_BIN_PATH=" + PYTHON]
    targets = ["//python:package", "//metaprompt/tokenizers:" + PLUGIN]
    built = subprocess.run(["bazel", "build", *python, *targets], cwd=TOP)
    if built.returncode != 0:
        sys.exit("build_wheel.py: bazel build failed, see above; ./setup.sh installs what it needs")
    found = {}
    for folder in (TOP / "python", TOP / "bazel-bin" / "python"):
        for pattern in ("*.py", "messages/*.py", "_metaprompt.so"):
            for path in sorted((folder / NAME).glob(pattern)):
                found[path.relative_to(folder).as_posix()] = path
    found[f"{NAME}/{PLUGIN}"] = TOP / "bazel-bin" / "metaprompt" / "tokenizers" / PLUGIN
    if f"{NAME}/_metaprompt.so" not in found:
        sys.exit("build_wheel.py: Python.h or pybind11 is missing: apt-get install python3-dev pybind11-dev")
    return found


def add(wheel, record, name, content, mode=0o644):
    """Writes a file to the wheel, always with the same time, and appends its hash to `record`."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (stat.S_IFREG | mode) << 16
    wheel.writestr(info, content)
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    record.append(f"{name},sha256={digest},{len(content)}")


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """The hook of PEP 517 that builds a wheel. Returns the wheel's name."""
    name = f"{NAME}-{VERSION}-{tag()}.whl"
    info = f"{NAME}-{VERSION}.dist-info"
    record = []
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        for path, source in files().items():
            add(wheel, record, path, source.read_bytes(), 0o755 if path.endswith(".so") else 0o644)
        add(wheel, record, f"{info}/METADATA", METADATA.encode())
        text = f"Wheel-Version: 1.0\nGenerator: build_wheel.py\nRoot-Is-Purelib: false\nTag: {tag()}\n"
        add(wheel, record, f"{info}/WHEEL", text.encode())
        record.append(f"{info}/RECORD,,")
        wheel.writestr(f"{info}/RECORD", "\n".join(record) + "\n")
    return name


def build_sdist(sdist_directory, config_settings=None):
    """The hook of PEP 517 that builds a source distribution. There is none: the sources are the git repository."""
    raise NotImplementedError("metaprompt has no source distribution: install from a clone")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("."), help="where to write the wheel [.]")
    out = parser.parse_args().folder
    out.mkdir(parents=True, exist_ok=True)
    print(out / build_wheel(out))
