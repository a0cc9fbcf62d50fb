#!/usr/bin/env python3
"""Tests that the Python module gives the same bytes and texts as the program: python_test.py PROGRAM.

Bazel runs it with Debian's numpy and protobuf. With PYTHONPATH=FOLDER or an installed wheel, it tests that module."""

import importlib.util
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from xml.sax.saxutils import quoteattr

PACKAGE = Path(__file__).resolve().parent.parent.parent / "python"
if "TEST_SRCDIR" in os.environ:
    PACKAGE = Path(os.environ["TEST_SRCDIR"]) / os.environ["TEST_WORKSPACE"] / "python"
    sys.path.insert(0, str(PACKAGE))

ENCODER = os.path.abspath("tests/goldens/encoders/bert")
PROGRAM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
SPEC = """
name: "tiny"
seed: 5
dataset { tsv { path: "words.tsv" } split { shares { train: 0.4 valid: 0.3 } } }
model {
  tokenizer { vocab_size: 80 }
  encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 32 max_positions: 16 init_std: 0.5 } }
  prompt { template: "{text} is <soft> {mask}" }
  verbalizer { allow_same_words: true }
}
episodes { ways: 3 shots: [1, 2] queries: 4 }
learner { maml {} inner { steps: 2 encoder_lr: 0.02 prompt_lr: 0.02 class_lr: 0.05 } }
train { meta_steps: 6 meta_batch: 2 validate_every: 3 valid_episodes: 4 checkpoint_every: 2 }
test { episodes: 10 }
threads: 1
"""
TEXTS = ["ama ana red 1", "ana apa blue 2", "fmf fnf red 3", "fpf fqf green 4"]
LABELS = ["zebra", "zebra", "apple", "apple"]


def missing():
    """The missing packages without which the test cannot run."""
    if "TEST_SRCDIR" in os.environ and not (PACKAGE / "metaprompt" / "_metaprompt.so").exists():
        return "python3-dev or pybind11-dev is not installed"
    for module, package in (("numpy", "python3-numpy"), ("google.protobuf", "python3-protobuf")):
        try:
            found = importlib.util.find_spec(module)
        except ImportError:
            found = None
        if found is None:
            return f"{package} is not installed"
    return ""


def write_data():
    """Writes twelve classes, each with its own words, and the spec."""
    lines = []
    for c in range(12):
        for t in range(12):
            words = ["abcdef"[c % 6] + "mnopqr"[(t + w * (t + 1)) % 6] + "abcdef"[c % 3 + c // 6 * 3] for w in range(4)]
            lines.append(f"class{chr(97 + c)}\t{' '.join(words)} {('red', 'green', 'blue')[t % 3]} {t}\n")
    Path("words.tsv").write_text("".join(lines))
    Path("tiny.textproto").write_text(SPEC)


def program(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, **options)


class PythonTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = missing()
        if reason:
            raise unittest.SkipTest(reason + ": the Python module is not tested")
        import metaprompt

        cls.module = metaprompt
        os.chdir(tempfile.mkdtemp())
        write_data()
        cls.lines = []
        cls.record = metaprompt.run("tiny.textproto", "run", progress=lambda *line: cls.lines.append(line))

    def classifier(self, **options):
        return self.module.Classifier("run", **options).fit(TEXTS, LABELS)

    def test_a_run_has_the_programs_bytes(self):
        done = program("run", "tiny.textproto", "--out", "by_program")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("record.textproto", "best-1shot.safetensors", "best-2shot.safetensors", "curve.tsv"):
            self.assertEqual(Path("run", name).read_bytes(), Path("by_program", name).read_bytes(), name)
        self.assertEqual(self.record.spec.name, "tiny")
        self.assertEqual([result.shots for result in self.record.results], [1, 2])
        self.assertEqual(self.module.load("by_program").record, self.record)
        self.assertTrue(any("meta-training" in line for line, stays in self.lines if stays))

    def test_a_spec_may_be_a_message_and_is_checked(self):
        spec = self.module.load_spec("tiny.textproto", ["seed=7", "train.meta_steps=0"])
        self.assertEqual((spec.seed, spec.train.meta_steps, spec.model.encoder.bert.width), (7, 0, 16))
        record = self.module.run(spec, "message", progress=self.module.progress.silent)
        self.assertEqual(record.spec.seed, 7)
        spec.episodes.queries = 0
        with self.assertRaisesRegex(self.module.Error, "^spec: episodes.queries"):
            self.module.run(spec, "never")
        self.assertFalse(os.path.exists("never"))

    def test_errors_have_the_programs_words(self):
        for arguments, call in (
            (("check", "nowhere.textproto"), lambda: self.module.load_spec("nowhere.textproto")),
            (
                ("check", "tiny.textproto", "--set", "seeds=1"),
                lambda: self.module.load_spec("tiny.textproto", ["seeds=1"]),
            ),
            (("show", "nowhere"), lambda: self.module.load("nowhere")),
            (("run", "tiny.textproto", "--out", "words.tsv"), lambda: self.module.run("tiny.textproto", "words.tsv")),
        ):
            done = program(*arguments)
            with self.assertRaises(self.module.Error) as caught:
                call()
            self.assertEqual("error: " + str(caught.exception) + "\n", done.stderr)

    def test_the_classifier_is_the_programs(self):
        texts = ["ama ana ara", "fmf  fqf", "red ana", "blue fqf 7"] * 200  # more than one chunk
        Path("few.tsv").write_text("".join(f"{label}\t{text}\n" for label, text in zip(LABELS, TEXTS)))
        Path("texts").write_text("".join(text + "\n" for text in texts))
        for option, start, shots in (("--run", {"run": "run"}, 2), ("--encoder", {"encoder": ENCODER}, 0)):
            done = program("classify", option, *start.values(), "--support", "few.tsv",
                           "--all", "--json", "--uncalibrated", "--threads", "1", "texts")
            self.assertEqual(done.returncode, 0, done.stderr)
            answers = [json.loads(line) for line in done.stdout.splitlines()]
            classifier = self.module.Classifier(**start, threads=1).fit(TEXTS, LABELS)
            self.assertEqual((classifier.shots_, list(classifier.classes_)), (shots, ["apple", "zebra"]))
            probabilities = classifier.predict_proba(texts)
            self.assertEqual(probabilities.shape, (len(texts), 2))
            self.assertEqual(list(classifier.predict(texts)), [one["label"] for one in answers])
            self.assertGreater(probabilities.std(), 1e-4)  # the texts differ
            for row, one in zip(probabilities, answers):
                for label, probability in zip(classifier.classes_, row):
                    self.assertAlmostEqual(float(probability), one["probabilities"][label], delta=1e-6)

    def test_the_classifier_on_an_episode_is_meta_test(self):
        run = self.module.load("run")
        for episode in self.module.episodes(run.spec, shots=2):
            classifier = run.classifier(shots=2, threads=1, names=dict(zip(episode.classes, episode.names)))
            score = classifier.fit(episode.support_x, episode.classes[episode.support_y]).score(
                episode.query_x, episode.classes[episode.query_y]
            )
            self.assertAlmostEqual(score, self.record.results[1].tests[1].accuracies[episode.index], places=6)

    def test_the_process_that_computes_may_die(self):
        classifier = self.classifier()
        expected = classifier.predict_proba(TEXTS).tolist()
        os.kill(self.module._native._current._process.pid, signal.SIGKILL)
        self.module._native._current._process.wait()
        self.assertEqual(classifier.predict_proba(TEXTS).tolist(), expected)

    def test_the_contract_of_flex(self):
        run = self.module.load("run")
        query = [{"txt": text} for text in ("ama ana ara", "fmf fqf")]
        expected = list(self.classifier().predict(["ama ana ara", "fmf fqf"]))
        self.assertEqual(list(run.fit_and_predict([{"txt": text} for text in TEXTS], LABELS, query)), expected)
        self.assertEqual(list(self.module.fit_and_predict(TEXTS, LABELS, ["ama ana ara", "fmf fqf"], run=run)), expected)

    def test_numbers_are_labels_and_names_are_their_words(self):
        named = self.module.Classifier("run", names={1: "zebra", 0: "apple"}).fit(TEXTS, [1, 1, 0, 0])
        self.assertEqual(named.classes_.dtype.kind, "i")
        self.assertEqual(named.predict_proba(TEXTS).tolist(), self.classifier().predict_proba(TEXTS).tolist())

    def test_a_pickled_classifier_answers_the_same(self):
        classifier = self.classifier()
        again = pickle.loads(pickle.dumps(classifier))
        self.assertEqual(again.predict_proba(TEXTS).tolist(), classifier.predict_proba(TEXTS).tolist())
        self.assertEqual(repr(again), "Classifier(run='run')")

    def test_wrong_support_sets(self):
        fresh = self.module.Classifier("run")
        with self.assertRaisesRegex(self.module.Error, "all texts are of one class, 'a'; add at least one"):
            fresh.fit(["x", "y"], ["a", "a"])
        with self.assertRaisesRegex(self.module.Error, "support text 1: empty text"):
            fresh.fit(["x", " "], ["a", "b"])
        with self.assertRaisesRegex(ValueError, "2 texts and labels of shape"):
            fresh.fit(["x", "y"], ["a"])
        with self.assertRaisesRegex(TypeError, "text 0 is of type int"):
            fresh.fit([1, 2], ["a", "b"])
        for start in ({}, {"run": "run", "encoder": ENCODER}):
            with self.assertRaisesRegex(ValueError, "either a run or an encoder"):
                self.module.Classifier(**start).fit(["x", "y"], ["a", "b"])
        with self.assertRaisesRegex(self.module.Error, "^nowhere: no such folder here"):
            self.module.Classifier(encoder="nowhere").fit(["x", "y"], ["a", "b"])
        with self.assertRaisesRegex(Exception, "call fit first"):
            self.module.Classifier("run").predict(["x"])

    def test_episodes_are_the_programs(self):
        episodes = list(self.module.episodes("tiny.textproto", shots=2, first=3, count=2))
        self.assertEqual([episode.index for episode in episodes], [3, 4])
        shown = program("episodes", "tiny.textproto", "--shots", "2", "--index", "4").stdout.splitlines()[2:]
        episode = episodes[1]
        mine = [
            f"{part}\t{way}\t{episode.classes[way]}\t{number}\t{text}"
            for part, ways, numbers, texts in (
                ("support", episode.support_y, episode.support_numbers, episode.support_x),
                ("query", episode.query_y, episode.query_numbers, episode.query_x),
            )
            for way, number, text in zip(ways, numbers, texts)
        ]
        self.assertEqual(mine, shown)

    def test_pairs_are_tuples_or_rows(self):
        lines = [line.split("\t") for line in Path("words.tsv").read_text().splitlines()]
        rows = [(label, text[:7], text[8:]) for label, text in lines]
        Path("pairs.csv").write_text("label,text,text_b\n" + "".join(",".join(row) + "\n" for row in rows))
        csv = SPEC.replace('tsv { path: "words.tsv" }', 'csv { path: "pairs.csv" text_b_column: "text_b" }')
        Path("pairs.textproto").write_text(csv.replace("{text} is <soft> {mask}", "{text} is <soft> {mask} , {text_b}"))
        self.module.run("pairs.textproto", "pairs", progress=self.module.progress.silent)
        run = self.module.load("pairs")
        episode = next(self.module.episodes(run.spec, shots=2))
        self.assertEqual((episode.support_x.shape, episode.query_x.shape), ((6, 2), (12, 2)))
        labels = episode.classes[episode.support_y]
        classifier = run.classifier(shots=2, threads=1, names=dict(zip(episode.classes, episode.names)))
        score = classifier.fit(episode.support_x, labels).score(episode.query_x, episode.classes[episode.query_y])
        self.assertAlmostEqual(score, run.record.results[1].tests[1].accuracies[0], places=6)
        expected = classifier.predict_proba(episode.query_x).tolist()
        tuples = classifier.fit([tuple(row) for row in episode.support_x], labels)
        self.assertEqual(tuples.predict_proba([list(row) for row in episode.query_x]).tolist(), expected)
        with self.assertRaisesRegex(self.module.Error, "text 0: 1 text instead of 2: an example of this run"):
            tuples.predict(["one text"])
        with self.assertRaisesRegex(self.module.Error, "support text 0: 2 texts instead of 1"):
            self.module.Classifier("run").fit([("a", "b"), ("c", "d")], ["x", "y"])
        with self.assertRaisesRegex(self.module.Error, "support text 1: empty text"):
            run.classifier().fit([("a", "b"), ("c", "")], ["x", "y"])

    def test_tables(self):
        table = self.module.rows("run")
        self.assertEqual([(row["shots"], row["initialisation"]) for row in table][1], (1, "meta-learned"))
        self.assertEqual(table[1]["accuracy"], self.record.results[0].tests[1].mean_accuracy)
        self.assertEqual(len(self.module.rows("run", episodes=True)), 4 * 10)

    def test_ctrl_c_stops_and_the_same_call_continues(self):
        spec = self.module.load_spec("tiny.textproto", ["train.meta_steps=300", "train.patience=0"])
        silent = self.module.progress.silent

        def interrupt(line, stays):
            if "words.tsv" in line:  # the line about the data, which comes long before the run ends
                os.kill(os.getpid(), signal.SIGINT)

        with self.assertRaisesRegex(KeyboardInterrupt, "^stopped at .*continues from there$"):
            self.module.run(spec, "stopped", progress=interrupt)
        self.module.run(spec, "stopped", progress=silent)
        self.module.run(spec, "whole", progress=silent)
        self.assertEqual(Path("stopped/record.textproto").read_bytes(), Path("whole/record.textproto").read_bytes())

    def test_an_exception_in_a_callback_stops_too(self):
        for error in (KeyError, BrokenPipeError):

            def fail(line, stays):
                raise error(line)

            with self.assertRaises(error):
                self.module.run("tiny.textproto", "failed", progress=fail)

    def test_other_threads_run_meanwhile(self):
        ticks = []
        ended = threading.Event()

        def tick():
            while not ended.wait(0.001):
                ticks.append(1)

        thread = threading.Thread(target=tick)
        thread.start()
        self.module.run("tiny.textproto", "threads", progress=self.module.progress.silent)
        ended.set()
        thread.join()
        self.assertGreater(len(ticks), 20)


def report(result, names):
    """Writes the XML from which ./test.sh counts test cases."""
    skipped = {str(test) for test, _ in result.skipped}
    broken = {str(test): trace for test, trace in result.failures + result.errors}
    everything = skipped and all("setUpClass" in name for name in skipped)
    cases = []
    for name in names:
        trace = next((t for test, t in broken.items() if test.startswith(name + " ") or "setUpClass" in test), None)
        end = f"><failure message={quoteattr(trace)}/></testcase>" if trace else "/>"
        cases.append(f'<testcase name="{name}" result="{"skipped" if everything else "completed"}"{end}\n')
    suite = f'<testsuite name="python">\n{"".join(cases)}</testsuite>'
    Path(os.environ["XML_OUTPUT_FILE"]).write_text(f"<testsuites>{suite}</testsuites>\n")


if __name__ == "__main__":
    tests = unittest.defaultTestLoader.loadTestsFromTestCase(PythonTest)
    names = [test.id().split(".")[-1] for test in tests]
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    if "XML_OUTPUT_FILE" in os.environ:
        report(result, names)
    sys.exit(0 if result.wasSuccessful() else 1)
