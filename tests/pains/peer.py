#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What Debian's python3-prometheus-client does where libpdc has no pain.

peer.py WHAT, with its directory in PROMETHEUS_MULTIPROC_DIR: one of the
functions below, which prints the numbers that the row of the list judges.
Status 77: it is not installed.
"""
import glob
import os
import signal
import sys
import threading
import time

try:
    import prometheus_client as prom
    from prometheus_client import multiprocess, values
except ImportError:
    sys.exit(77)

PATH = os.environ["PROMETHEUS_MULTIPROC_DIR"]


def page():
    registry = prom.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return prom.generate_latest(registry).decode()


def sample(text, name):
    for line in text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return float("nan")


def say(*numbers):
    print(*numbers, flush=True)


def worker(work, *args):
    child = os.fork()
    if child == 0:
        work(*args)
        sys.stdout.flush()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def killed(work, *args):
    def die():
        work(*args)
        os.kill(os.getpid(), signal.SIGKILL)
    return worker(die)


def files():
    """How many before and after 30 more workers."""
    counter = prom.Counter("c", "")
    found = []
    for workers in (10, 30):
        for _ in range(workers):
            worker(counter.inc)
        found.append(len(os.listdir(PATH)))
    say(*found)


def backwards():
    """A total before and after the files of the dead are removed."""
    counter = prom.Counter("c", "")
    for _ in range(5):
        killed(counter.inc, 100)
    before = sample(page(), "c_total")
    counter.inc(100)
    for name in glob.glob(PATH + "/*.db"):
        if "_%d." % os.getpid() not in name:
            os.unlink(name)
    say(before, sample(page(), "c_total"))


def full():
    """Count, though there is no space."""
    prom.Counter("c", "").inc()


def scrape():
    """Files read for a page, and its ms, with 10 dead and with 100 more."""
    read = multiprocess.MmapedDict.read_all_values_from_file
    opened = []
    multiprocess.MmapedDict.read_all_values_from_file = staticmethod(
        lambda name: opened.append(name) or read(name))
    counter = prom.Counter("c", "", ("l",))
    for label in range(8):
        counter.labels(label)
    for workers in (10, 100):
        for _ in range(workers):
            worker(counter.labels(1).inc)
        opened.clear()
        began = time.perf_counter()
        page()
        say(len(opened), (time.perf_counter() - began) * 1000)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
