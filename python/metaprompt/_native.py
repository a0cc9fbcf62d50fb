"""Runs the compiled library in a child process, which starts at the first call and ends with this process.

It is a child process because one process cannot load two versions of LibTorch: even with RTLD_LOCAL they share one
dispatcher symbol (STB_GNU_UNIQUE), so that `import torch` from PyPI crashes next to Debian's LibTorch. The child also
gets OpenBLAS's best kernel, which must be chosen before the library is loaded, and a crash of the child becomes an
exception here.
"""

import atexit
import os
import pickle
import signal
import subprocess
import sys
import threading


class Error(RuntimeError):
    """An error, with the text that the command line prints after `error: `."""


Error.__module__ = "metaprompt"


_ERRORS = {"Error": Error} | {
    error.__name__: error
    for error in (FileNotFoundError, KeyboardInterrupt, MemoryError, OverflowError, TypeError, ValueError)
}


class _Ended(Exception):
    """The worker process has ended."""


class Handle:
    """An object in the worker process. It can be used as long as that process lives."""

    def __init__(self, worker, number):
        self._worker = worker
        self._number = number

    def alive(self):
        return self._worker is _current and self._worker.alive()

    def __del__(self):
        self._worker.forget(self._number)

    def call(self, method, *arguments):
        return self._worker.call("call", self._number, method, *arguments)

    def get(self, attribute):
        return self._worker.call("get", self._number, attribute)


class _Worker:
    def __init__(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_worker.py")
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches only this process, which passes it on
        )
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._forgotten = []  # numbers of objects to forget before the next call

    def alive(self):
        return self._pid == os.getpid() and self._process.poll() is None

    def forget(self, number):
        self._forgotten.append(number)

    def call(self, function, *arguments, show=None):
        with self._lock:
            while self._forgotten:
                self._exchange("forget", (self._forgotten.pop(),), None)
            return self._exchange(function, arguments, show)

    def _exchange(self, function, arguments, show):
        """Sends a call and waits for its value.

        During a run, the first Ctrl-C stops the run after its current tasks. Any other Ctrl-C kills the worker.
        """
        thrown = None  # during a run: the exception of Ctrl-C or of `show`
        try:
            self._send((os.getcwd(), function, arguments))
            kind = "show"
            while kind == "show":
                try:
                    kind, *values = self._receive()
                    if kind == "show" and thrown is None:
                        show(*values)
                except _Ended:
                    raise
                except BaseException as error:
                    if function != "run" or thrown is not None:
                        raise
                    thrown = error
                    self._process.send_signal(signal.SIGINT)
        except _Ended:
            status = self._process.wait()
            raise Error(f"the process that computes has ended, with status {status}") from None
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        if thrown is not None and not (kind == "error" and isinstance(thrown, KeyboardInterrupt)):
            raise thrown
        if kind == "error":
            name, message = values
            raise _ERRORS[name](message) if name in _ERRORS else Error(f"internal error: {name}: {message}")
        return Handle(self, *values) if kind == "object" else values[0]

    def _send(self, call):
        try:
            pickle.dump(call, self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise _Ended from None

    def _receive(self):
        try:
            return pickle.load(self._process.stdout)
        except EOFError:
            raise _Ended from None

    def close(self):
        """Kills the worker. If it is in the middle of a run, the run keeps its last checkpoint."""
        if self._pid == os.getpid():
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()


_current = None
_starting = threading.Lock()


def call(function, *arguments, show=None):
    """Calls a function of the library. Arguments: bytes, strings, numbers and lists. `show` gets a run's progress."""
    global _current
    with _starting:
        if _current is None or not _current.alive():
            _current = _Worker()
            atexit.register(_current.close)
        worker = _current
    return worker.call(function, *arguments, show=show)
