"""cc_proto(name, src, deps): one .proto file compiled by Debian's protoc, as a cc_library."""

_ProtoInfo = provider(fields = ["sources"])

def _gen_impl(ctx):
    src = ctx.file.src
    base = src.basename[:-len(".proto")]
    outs = [ctx.actions.declare_file(base + ext) for ext in (".pb.h", ".pb.cc")]
    sources = depset([src], transitive = [d[_ProtoInfo].sources for d in ctx.attr.deps])
    ctx.actions.run(
        executable = "/usr/bin/protoc",
        inputs = sources,
        outputs = outs,
        arguments = ["-I.", "-I/usr/include", "--cpp_out=" + ctx.bin_dir.path, src.path],
        mnemonic = "Protoc",
    )
    return [DefaultInfo(files = depset(outs)), _ProtoInfo(sources = sources)]

_gen = rule(
    implementation = _gen_impl,
    attrs = {
        "src": attr.label(allow_single_file = [".proto"], mandatory = True),
        "deps": attr.label_list(providers = [_ProtoInfo]),
    },
)

def _gen_label(dep):
    label = Label("//" + native.package_name() + dep) if dep.startswith(":") else Label(dep)
    return "//%s:%s_gen" % (label.package, label.name)

def cc_proto(name, src, deps = [], visibility = None):
    _gen(name = name + "_gen", src = src, deps = [_gen_label(d) for d in deps], visibility = visibility)
    native.filegroup(name = name + "_source", srcs = [src], visibility = ["//python:__pkg__"])
    native.cc_library(
        name = name,
        srcs = [":" + name + "_gen"],
        hdrs = [":" + name + "_gen"],
        deps = deps + ["//third_party:protobuf"],
        copts = ["-w"],  # no warnings about generated code
        visibility = visibility,
    )
