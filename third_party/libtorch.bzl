"""Where LibTorch is: Debian's package by default, or the folder that the environment variable LIBTORCH names.

LIBTORCH is a folder with include/ and lib/, as the official archive unpacks and as `torch/` of a pip wheel looks.
LIBTORCH_CXX11_ABI=0 builds against one that was itself built with the old std::string.
"""

_BUILD = """
package(default_visibility = ["//visibility:public"])

cc_library(
    name = "libtorch",
    hdrs = glob({hdrs}, allow_empty = True),
    includes = {includes},
    defines = {defines},
    linkopts = {linkopts},
)
"""

def _libtorch_impl(ctx):
    root = ctx.os.environ.get("LIBTORCH", "")
    if not root:
        # /usr/include is one of the compiler's own folders; nothing under it needs to be declared.
        # But for the C++ API's own folder inside it.
        ctx.symlink("/usr/include/torch/csrc/api/include", "api")
        ctx.file("BUILD.bazel", _BUILD.format(
            hdrs = ["api/**"],
            includes = ["api"],
            defines = [],
            linkopts = ["-ltorch", "-ltorch_cpu", "-lc10"],
        ))
        return
    if not ctx.path(root + "/include/ATen/ATen.h").exists:
        fail("LIBTORCH=%s: there is no include/ATen/ATen.h in it" % root)
    ctx.symlink(root + "/include", "include")
    abi = ctx.os.environ.get("LIBTORCH_CXX11_ABI", "1")
    has_cuda = ctx.path(root + "/lib/libtorch_cuda.so").exists
    ctx.file("BUILD.bazel", _BUILD.format(
        hdrs = ["include/**"],
        includes = [
            "include",
            "include/torch/csrc/api/include",
        ],
        defines = ["_GLIBCXX_USE_CXX11_ABI=" + abi],
        linkopts = [
            "-L%s/lib" % root,
            "-Wl,-rpath,%s/lib" % root,
            "-Wl,--no-as-needed",
            "-ltorch",
            "-ltorch_cpu",
        ] + (["-ltorch_cuda", "-lc10_cuda"] if has_cuda else []) + ["-lc10"],
    ))

libtorch_repository = repository_rule(
    implementation = _libtorch_impl,
    environ = ["LIBTORCH", "LIBTORCH_CXX11_ABI"],
    local = True,
)
