# SPDX-License-Identifier: ISC
"""What the peer programs in Python share: the protocol of the driver, and
workers that are forked once and released together for each turn.
"""
import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
CODES = ("200", "304", "404", "500")
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 5,
          7.5, 10)
VALUES = [0.001 * ((i * 389) % 1024) for i in range(1024)]
CHURN_PATHS = ["/p/%d" % i for i in range(110)]
FAMILIES = 10

prctl = ctypes.CDLL(None).prctl


def fail(status, words):
    print("%s: %s" % (os.path.basename(sys.argv[0]), words), file=sys.stderr)
    sys.exit(status)


def missing(package):
    fail(77, "missing the Debian package " + package)


def bench_dir():
    return os.environ.get("BENCH_DIR") or fail(2, "BENCH_DIR is not set")


def die_with_parent():
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def timed(work):
    """A turn: work(n), and the nanoseconds that it took."""
    def turn(n):
        begin = time.monotonic_ns()
        work(n)
        return time.monotonic_ns() - begin
    return turn


def count(page, name):
    """The sum over the series of this name on a page."""
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in page.split("\n")
               if line.startswith((name + " ", name + "{")))


class Worker:
    """A forked process.  serve() in it gets the files to read and write."""


    def __init__(self, serve):
        theirs, go = os.pipe()
        done, ours = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            die_with_parent()
            os.close(go)
            os.close(done)
            if os.getppid() == parent:
                self.child(serve, open(theirs), open(ours, "w"))
            os._exit(1)
        os.close(theirs)
        os.close(ours)
        self.go = open(go, "w", buffering=1)
        self.done = open(done)

    @staticmethod
    def child(serve, go, done):
        try:
            serve(go, done)
        except BaseException:
            sys.excepthook(*sys.exc_info())

    def wait(self):
        if self.done.readline() != "done\n":
            fail(1, "a worker ended")

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.go.close()
        self.done.close()
        os.waitpid(self.pid, 0)


def together(nworkers, prepare):
    """A turn in which each worker does prepare(its number)(n)."""
    def serve(i, go, done):
        work = prepare(i)
        print("done", file=done, flush=True)
        for line in go:
            work(int(line))
            print("done", file=done, flush=True)

    workers = [Worker(lambda go, done: serve(i, go, done))
               for i in range(nworkers)]
    for worker in workers:
        worker.wait()

    def turn(n):
        begin = time.monotonic_ns()
        for worker in workers:
            worker.go.write("%d\n" % n)
        for worker in workers:
            worker.wait()
        return time.monotonic_ns() - begin
    turn.workers = workers
    return turn


def churn(nworkers, count_all):
    """Workers that count everything once, and are killed."""
    def serve(_, done):
        count_all()
        print("done", file=done, flush=True)
        signal.pause()

    for _ in range(nworkers):
        worker = Worker(serve)
        worker.wait()
        worker.kill()


def scenario(scenarios):
    """What the command line asks for: a function that sets it up."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    args = sys.argv[2:]
    setup = scenarios.get(name)
    if (setup is None or setup.__code__.co_argcount != len(args) or
            not all(arg.isdecimal() for arg in args)):
        fail(2, "usage: SCENARIO [NUMBER], of " + " ".join(scenarios))
    return lambda: setup(*map(int, args))


def main(setup):
    """Set up, which returns turn(n) and total(), and take the turns."""
    turn, total = setup()
    print("ready", flush=True)
    for line in sys.stdin:
        print(turn(int(line)), flush=True)
    print("total", total(), flush=True)
    for worker in getattr(turn, "workers", ()):
        worker.kill()
