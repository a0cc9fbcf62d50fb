"""The episodes of a spec as arrays."""

import itertools
import typing

import numpy as np

from ._native import call
from .messages.experiment_pb2 import ExperimentSpec
from .runs import _spec_bytes


class Episode(typing.NamedTuple):
    """One task. Examples are in the order of their classes."""

    index: int
    classes: np.ndarray  # [ways] labels
    names: np.ndarray  # [ways] the classes' words
    support_x: np.ndarray  # [ways * shots] texts; [ways * shots, texts] if an example has several, such as a pair
    support_y: np.ndarray  # [ways * shots] int64, indices into classes
    query_x: np.ndarray  # [ways * queries], or [ways * queries, texts]
    query_y: np.ndarray  # [ways * queries]
    support_numbers: np.ndarray  # [ways * shots] int64: the index of each text in its class
    query_numbers: np.ndarray  # [ways * queries]


def episodes(spec, split="test", shots=0, first=0, count=None):
    """Yields the episodes that a run of the spec draws from a split: first, first + 1, ...

    split: train, valid or test. shots: 0 for the spec's first number of shots. count: how many [the spec's
    test.episodes]. The data are read by this call, not when the first episode is used.
    """
    spec_bytes = call("complete_spec", _spec_bytes(spec))
    stream = call("EpisodeStream", spec_bytes, split, shots)
    if first < 0:
        raise ValueError(f"first is {first}; episodes count from 0")
    if count is None:
        count = _test_episodes(spec_bytes)
    return (_episode(stream, index) for index in itertools.islice(itertools.count(first), count))


def _test_episodes(spec_bytes):
    return ExperimentSpec.FromString(spec_bytes).test.episodes


def _episode(stream, index):
    texts = stream.call("at", index)
    ways = len(texts["classes"])

    def labels(rows):
        return np.repeat(np.arange(ways, dtype=np.int64), len(rows) // ways)

    def examples(rows):
        array = np.array(rows, dtype=object)
        return array if len(texts["text_names"]) > 1 else array[:, 0]

    return Episode(
        index=index,
        classes=np.array(texts["classes"], dtype=object),
        names=np.array(texts["names"], dtype=object),
        support_x=examples(texts["support"]),
        support_y=labels(texts["support"]),
        query_x=examples(texts["query"]),
        query_y=labels(texts["query"]),
        support_numbers=np.array(texts["support_numbers"], dtype=np.int64),
        query_numbers=np.array(texts["query_numbers"], dtype=np.int64),
    )
