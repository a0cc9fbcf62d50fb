"""metaprompt: learn where a soft prompt should start, so that a few labelled texts go far.

    import metaprompt
    spec = metaprompt.load_spec("experiments/specs/quickstart.textproto", ["seed=1"])
    record = metaprompt.run(spec, "runs/mine")
    labels = metaprompt.load("runs/mine").fit_and_predict(support_x, support_y, query_x)

docs/python.md has an example of each function.
"""

from ._native import Error
from .classifier import Classifier, fit_and_predict
from .episodes import Episode, episodes
from .messages.experiment_pb2 import ExperimentSpec
from .messages.result_pb2 import Environment, RunRecord
from . import progress
from .runs import Run, environment, load, load_spec, run
from .tables import frame, rows

__all__ = [
    "Classifier",
    "Environment",
    "Episode",
    "Error",
    "ExperimentSpec",
    "Run",
    "RunRecord",
    "environment",
    "episodes",
    "fit_and_predict",
    "frame",
    "load",
    "load_spec",
    "progress",
    "rows",
    "run",
]
