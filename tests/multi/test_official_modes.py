#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The same random lives of workers into libpdc and into prometheus_client.

Workers are forked, set gauges of every mode by both libraries, and are killed
with SIGKILL; the official client is told of that with mark_process_dead(), pdc
is not.  Both pages must be the same, before a checkpoint folds the dead and
after it.  PDC_SEED=N repeats a run, PDC_SEEDS=N makes N random ones.  Prints
TAP.

The official client labels a value of the modes all and liveall by its pid, pdc
by a slot, which another worker has later: the official samples are read by the
slots, the later worker before the earlier one.  Modes that the client is too
old for are compared with the rule of the later versions.
"""
import json
import math
import os
import random
import shutil
import signal
import sys
import tempfile

TOP = tempfile.mkdtemp()
os.environ["PROMETHEUS_MULTIPROC_DIR"] = TOP

import prometheus_client as official  # noqa: E402
from prometheus_client import multiprocess  # noqa: E402
from prometheus_client.parser import (  # noqa: E402
    text_string_to_metric_families)
from libpdc import (  # noqa: E402
    CHILD_S, Desc, Store, limit, run, strings)

OPERATIONS = int(os.environ.get("PDC_OPERATIONS", "300"))
MODES = ["all", "liveall", "min", "livemin", "max", "livemax", "sum",
         "livesum", "mostrecent", "livemostrecent"]
NUMBERS = {mode: number for number, mode in enumerate(MODES, 1)}
GAUGE = 2
LABELS = [("a",), ("b",), ("",)]


class Ours(Store):
    """The parent's side of libpdc."""

    def open(self):
        super().open()
        self.made = {
            mode: self.declare(Desc(type=GAUGE, mode=NUMBERS[mode],
                                    name=("g_" + mode).encode(),
                                    labels=strings(["x"])))
            for mode in MODES}

    def do(self, mode, values, action, amount):
        series = self.labels(self.made[mode], values)
        getattr(self.pdc, "pdc_" + action)(series, amount)

    def samples(self):
        return {(sample.name, frozenset(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(self.page())
                for sample in family.samples}


class Worker:
    """A forked process that does what it is told by both libraries."""

    def __init__(self, ours, theirs):
        to_r, self.to = os.pipe()
        self.of, of_w = os.pipe()
        self.slot = None
        self.pid = os.fork()
        if self.pid == 0:
            limit(CHILD_S)
            with os.fdopen(to_r) as orders:
                for line in orders:
                    mode, values, action, amount = json.loads(line)
                    ours.do(mode, values, action, amount)
                    if mode in theirs:
                        child = theirs[mode].labels(*values)
                        getattr(child, action)(amount)
                    os.write(of_w, b".")
            os._exit(0)
        os.close(to_r)
        os.close(of_w)

    def tell(self, *order):
        os.write(self.to, (json.dumps(order) + "\n").encode())
        if os.read(self.of, 1) != b".":
            raise OSError("a worker has failed")

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.to)
        os.close(self.of)


class Lives:
    """All workers of a script, and what pdc is to show."""

    def __init__(self, ours, rng, path):
        self.ours, self.rng, self.path = ours, rng, path
        registry = official.CollectorRegistry()
        self.theirs = {
            mode: official.Gauge("g_" + mode, "", ["x"], registry=registry,
                                 multiprocess_mode=mode)
            for mode in MODES if mode in official.Gauge._MULTIPROC_MODES}
        self.alive, self.slots = [], {}  # slots: pid -> (slot, when)
        self.sets = []  # of the modes the official client has not

    def claim(self, worker):
        """The lowest slot that nobody has who lives."""
        if worker.pid in self.slots:
            return
        held = {self.slots[w.pid][0] for w in self.alive
                if w.pid in self.slots}
        slot = next(n for n in range(4096) if n not in held)
        self.slots[worker.pid] = (slot, len(self.slots))

    def step(self):
        rng = self.rng
        choice = rng.random()
        if not self.alive or (choice < 0.05 and len(self.alive) < 6):
            self.alive.append(Worker(self.ours, self.theirs))
        elif choice < 0.09:
            worker = self.alive.pop(rng.randrange(len(self.alive)))
            worker.kill()
            multiprocess.mark_process_dead(worker.pid, self.path)
        elif choice < 0.12:
            self.ours.checkpoint()
        else:
            worker = rng.choice(self.alive)
            mode = rng.choice(MODES)
            action = rng.choice(["set", "set", "inc", "dec"])
            if "mostrecent" in mode:
                action = "set"
            amount = rng.randrange(-40, 41) / 4
            values = rng.choice(LABELS)
            if mode != "mostrecent":  # one value for all
                self.claim(worker)
            worker.tell(mode, values, action, amount)
            if mode not in self.theirs:
                self.sets.append((mode, values, worker.pid, amount))

    def want(self):
        """The samples of the official client, in the form of pdc's."""
        samples, at = {}, {}
        collector = multiprocess.MultiProcessCollector(None, self.path)
        for family in collector.collect():
            for sample in family.samples:
                labels, pid = dict(sample.labels), sample.labels.get("pid")
                when = 0
                if pid is not None:
                    del labels["pid"]
                    slot, when = self.slots[int(pid)]
                    labels["slot"] = str(slot)
                key = (sample.name, frozenset(labels.items()))
                if when >= at.get(key, 0):
                    samples[key], at[key] = sample.value, when
        living = {worker.pid for worker in self.alive}
        for mode, values, pid, amount in self.sets:
            if mode == "mostrecent" or pid in living:
                samples["g_" + mode, frozenset({("x", values[0])})] = amount
        return samples

    def differences(self):
        want, have = self.want(), self.ours.samples()
        for key in sorted(set(want) | set(have), key=str):
            a, b = want.get(key), have.get(key)
            if a != b and not (a is not None and b is not None and
                               math.isnan(a) and math.isnan(b)):
                yield "%s%s: %r, official %r" % (key[0], dict(key[1]), b, a)


def compare(pdc, seed, path):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.path.join(path, "official")
    os.mkdir(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    ours = Ours(pdc, os.path.join(path, "store"))
    lives = Lives(ours, random.Random(seed),
                  os.environ["PROMETHEUS_MULTIPROC_DIR"])
    found, done = [], 0
    while done < OPERATIONS and not found:
        for _ in range(20):
            lives.step()
        done += 20
        found = list(lives.differences())
        if not found and lives.rng.random() < 0.5:
            ours.checkpoint()
            found = ["folded: " + line for line in lives.differences()]
    for worker in lives.alive:
        worker.kill()
    ours.close()
    return ["after %d operations: %s" % (done, line) for line in found]


if __name__ == "__main__":
    failed = run("%d operations of workers" % OPERATIONS, compare)
    shutil.rmtree(TOP)
    sys.exit(failed)
