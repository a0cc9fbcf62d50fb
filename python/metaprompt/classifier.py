"""An initialisation that is adapted to a few labelled texts, with the interface of a scikit-learn estimator."""

import os

import numpy as np

from . import _native

_CHUNK = 512  # how many texts are labelled together, as on the command line


_opened = None, None  # the key of the run that was opened last, and its handle


def _open(run, precision):
    """Opens the run, which stays open until another one is opened."""
    global _opened
    record = os.path.join(run, "record.textproto")
    key = os.path.abspath(run), precision, os.stat(record).st_mtime_ns if os.path.exists(record) else None
    if _opened[0] != key or not _opened[1].alive():
        _opened = None, None
        _opened = key, _native.call("OpenedRun", run, precision)
    return _opened[1]


def _texts(x):
    """The texts of each example: a string; a dictionary with a text under "txt"; or, for a template of several texts, a
    tuple, a list, or a row of an array or of a DataFrame."""
    if getattr(x, "ndim", 1) == 2 and hasattr(x, "to_numpy"):
        x = x.to_numpy()  # iterating over a DataFrame gives the names of its columns
    examples = []
    for i, one in enumerate(x):
        one = one["txt"] if isinstance(one, dict) else one
        texts = list(one) if isinstance(one, (tuple, list, np.ndarray)) else [one]
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"text {i} is of type {type(text).__name__}; texts are strings")
        examples.append([str(text) for text in texts])  # numpy has its own string type
    return examples


class Classifier:
    """Labels texts after it has been adapted to a few examples. It starts from a run's initialisation or a checkpoint.

    run: the run's directory, or the result of metaprompt.load. encoder: in place of a run, a folder with a checkpoint in
    Hugging Face's format, as `metaprompt classify --encoder` takes it. shots: which of the run's initialisations to use; 0: the
    one whose number of shots is nearest to the number of examples per class. names: a dictionary from labels to the
    words of the classes, for labels without a meaning, such as 0 and 1 [the label, with blanks for - _ and /].
    precision: FLOAT32 or BFLOAT16 [the run's; FLOAT32]. device: cpu, cuda or cuda:N. threads: 0 for one per core.

    After fit there are `classes_`, the labels in numpy's order; `shots_`; and `support_right_`, the number of examples
    that the classifier labels correctly. Fitting is deterministic. A pickled classifier is fitted again on its first
    use.
    """

    _estimator_type = "classifier"

    def __init__(self, run=None, shots=0, names=None, precision="", device="cpu", threads=0, encoder=None):
        self.run = run
        self.shots = shots
        self.names = names
        self.precision = precision
        self.device = device
        self.threads = threads
        self.encoder = encoder

    def get_params(self, deep=True):
        names = ("run", "shots", "names", "precision", "device", "threads", "encoder")
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params):
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"Classifier has no parameter {name!r}; it has {', '.join(self.get_params())}")
            setattr(self, name, value)
        return self

    def __repr__(self):
        defaults = Classifier().get_params()
        changed = (f"{name}={value!r}" for name, value in self.get_params().items() if value != defaults[name])
        return f"Classifier({', '.join(changed)})"

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(string=True, one_d_array=True, two_d_array=True),
        )

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "_adapted"}

    def fit(self, X, y):
        """Adapts to texts X with labels y: strings, or numbers, which become strings where words are needed.

        If the run's template has several texts, or for pairs with an encoder, an example is a tuple of texts, or a row of an array with one column
        per text, in the order of the run's data: text, text_b, then the further columns. Texts that the template leaves
        out are left out here, too.
        """
        if (self.run is None) == (self.encoder is None):
            raise ValueError("Classifier needs either a run or an encoder: Classifier(run=DIR) or Classifier(encoder=DIR)")
        texts = _texts(X)
        labels = np.asarray(y)
        if labels.shape != (len(texts),):
            raise ValueError(f"there are {len(texts)} texts and labels of shape {labels.shape}; one label per text")
        self._support = texts, labels
        self.classes_ = np.unique(labels)
        adapted = self._adapt()
        self.shots_ = adapted.get("shots")
        self.support_right_ = adapted.get("support_right")
        return self

    def _adapt(self):
        texts, labels = self._support
        names = self.names or {}
        examples = [str(label) for label in labels], [str(names.get(label, "")) for label in labels.tolist()], texts
        if self.encoder is not None:
            encoder = os.fspath(self.encoder)
            self._adapted = _native.call(
                "adapt_checkpoint", encoder, self.precision, *examples, self.device, self.threads
            )
        else:
            opened = _open(os.fspath(getattr(self.run, "path", self.run)), self.precision)
            self._adapted = opened.call("adapt", *examples, self.shots, self.device, self.threads)
        if len(self._adapted.get("labels")) != len(self.classes_):
            raise ValueError("two labels differ only in blanks")
        # The library's classes are in the order of their first texts.
        first = {str(label): i for i, label in reversed(list(enumerate(labels)))}
        order = sorted(range(len(self.classes_)), key=lambda c: first[str(self.classes_[c])])
        self._columns = np.argsort(order)
        return self._adapted

    def predict_proba(self, X):
        """Probabilities [texts, classes], float32, with the classes in the order of classes_. Not calibrated."""
        if not hasattr(self, "_support"):
            raise _not_fitted("this Classifier is not fitted; call fit first")
        adapted = self.__dict__.get("_adapted")
        if adapted is None or not adapted.alive():
            adapted = self._adapt()
        texts = _texts(X)
        parts = [
            np.frombuffer(adapted.call("probabilities", texts[i : i + _CHUNK]), dtype=np.float32)
            for i in range(0, len(texts), _CHUNK)
        ]
        flat = np.concatenate(parts) if parts else np.empty(0, np.float32)
        return flat.reshape(len(texts), len(self.classes_))[:, self._columns]

    def predict(self, X):
        """The most probable label of each text."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X, y):
        """The share of the texts whose label is right."""
        return float(np.mean(self.predict(X) == np.asarray(y)))


def _not_fitted(message):
    """scikit-learn's NotFittedError, if scikit-learn is installed, and otherwise a ValueError."""
    try:
        from sklearn.exceptions import NotFittedError
    except ImportError:
        return ValueError(message)
    return NotFittedError(message)


def fit_and_predict(support_x, support_y, query_x, *, run=None, **options):
    """The labels of `query_x`, after a Classifier with these options has adapted to the support set."""
    return Classifier(run, **options).fit(support_x, support_y).predict(query_x)
