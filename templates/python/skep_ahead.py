"""Processes that are there before their request: docs/prefork.md of Skep describes what they and the watchdog say to each other.

With prefork=N this process serves the one request that it waits for. With mode=zygote it forks the processes that do.
"""

import errno
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
import time

# Where processes wait already, the next fork lets the call that took one end first, but no longer than this.
YIELD_SECONDS = 0.02
# After a fork that failed, or a process that ended while it waited.
PAUSE_SECONDS = 0.1


def wait_for_request():
    """Returns when there is a request, with its environment taken over."""
    os.write(4, b"1\n")
    os.close(4)
    take_over_environment(3)


def fork_for_each_request():
    """Returns once in each forked process, with streams and environment of its request. Never in the zygote itself."""
    if threading.active_count() > 1:
        print("mode=zygote: the handler started threads while it was loaded; the processes that serve requests do not have them", file=sys.stderr)
    zygote = Zygote()
    while not zygote.fork_missing():
        zygote.wait()
        zygote.bury()
    zygote.become_request()


def take_over_environment(fd):
    document = read_to_end(fd)
    os.close(fd)
    if not document:
        os._exit(0)  # the watchdog has ended, or the request is over
    os.environ.pop("SKEP_PREFORK", None)
    os.environ.pop("SKEP_ZYGOTE", None)
    for name, value in json.loads(document)["environment"].items():
        os.environb[name.encode()] = value.encode("utf-8", "surrogateescape")


def read_to_end(fd):
    pieces = []
    while True:
        piece = os.read(fd, 65536)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


class Zygote:
    """Descriptor 3 is a socket: each message is a request, and comes with its streams. Reports go to descriptor 4."""

    def __init__(self):
        # Nothing that the handler started while it was loaded shall hold these open.
        os.set_inheritable(3, False)
        os.set_inheritable(4, False)
        self.requests = socket.socket(fileno=3)
        self.size = max(1, int(os.environ.get("prefork") or 1))
        self.waiting = set()
        self.serving = set()
        self.fork_at = 0.0
        # Signals wake the zygote through one pipe; through the other a process says that it has taken a request.
        self.woken, self.waker = os.pipe()
        self.taken, self.taker = os.pipe()
        for fd in (self.woken, self.waker, self.taken):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # What is loaded stays: the collector of a forked process would copy all of it for nothing.
        gc.collect()
        gc.freeze()
        report("ready 1")

    def fork_missing(self):
        """Whether this is a forked process now."""
        while len(self.waiting) < self.size and time.monotonic() >= self.fork_at:
            try:
                pid = os.fork()
            except OSError as error:
                print(f"mode=zygote: cannot fork: {error}", file=sys.stderr)
                self.fork_at = time.monotonic() + PAUSE_SECONDS
                return False
            if pid == 0:
                return True
            self.waiting.add(pid)
        return False

    def wait(self):
        missing = len(self.waiting) < self.size
        patience = max(0.0, self.fork_at - time.monotonic()) if missing else None
        readable, _, _ = select.select([self.woken, self.taken], [], [], patience)
        if self.woken in readable:
            read_now(self.woken)
        self.note_taken()

    def note_taken(self):
        for pid in map(int, read_now(self.taken).split()):
            self.waiting.discard(pid)
            self.serving.add(pid)
            self.fork_at = time.monotonic() + YIELD_SECONDS if self.waiting else 0.0

    def bury(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.note_taken()
            if pid in self.serving:
                self.serving.discard(pid)
                report(f"ended {pid} {os.waitstatus_to_exitcode(status)}")
                self.fork_at = 0.0
            elif pid in self.waiting:
                self.waiting.discard(pid)
                code = os.waitstatus_to_exitcode(status)
                if code == 0:
                    os._exit(0)  # it saw that the watchdog has ended
                print(f"mode=zygote: process {pid} ended while it waited: {code}", file=sys.stderr)
                self.fork_at = time.monotonic() + PAUSE_SECONDS

    def become_request(self):
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        message, fds, _, _ = socket.recv_fds(self.requests, 64, 4)
        if not message:
            os._exit(0)  # the watchdog has ended
        pid = os.getpid()
        request = message.decode().removeprefix("fork ")
        os.write(self.taker, f"{pid}\n".encode())
        if len(fds) != 4:
            report(f"failed {request} {os.strerror(errno.EMFILE)}")
            os._exit(1)
        report(f"started {request} {pid}")
        self.requests.close()
        for fd in (4, self.woken, self.waker, self.taken, self.taker):
            os.close(fd)
        *streams, variables = fds
        for target, fd in enumerate(streams):
            os.dup2(fd, target)
            os.close(fd)
        take_over_environment(variables)


def read_now(fd):
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return b""


def report(line):
    """Short enough to be written at once, whoever else writes."""
    os.write(4, f"{line}\n".encode())
