#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The same random script into libpdc and into prometheus_client.

Both pages, read by prometheus_client's parser, must have the same families and
samples.  Numbers are equal, but for the sums of many amounts: libpdc adds up by
CPU, so these may differ by the rounding of another order.  PDC_SEED=N repeats a
run, PDC_SEEDS=N makes N random ones.  Prints TAP.

Two things of the official client are left out: it hides the _sum of a histogram
with a negative bound, and writes bounds of 1e10 and more, and of -1e6 and less,
in a way of its own.
"""
import ctypes as c
import functools
import math
import os
import random
import sys
import threading

import prometheus_client as official
from prometheus_client.parser import text_string_to_metric_families

from libpdc import (
    CHILD_S, Desc, Key, Label, Store, ended, limit, run, strings)

OPERATIONS = 4000
BREAKS = 8  # pages compared in the course of a script
BELOW = "t_below"
HOSTILE = [
    "", " ", "  lead", "trail  ", "\t", "\r", "\r\n", "\n", "\n\n", "\\",
    "\\\\", "\\n", "\\\n", "\\\\n", '"', '""', '\\"', '"\\', '\\\\"', 'a"b\\',
    "{", "}", "{}", '{a="b"}', ",", "=", '",b="', "#", "# HELP x y", "# EOF",
    "+Inf", "NaN", "1 2", "'", "%s%n", "$(x)", "\x01", "\x1b[0m", "\x7f",
    "\u00e9", "e\u0301", "\u65e5\u672c", "\U0001f642", "\u2028", "\u0085",
    "\ufeff", "\ufffd", "\uffff", "\U0010ffff", "le", "x" * 1500,
    "\u00e9" * 700, '"\\\n' * 400,
]


class Family:
    """What is declared in both, and the amounts that went into its sums."""

    def __init__(self, kind, name, text, labels=(), bounds=None):
        self.kind, self.name, self.text = kind, name, text
        self.labels, self.bounds = labels, bounds
        self.values = []


class Theirs:
    def __init__(self, families):
        self.registry = official.CollectorRegistry()
        self.made = [self.declare(family) for family in families]

    def declare(self, family):
        kind = {"counter": official.Counter, "gauge": official.Gauge,
                "summary": official.Summary,
                "histogram": official.Histogram}[family.kind]
        more = {"buckets": family.bounds} if family.bounds else {}
        return kind(family.name, family.text, family.labels,
                    registry=self.registry, **more)

    def do(self, number, values, action, amount):
        metric = self.made[number]
        child = metric.labels(*values) if values else metric
        try:
            getattr(child, action)(amount)
        except ValueError:
            pass  # a negative amount for a counter: a no-op in libpdc

    def page(self):
        return official.generate_latest(self.registry).decode()


class Ours(Store):
    """libpdc, by every way it may be called."""
    KINDS = {"counter": 1, "gauge": 2, "summary": 3, "histogram": 4}

    def __init__(self, families, pdc, path):
        self.families = families
        super().__init__(pdc, path)

    def open(self):
        super().open()
        self.made = [self.declare(self.desc(f)) for f in self.families]

    def reopen(self):
        self.close()
        self.open()

    def desc(self, family):
        desc = Desc(type=self.KINDS[family.kind], name=family.name.encode(),
                    help=family.text.encode(), labels=strings(family.labels))
        if family.bounds:
            desc.bounds = (c.c_double * len(family.bounds))(*family.bounds)
            desc.nbounds = len(family.bounds)
        return desc

    def do(self, number, values, action, amount):
        series = self.labels(self.made[number], values)
        getattr(self.pdc, "pdc_" + action)(series, amount)
        if amount > 0.5:
            self.pdc.pdc_series_free(series)

    def do_by_name(self, number, values, action, amount):
        family = self.families[number]
        if family.kind == "counter" and amount < 0:
            # Refused by name, and nothing is made; the official client has
            # made the series before it refuses, as a handle does.
            self.do(number, values, action, amount)
            return
        name = family.name
        if family.kind == "counter" and name.endswith("_total"):
            name = name[:-len("_total")]
        pairs = list(zip(family.labels, values))
        if amount > 1:
            pairs.reverse()
        labels = (Label * len(pairs))(
            *(Label(n.encode(), v.encode()) for n, v in pairs))
        key = Key(name.encode(), b"_total" if family.kind == "counter" else b"",
                  labels, len(pairs))
        if action == "dec":
            action, amount = "inc", -amount
        txn = self.make(self.pdc.pdc_begin, self.store)
        ret = getattr(self.pdc, "pdc_value_" + action)(
            txn, c.byref(key), amount)
        self.check(self.pdc.pdc_commit(txn))
        self.check(ret)


def some_label(rng):
    if rng.random() < 0.7:
        return rng.choice(HOSTILE)
    return "".join(rng.choice('ab"\\\n{},= \u00e9') for _ in range(
        rng.randrange(12)))


def some_families(rng):
    own = sorted({round(rng.uniform(0, 50), rng.randrange(6))
                  for _ in range(rng.randrange(1, 40))})
    wide = [1e-9, 2.5e-5, 0.001, 1.0, 12345.678, 1e6, 1234567.5, 2.5e9]
    below = [-1234.5, -1.0, -0.25, 0.0, 2.0]
    text = 'Quoted "so", \\ and \\n,\nand a second line \u00e9.'
    families = [
        Family("counter", "t_requests", text, ("path", "who")),
        Family("counter", "t_ticks_total", "Has its suffix already."),
        Family("gauge", "t_level", "A level.", ("path",)),
        Family("gauge", "t_temperature_celsius", "\\"),
        Family("summary", "t_size_bytes", "Sizes.", ("who", "path")),
        Family("summary", "t_plain", "No labels."),
        Family("histogram", "t_default_seconds", "Default.", ("path",)),
        Family("histogram", "t_own", "Own bounds.", ("a", "b"), own),
        Family("histogram", "t_one", "One bound.", (), [1.0]),
        Family("histogram", BELOW, "Negative bounds.", ("path",), below),
        Family("histogram", "t_wide", "Wide bounds.", ("path",), wide),
    ]
    for family in families:
        family.values = [tuple(some_label(rng) for _ in family.labels)
                         for _ in range(25 if family.labels else 1)]
    return families


def some_amount(rng, family, action):
    what = rng.random()
    if what < 0.2:
        return float(rng.randrange(10))
    if what < 0.6:
        return rng.random() * 10
    if what < 0.8 and family.kind == "histogram" and family.bounds:
        return rng.choice(family.bounds)  # the bound belongs to the bucket
    if what < 0.9:
        return 10 ** rng.uniform(-20, 20)
    if what < 0.93:
        return rng.choice([0.0, -0.0, 5e-324, 1e-300, 1e300, 2.0 ** 53])
    if what < 0.94 and action in ("set", "observe"):
        return rng.choice([math.inf, -math.inf])
    if what < 0.95 and action == "set":
        return math.nan
    return -rng.random() * 10


def some_operation(rng, families):
    number = rng.randrange(len(families))
    family = families[number]
    action = {"counter": ["inc"], "gauge": ["inc", "dec", "set"],
              "summary": ["observe"], "histogram": ["observe"]}[family.kind]
    action = rng.choice(action)
    return (number, rng.choice(family.values), action,
            some_amount(rng, family, action))


def in_child(ours, batch):
    child = os.fork()
    if child == 0:
        status = 1
        limit(CHILD_S)
        try:
            for operation in batch:
                ours.do(*operation)
            status = 0
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    if status != 0:
        raise OSError("a child failed with %d" % status)


def in_thread(ours, batch):
    thread = threading.Thread(
        target=lambda: [ours.do(*operation) for operation in batch])
    thread.start()
    thread.join()
    ended()


def run_batch(ours, batch, way):
    """In the order of the script, by one of the ways."""
    if way == "child":
        in_child(ours, batch)
    elif way == "thread":
        in_thread(ours, batch)
    elif way == "name":
        for operation in batch[:20]:
            ours.do_by_name(*operation)
        for operation in batch[20:]:
            ours.do(*operation)
    else:
        if way == "checkpoint":
            ours.checkpoint()
        elif way == "reopen":
            ours.reopen()
        for operation in batch:
            ours.do(*operation)


@functools.lru_cache(maxsize=2)  # both are often what they were just before
def parsed(page):
    """Families and samples; what tells when a series was created is left."""
    families, samples = {}, {}
    for family in text_string_to_metric_families(page):
        if family.name.startswith("pdc_") or family.name.endswith("_created"):
            continue
        families[family.name] = (family.type, family.documentation)
        for sample in family.samples:
            if sample.name == BELOW + "_sum":
                continue
            key = (sample.name, frozenset(sample.labels.items()))
            if key in samples:
                raise ValueError("twice on a page: %r" % (key,))
            samples[key] = sample.value
    return families, samples


def same(a, b, tolerance):
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= tolerance


def differences(ours, theirs, added):
    """added[key]: the magnitude of what went into a sum."""
    ours_f, ours_s = parsed(ours)
    theirs_f, theirs_s = parsed(theirs)
    for name in sorted(set(ours_f) | set(theirs_f)):
        if ours_f.get(name) != theirs_f.get(name):
            yield "%s: %r, official %r" % (
                name, ours_f.get(name), theirs_f.get(name))
    for key in set(ours_s) | set(theirs_s):
        a, b = ours_s.get(key), theirs_s.get(key)
        if a is None or b is None or not same(a, b, 1e-12 * added.get(key, 0)):
            yield "%s%s: %r, official %r" % (
                key[0], ascii(dict(key[1]))[:200], a, b)


def add_up(added, families, operation):
    number, values, action, amount = operation
    family = families[number]
    suffix = {"counter": "_total", "summary": "_sum",
              "histogram": "_sum"}.get(family.kind)
    if suffix is None or not math.isfinite(amount):
        return
    name = family.name
    if family.kind == "counter" and name.endswith("_total"):
        name = name[:-len("_total")]
    key = (name + suffix, frozenset(zip(family.labels, values)))
    added[key] = added.get(key, 0) + abs(amount)


def compare(pdc, seed, path):
    """The differences, of which there should be none."""
    rng = random.Random(seed)
    families = some_families(rng)
    ours = Ours(families, pdc, os.path.join(path, "store"))
    theirs = Theirs(families)
    cpus = sorted(os.sched_getaffinity(0))
    ways = ["here", "child", "thread", "name", "checkpoint", "reopen"]
    added, done, found = {}, 0, []
    while done < OPERATIONS and not found:
        for _ in range(OPERATIONS // BREAKS // 50):
            batch = [some_operation(rng, families) for _ in range(50)]
            for operation in batch:
                theirs.do(*operation)
                add_up(added, families, operation)
            os.sched_setaffinity(0, {rng.choice(cpus)})
            run_batch(ours, batch, rng.choice(ways))
            os.sched_setaffinity(0, cpus)
            done += len(batch)
        found = list(differences(ours.page(), theirs.page(), added))
        if not found:
            ours.checkpoint()
            found = list(differences(ours.page(), theirs.page(), added))
    ours.close()
    return ["after %d operations: %s" % (done, line) for line in found]


if __name__ == "__main__":
    sys.exit(run("%d random operations" % OPERATIONS, compare))
