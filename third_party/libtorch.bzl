"""LibTorch: Debian's package, or the folder that the environment variable LIBTORCH names.

That folder has include/ and lib/, like the official archive or the folder torch/ of a pip wheel. Its newest versions
need --config=cxx20 (see .bazelrc). Set LIBTORCH_CXX11_ABI=0 for a LibTorch that was built with the old std::string.
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

# What sends tensors between processes (c10d with Gloo). Without Gloo's headers, the program runs in one process only.
cc_library(
    name = "gloo",
    defines = {gloo_defines},
    linkopts = {gloo_linkopts},
    deps = [":libtorch"],
)
"""

_GLOO_DEFINES = [
    "METAPROMPT_PROCESSES",
    "USE_C10D_GLOO",
]

# CUDA's own libraries (cuBLAS, cuDNN, NCCL) are needed to run the program, but not to build it.
_CUDA = ["-ltorch_cuda", "-lc10_cuda", "-Wl,--allow-shlib-undefined"]

# Headers of other projects that a pip wheel carries, in other versions than the system's.
_OTHER_PROJECTS = [
    "google",
    "pybind11",
]

def _libtorch_impl(ctx):
    root = ctx.os.environ.get("LIBTORCH", "")
    if not root:
        # The compiler searches /usr/include anyway. Only the folder of the C++ API inside it has to be named.
        ctx.symlink("/usr/include/torch/csrc/api/include", "api")
        has_gloo = ctx.path("/usr/include/gloo/context.h").exists
        ctx.file("BUILD.bazel", _BUILD.format(
            hdrs = ["api/**"],
            includes = ["api"],
            defines = [],
            linkopts = ["-ltorch", "-ltorch_cpu", "-lc10"],
            gloo_defines = _GLOO_DEFINES if has_gloo else [],
            # The library that LibTorch uses itself.
            gloo_linkopts = ["-lgloo"] if has_gloo else [],
        ))
        return
    if not ctx.path(root + "/include/ATen/ATen.h").exists:
        fail("LIBTORCH=%s: there is no include/ATen/ATen.h in it" % root)
    for header in ctx.path(root + "/include").readdir():
        if header.basename not in _OTHER_PROJECTS:
            ctx.symlink(header, "include/" + header.basename)
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
        ] + (_CUDA if has_cuda else []) + ["-lc10"],
        # In these LibTorches, Gloo is a part of libtorch_cpu; pip wheels lack its headers.
        gloo_defines = _GLOO_DEFINES if ctx.path(root + "/include/gloo/context.h").exists else [],
        gloo_linkopts = [],
    ))

libtorch_repository = repository_rule(
    implementation = _libtorch_impl,
    environ = ["LIBTORCH", "LIBTORCH_CXX11_ABI"],
    local = True,
)
