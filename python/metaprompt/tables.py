"""Results as tables."""

import os

from .runs import Run


def _record(run):
    if isinstance(run, (str, os.PathLike)):
        run = Run(run)
    return run.record if isinstance(run, Run) else run


def rows(*runs, episodes=False):
    """A dictionary per evaluation: run, seed, shots, initialisation, accuracy, half_width (of Student's 95 % interval
    over episodes), episodes. With `episodes`, one per test episode: run, seed, shots, initialisation, episode,
    accuracy. Runs are directories, what load returns, or records."""
    table = []
    for record in map(_record, runs):
        for result in record.results:
            for test in result.tests:
                row = {
                    "run": record.spec.name,
                    "seed": record.spec.seed,
                    "shots": result.shots,
                    "initialisation": test.initialisation,
                }
                if episodes:
                    table += [row | {"episode": i, "accuracy": one} for i, one in enumerate(test.accuracies)]
                else:
                    table.append(
                        row
                        | {
                            "accuracy": test.mean_accuracy,
                            "half_width": test.half_width,
                            "episodes": len(test.accuracies),
                        }
                    )
    return table


def frame(*runs, episodes=False):
    """`rows` as a pandas DataFrame."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("metaprompt.frame needs pandas; metaprompt.rows gives the same without it") from error
    return pandas.DataFrame(rows(*runs, episodes=episodes))
