#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""How a store grows: the tables of SCALE.md.

scale.py BUILDDIR [--quick]

Runs BUILDDIR/bench/scale on three small stores, takes from them what a series
and a lane cost, predicts larger stores, and measures those that this machine
can make, to compare.  More lanes than CPUs need a file of our own mounted over
/sys/devices/system/cpu/online, by unshare(1); where that is not allowed those
rows are left out and it is said.  Text in Markdown on standard output.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time

ONLINE = "/sys/devices/system/cpu/online"
SMALL = 20000
# What is made of the constants: field, its words, divisor, unit.
TIMES = [("changed_ns", "checkpoint, all changed", 1e6, "ms"),
         ("idle_ns", "checkpoint, none changed", 1e6, "ms"),
         ("page_ns", "page", 1e6, "ms")]
SIZES = [("cells_bytes", "shared memory", 2.0 ** 20, "MiB"),
         ("map_bytes", "map", 2.0 ** 20, "MiB"),
         ("page_bytes", "page", 1e6, "MB")]


class Refused(Exception):
    pass


def cpu_model():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def measure(build, series, lanes, atomic):
    """One store, made and measured in a process of its own."""
    command = [os.path.join(build, "bench", "scale"), str(series),
               str(atomic)]
    with tempfile.NamedTemporaryFile("w") as online:
        if lanes != os.cpu_count():
            online.write("0-%d\n" % (lanes - 1))
            online.flush()
            script = 'mount --bind "$0" %s && exec "$@"' % ONLINE
            command = ["unshare", "-m", "sh", "-c", script,
                       online.name] + command
        done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise Refused("%d series, %d lanes: not to be made here"
                      % (series, lanes))
    out = {}
    for line in done.stdout.decode().splitlines():
        name, value = line.split("\t")
        out[name] = float(value)
    if out["lanes"] != lanes or out["atomic_lanes"] != atomic:
        raise Refused("%d lanes were wanted, there are %d"
                      % (lanes, out["lanes"]))
    return out


class Model:
    """Of each field: series * (each + lanes * lane + atomic * catomic)."""

    def __init__(self, build):
        cpus = os.cpu_count()
        self.cpus = cpus
        few = measure(build, SMALL, cpus, 1)
        more_atomic = measure(build, SMALL, cpus, 17)
        more = measure(build, SMALL, cpus + 14, 1)
        self.const = {}
        for field, _, _, _ in TIMES + SIZES:
            lane = (self.grown(more, field) - self.grown(few, field)) / 14
            atomic = (self.grown(more_atomic, field)
                      - self.grown(few, field)) / 16
            if field in ("map_bytes", "page_bytes"):
                lane = atomic = 0.0
            each = self.grown(few, field) - lane * cpus - atomic
            self.const[field] = (each, lane, atomic)
        self.budget = few["budget_bytes"]
        self.map_limit = few["map_limit_bytes"]

    @staticmethod
    def grown(out, field):
        base = out["empty_bytes"] if field == "cells_bytes" else 0
        return (out[field] - base) / SMALL

    @staticmethod
    def empty(lanes):
        """Rings share 4 MiB, 64 KiB each at least, 1 MiB at most."""
        ring = 1 << 16
        while ring < 1 << 20 and ring * 2 * lanes <= 4 << 20:
            ring *= 2
        return ring * lanes + (200 << 10)

    def tell(self, field, series, lanes, atomic=1):
        each, lane, catomic = self.const[field]
        value = series * (each + lanes * lane + atomic * catomic)
        return value + (self.empty(lanes) if field == "cells_bytes" else 0)


def number(x):
    return "%.3g" % x if x < 1000 else "%.0f" % x


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join(["---"] + ["---:"] * (len(head) - 1)) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def constants(model):
    print("## Constants\n")
    rows = []
    for field, words, _, _ in SIZES + TIMES:
        unit = "ns" if field.endswith("_ns") else "bytes"
        rows.append(["%s, %s" % (words, unit)]
                    + [number(x) for x in model.const[field]])
    table(["of each series", "alone", "each rseq lane", "each atomic lane"],
          rows)


def check(model, build, quick):
    print("## Predicted and measured\n")
    cpus = model.cpus
    stores = [(100000, cpus, 1), (50000, 64, 1), (50000, cpus, 64),
              (20000, 256, 1)]
    if not quick:
        stores += [(100000, 256, 1), (1000000, cpus, 1)]
    rows = []
    refused = []
    for series, lanes, atomic in stores:
        try:
            out = measure(build, series, lanes, atomic)
        except Refused as error:
            refused.append(str(error))
            continue
        for field, words, divisor, unit in SIZES + TIMES:
            told = model.tell(field, series, lanes, atomic)
            rows.append(["%d, %d + %d: %s" % (series, lanes, atomic, words),
                         "%s %s" % (number(told / divisor), unit),
                         "%s %s" % (number(out[field] / divisor), unit),
                         "%+.0f %%" % ((told / out[field] - 1) * 100)])
        print("%d series, %d + %d lanes: measured" % (series, lanes, atomic),
              file=sys.stderr)
    table(["series, rseq + atomic lanes", "predicted", "measured", "error"],
          rows)
    for words in refused:
        print("Left out: %s.\n" % words)


def breaks(model, series, lanes):
    out = []
    cells = model.tell("cells_bytes", series, lanes)
    if cells > model.budget:
        out.append("tmpfs of %s GiB" % number(cells * 4 / 2.0 ** 30))
    if model.tell("map_bytes", series, lanes) > model.map_limit:
        out.append("map full")
    if model.tell("changed_ns", series, lanes) > 1e9:
        out.append("checkpoint > 1 s")
    if model.tell("page_ns", series, lanes) > 9.5e9:
        out.append("page > 9.5 s")
    return ", ".join(out) or "-"


def grown(model):
    print("## Extrapolated\n")
    rows = []
    for series in (10000, 100000, 1000000, 10000000):
        for lanes in (2, 16, 64, 128, 256):
            rows.append(["%d, %d" % (series, lanes)]
                        + ["%s %s" % (number(model.tell(f, series, lanes)
                                             / d), u)
                           for f, _, d, u in SIZES + TIMES]
                        + [breaks(model, series, lanes)])
    table(["series, lanes"] + [w for _, w, _, _ in SIZES + TIMES]
          + ["breaks"], rows)


def simulate(model, series, lanes, share, scrape_s, seconds=600):
    """pdc-serve in time: a checkpoint a second, a page each scrape_s, one
    after the other in one CPU; the share of the time that it works, and how
    old a checkpoint gets."""
    none = model.tell("idle_ns", series, lanes) / 1e9
    every = model.tell("changed_ns", series, lanes) / 1e9
    page = model.tell("page_ns", series, lanes) / 1e9
    now = busy = last = oldest = 0.0
    due_page = scrape_s
    while now < seconds:
        passed = max(now - last, 1.0)
        changed = 1 - (1 - share) ** passed
        work = none + max(every - none, 0) * changed
        oldest = max(oldest, now + work - last)
        last = now
        busy += work
        now += work
        if now >= due_page:
            busy += page
            now += page
            due_page = max(due_page + scrape_s, now)
        now = max(now, last + 1.0)
    return busy / now, oldest


def simulated(model):
    print("## Simulated: ten minutes of pdc-serve\n")
    rows = []
    for series, lanes in ((100000, 2), (100000, 64), (1000000, 2),
                          (1000000, 64), (1000000, 256), (10000000, 64)):
        for share in (0.01, 0.5):
            busy, oldest = simulate(model, series, lanes, share, 15.0)
            rows.append(["%d, %d" % (series, lanes), "%.0f %%" % (share * 100),
                         "%s %%" % number(busy * 100),
                         "%s s" % number(oldest)])
    table(["series, lanes", "changed each second", "one CPU, busy",
           "oldest checkpoint"], rows)


def main():
    words = [word for word in sys.argv[1:] if word != "--quick"]
    if len(words) != 1:
        sys.exit("usage: scale.py BUILDDIR [--quick]")
    print("%s, %d CPUs, Linux %s, %s\n"
          % (cpu_model(), os.cpu_count(), platform.release(),
             time.strftime("%Y-%m-%d")))
    model = Model(words[0])
    constants(model)
    check(model, words[0], "--quick" in sys.argv)
    grown(model)
    simulated(model)


if __name__ == "__main__":
    main()
