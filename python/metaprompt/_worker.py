"""The worker process: reads calls from standard input and writes answers, both as pickles. See _native.py."""

import os
import pickle
import signal
import sys

# If this file is a link, Python has put the folder of its target at the beginning of sys.path.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import _metaprompt  # noqa: E402

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # except during a run, which handles it
    _metaprompt.run_again_with_best_kernel([sys.executable] + sys.orig_argv[1:])

    calls = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that output of a library does not mix with the answers
    objects = {}

    def answer(kind, *values):
        pickle.dump((kind, *values), answers)
        answers.flush()

    def show(line, stays):
        answer("show", line, stays)

    def do(function, arguments):
        """Calls a function of the module, or gets an attribute of an object, calls its method or forgets it."""
        if function == "get":
            return getattr(objects[arguments[0]], arguments[1])
        if function == "call":
            return getattr(objects[arguments[0]], arguments[1])(*arguments[2:])
        if function == "forget":
            return objects.pop(arguments[0], None) and None
        if function == "run":
            return _metaprompt.run(*arguments, show)
        return getattr(_metaprompt, function)(*arguments)

    while True:
        try:
            folder, function, arguments = pickle.load(calls)
        except EOFError:  # the user's process has ended
            break
        try:
            os.chdir(folder)
            value = do(function, arguments)
            if type(value).__module__ == "_metaprompt":
                if isinstance(value, _metaprompt.EpisodeTexts):
                    value = {name: getattr(value, name) for name in dir(value) if not name.startswith("_")}
                else:
                    number = max(objects, default=0) + 1
                    objects[number] = value
                    answer("object", number)
                    continue
            answer("value", value)
        except BrokenPipeError:
            break
        except BaseException as error:
            answer("error", type(error).__name__, str(error))
