"""Fuzz targets as tests of their corpora; tests/fuzz/build.sh makes fuzzers of them."""

def fuzz_replay_test(name, srcs = [], deps = []):
    """NAME_fuzz_replay_test gives tests/fuzz/NAME_fuzz.cc every file of tests/fuzz/corpus/NAME."""
    native.cc_test(
        name = name + "_fuzz_replay_test",
        size = "small",
        srcs = srcs + [
            "fuzz/%s_fuzz.cc" % name,
            "fuzz/replay_test.cc",
        ],
        data = native.glob(["fuzz/corpus/%s/**" % name]),
        local_defines = ['CORPUS=\\"tests/fuzz/corpus/%s\\"' % name],
        deps = deps + [
            "//metaprompt/base:files",
            "//third_party:absl",
            "//third_party:gtest_main",
        ],
    )
