"""The system's Python 3 with pybind11, for the Python module. Without its headers, PYTHON_FOUND is False, and the
targets that need them are left out: see python/BUILD.bazel."""

_BUILD = """
package(default_visibility = ["//visibility:public"])

cc_library(
    name = "pybind11",
    hdrs = glob(
        [
            "include/**",
            "python/**",
        ],
        allow_empty = True,
    ),
    includes = [
        "include",
        "python",
    ],
)
"""

# Prints the folder of Python.h, if it is there.
_ASK = """
import os, sysconfig
folder = sysconfig.get_path("include")
print(folder if os.path.exists(os.path.join(folder, "Python.h")) else "")
"""

def _python_impl(ctx):
    python = ctx.os.environ.get("PYTHON_BIN_PATH", "/usr/bin/python3")
    pkg_config = ctx.which("pkg-config")
    headers = []
    if ctx.path(python).exists and pkg_config:
        asked = ctx.execute([python, "-c", _ASK])
        pybind11 = ctx.execute([pkg_config, "--variable=includedir", "pybind11"])
        if not asked.return_code and asked.stdout.strip() and not pybind11.return_code:
            headers = [
                (pybind11.stdout.strip() + "/pybind11", "include/pybind11"),
                (asked.stdout.strip(), "python"),
            ]
    for folder, name in headers:
        ctx.symlink(folder, name)
    ctx.file("found.bzl", "PYTHON_FOUND = %s\n" % bool(headers))
    ctx.file("BUILD.bazel", _BUILD)

python_repository = repository_rule(
    implementation = _python_impl,
    environ = ["PYTHON_BIN_PATH"],
    local = True,
)
