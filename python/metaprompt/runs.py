"""Specs, runs and their records."""

import os

from . import progress as _progress
from ._native import call
from .classifier import Classifier
from .messages.experiment_pb2 import ExperimentSpec
from .messages.result_pb2 import Environment, RunRecord


def load_spec(path, sets=()):
    """Reads a spec, sets the field of each `FIELD=VALUE` in `sets`, checks the spec and fills in the defaults."""
    return ExperimentSpec.FromString(call("load_spec", os.fspath(path), list(sets)))


def _spec_bytes(spec):
    """The spec as bytes. Reads the spec if it is a path. The library checks it later."""
    if isinstance(spec, (str, os.PathLike)):
        spec = load_spec(spec)
    if not isinstance(spec, ExperimentSpec):
        raise TypeError(f"a spec is an ExperimentSpec or the path of one, not {type(spec).__name__}")
    return spec.SerializeToString()


def run(spec, out=None, progress=None):
    """Meta-trains, meta-tests and leaves a run directory; returns the RunRecord.

    spec: an ExperimentSpec, or the path of a spec. out: the run directory [runs/NAME-seedSEED]. A run that was stopped
    continues there. progress: a function `show(line, stays)` [a bar in a notebook, otherwise standard error];
    metaprompt.progress.silent shows nothing.

    Ctrl-C stops the run after the tasks that are being computed, and a second Ctrl-C stops it immediately. Both raise
    KeyboardInterrupt, and the same call then continues the run. Other threads can run during the call.
    """
    spec_bytes = call("complete_spec", _spec_bytes(spec))
    if out is None:
        complete = ExperimentSpec.FromString(spec_bytes)
        out = f"runs/{complete.name}-seed{complete.seed}"
    record = call("run", spec_bytes, os.fspath(out), show=progress or _progress.default())
    return RunRecord.FromString(record)


class Run:
    """A finished run: `path`, `record`, and `spec` with every default."""

    def __init__(self, path):
        self.path = os.fspath(path)
        self.record = RunRecord.FromString(call("read_record", self.path))

    def __repr__(self):
        return f"metaprompt.load({self.path!r})"

    @property
    def spec(self):
        return self.record.spec

    def classifier(self, **options):
        """Returns a Classifier that starts from this run; `options` are its other arguments."""
        return Classifier(self.path, **options)

    def fit_and_predict(self, support_x, support_y, target_x, metadata=None):
        """Returns the labels of `target_x` after adaptation to the support set. This is the interface of FLEX.

        Texts are strings, or dictionaries with the key "txt", as in FLEX. `metadata` is not used.
        """
        return self.classifier().fit(support_x, support_y).predict(target_x)


def load(path):
    """Opens a finished run's directory."""
    return Run(path)


def environment(threads=0):
    """The facts about the machine that a run records: processor, LibTorch, BLAS and its kernel, and more."""
    return Environment.FromString(call("environment", threads))
