"""The system's Abseil. pkg-config lists the shared libraries that a header needs. They differ between versions: in
Debian 13 absl::string_view is in a library, in Debian 12 only in the header."""

_TARGETS = {
    "flat_hash_map": ["absl_flat_hash_map"],
    "function_ref": ["absl_function_ref"],
    "memory": ["absl_memory"],
    "span": ["absl_span"],
    "status": ["absl_status"],
    "statusor": ["absl_statusor"],
    "str_format": ["absl_str_format"],
    "strings": ["absl_strings"],
}

_RULE = """
cc_library(
    name = "{name}",
    linkopts = {linkopts},
)
"""

def _absl_impl(ctx):
    pkg_config = ctx.which("pkg-config")
    if not pkg_config:
        fail("pkg-config is missing: ./setup.sh installs it")
    build = "package(default_visibility = [\"//visibility:public\"])\n"
    for name, packages in _TARGETS.items():
        found = ctx.execute([pkg_config, "--libs"] + packages)
        if found.return_code:
            fail("pkg-config --libs %s: %s" % (" ".join(packages), found.stderr))
        libraries = [flag for flag in found.stdout.split(" ") if flag.startswith("-l") and len(flag.strip()) > 2]
        linkopts = ["-Wl,--push-state,--as-needed"] + [flag.strip() for flag in libraries] + ["-Wl,--pop-state"]
        build += _RULE.format(name = name, linkopts = linkopts if libraries else [])
    ctx.file("BUILD.bazel", build)

absl_repository = repository_rule(
    implementation = _absl_impl,
    local = True,
)
