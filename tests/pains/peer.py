#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What Debian's python3-prometheus-client does where libpdc has no pain.

peer.py WHAT, with its directory in PROMETHEUS_MULTIPROC_DIR: one of the
functions below, which prints the numbers that the row of the list judges.
Status 77: it is not installed.
"""
import atexit
import glob
import os
import signal
import sys
import threading
import time

PATH = os.environ["PROMETHEUS_MULTIPROC_DIR"]
if sys.argv[1] == "late":
    del os.environ["PROMETHEUS_MULTIPROC_DIR"]
try:
    import prometheus_client as prom
    from prometheus_client import multiprocess, values
    from prometheus_client.openmetrics import exposition
except ImportError:
    sys.exit(77)


def page(generate=None):
    registry = prom.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, PATH)
    return (generate or prom.generate_latest)(registry).decode()


def sample(text, name):
    for line in text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return float("nan")


def say(*numbers):
    sys.stdout.write(" ".join(map(str, numbers)) + "\n")
    sys.stdout.flush()


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
    """Files read for a page, and its ms, with 10 dead and with 50 more."""
    read = multiprocess.MmapedDict.read_all_values_from_file
    opened = []
    multiprocess.MmapedDict.read_all_values_from_file = staticmethod(
        lambda name: opened.append(name) or read(name))
    counter = prom.Counter("c", "", ("l",))
    for label in range(8):
        counter.labels(label)
    for workers in (10, 50):
        for _ in range(workers):
            worker(counter.labels(1).inc)
        opened.clear()
        began = time.perf_counter()
        page()
        say(len(opened), (time.perf_counter() - began) * 1000)


def late():
    """Counted by 3 workers and on the page."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = PATH
    counter = prom.Counter("c", "")
    for _ in range(3):
        worker(counter.inc, 100)
    say(300, sample(page(), "c_total"))


def shown():
    return sum(line.startswith(("g{", "g ")) for line in page().splitlines())


def dead():
    """Values of workers that have ended."""
    gauge = prom.Gauge("g", "", multiprocess_mode="liveall")
    for _ in range(3):
        worker(gauge.set, 5)
    say(shown() - 1)  # our own


def hooks():
    """The sum of those who live, when all were killed."""
    gauge = prom.Gauge("g", "", multiprocess_mode="livesum")

    def work():
        atexit.register(multiprocess.mark_process_dead, os.getpid())
        gauge.set(3)
    for _ in range(3):
        killed(work)
    say(sample(page(), "g"))


def labels():
    """Values of a gauge as it is by default."""
    gauge = prom.Gauge("g", "")
    for _ in range(20):
        worker(gauge.set, 1)
    say(shown() - 1)


def forks():
    """Children of a parent whose threads count; and how many hang."""
    counter = prom.Counter("c", "")

    def count():
        while True:
            counter.inc()
    for _ in range(2):
        threading.Thread(target=count, daemon=True).start()
    # In fives, until one of them hangs, which is a matter of chance.
    n, hung = 0, 0
    while hung == 0 and n < 100:
        children = []
        for _ in range(5):
            children.append(os.fork())
            if children[-1] == 0:
                signal.setitimer(signal.ITIMER_REAL, 0.3)
                counter.inc()
                os._exit(0)
        n += len(children)
        hung += sum(os.waitpid(child, 0)[1] == signal.SIGALRM
                    for child in children)
    say(n, hung)


def exemplars():
    """How many a page has of 3."""
    histogram = prom.Histogram("h", "")
    for i in range(3):
        killed(histogram.observe, 10 ** -i, {"trace_id": "0af7651916cd43dd"})
    say(page(exposition.generate_latest).count(" # {"))


def removed():
    """A label set that was removed."""
    counter = prom.Counter("c", "", ("l",))
    counter.labels("x").inc()
    counter.remove("x")
    say(page().count("c_total{"))


def kinds():
    """Kinds of 4 that a page has; of native histograms there are none."""
    def work():
        for do in (lambda: prom.Info("i", "").info({"version": "1"}),
                   lambda: prom.Enum("s", "", states=["on"]).state("on"),
                   lambda: prom.Counter("c", "").inc()):
            try:
                do()
            except ValueError:
                pass
    killed(work)
    text = page(exposition.generate_latest)
    say(sum(words in text for words in ("i_info{", "s{", "c_created")))


def denied():
    """Whether counting raises, where there are no rights."""
    try:
        prom.Counter("c", "").inc()
    except OSError:
        say(1)
    else:
        say(0)


def pids():
    """Counted by 2 workers, and on the page; both are process 1."""
    values.ValueClass = values.MultiProcessValue(lambda: 1)
    counter = prom.Counter("c", "")
    for _ in range(2):
        worker(counter.inc, 100)
    say(200, sample(page(), "c_total"))


def torn():
    """Pages, and those whose histogram contradicts itself."""
    histogram = prom.Histogram("h", "")
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        histogram.observe(1)
        os.write(told, b"x")
        while True:
            histogram.observe(1)
    os.read(ready, 1)
    pages = bad = 0
    while bad < 20 and pages < 5000:
        pages += 1
        text = page()
        bad += sample(text, "h_sum") != sample(text, "h_count")
    os.kill(child, signal.SIGKILL)
    say(pages, bad)


def spoiled():
    """Families on a page, when a key in one of the files is nonsense."""
    prom.Counter("a", "").inc()
    prom.Gauge("b", "").inc()
    with open(glob.glob(PATH + "/counter*")[0], "r+b") as file:
        file.seek(12)
        file.write(b"nonsense")
    try:
        say(page().count("# TYPE"))
    except ValueError:
        say(0)


if __name__ == "__main__":
    signal.alarm(60)
    globals()[sys.argv[1]]()
