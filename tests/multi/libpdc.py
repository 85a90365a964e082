# SPDX-License-Identifier: ISC
"""libpdc by ctypes, and random tests that compare it with another library.

A random test that hangs says where: its seed is printed before it runs, and a
process that takes too long prints what its Python does and is killed.
"""
import ctypes as c
import faulthandler
import os
import random
import shutil
import signal
import sys
import tempfile
import time

CHILD_S = 60  # a child may live
SEED_S = 300  # a seed may take; two of them less than the 900 of make check
SEEDS = int(os.environ.get("PDC_SEEDS", "1"))  # random ones


class Desc(c.Structure):
    _fields_ = [("type", c.c_int), ("mode", c.c_int), ("name", c.c_char_p),
                ("help", c.c_char_p), ("unit", c.c_char_p),
                ("labels", c.POINTER(c.c_char_p)),
                ("states", c.POINTER(c.c_char_p)),
                ("bounds", c.POINTER(c.c_double)), ("nbounds", c.c_size_t),
                ("ttl_s", c.c_double), ("idle_s", c.c_double),
                ("reserved", c.c_uint64 * 8)]


class Label(c.Structure):
    _fields_ = [("name", c.c_char_p), ("value", c.c_char_p)]


class Key(c.Structure):
    _fields_ = [("metric", c.c_char_p), ("suffix", c.c_char_p),
                ("labels", c.POINTER(Label)), ("nlabels", c.c_size_t)]


def load():
    pdc = c.CDLL(os.environ["PDC_LIB"])
    pdc.pdc_error.restype = c.c_char_p
    for name, args in (
            ("pdc_open", [c.c_void_p, c.c_char_p, c.c_void_p]),
            ("pdc_declare", [c.c_void_p] * 3),
            ("pdc_labels", [c.c_void_p] * 3),
            ("pdc_checkpoint", [c.c_void_p]),
            ("pdc_begin", [c.c_void_p] * 2),
            ("pdc_commit", [c.c_void_p]),
            ("pdc_value_inc", [c.c_void_p, c.c_void_p, c.c_double]),
            ("pdc_value_set", [c.c_void_p, c.c_void_p, c.c_double]),
            ("pdc_value_observe", [c.c_void_p, c.c_void_p, c.c_double]),
            ("pdc_render", [c.c_void_p] * 5)):
        getattr(pdc, name).argtypes = args
    for name in ("pdc_inc", "pdc_dec", "pdc_set", "pdc_observe"):
        getattr(pdc, name).argtypes = [c.c_void_p, c.c_double]
        getattr(pdc, name).restype = None
    for name in ("pdc_close", "pdc_series_free", "pdc_free"):
        getattr(pdc, name).argtypes = [c.c_void_p]
        getattr(pdc, name).restype = None
    return pdc


def strings(words):
    return (c.c_char_p * (len(words) + 1))(*(w.encode() for w in words), None)


def limit(seconds):
    """From now on; a forked child needs its own."""
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(seconds)


def ended():
    """Wait until a thread that was joined has ended.

    join() returns before that, and a thread that ends has a lock of the address
    sanitizer's allocator for moments: a child forked then would wait for it for
    ever at its first allocation.
    """
    while os.environ.get("PDC_SAN") and len(os.listdir("/proc/self/task")) > 1:
        time.sleep(0.001)


class Store:
    """A store, and the calls in which it is the matter of all the tests."""

    def __init__(self, pdc, path):
        self.pdc, self.path = pdc, path
        self.open()

    def make(self, function, *args):
        made = c.c_void_p()
        self.check(function(c.byref(made), *args))
        return made.value

    def check(self, ret):
        if ret < 0:
            raise OSError("%d: %s" % (ret, self.pdc.pdc_error().decode()))

    def open(self):
        self.store = self.make(self.pdc.pdc_open, self.path.encode(), None)

    def close(self):
        self.pdc.pdc_close(self.store)

    def declare(self, desc):
        return self.make(self.pdc.pdc_declare, self.store, c.byref(desc))

    def labels(self, family, values):
        return self.make(self.pdc.pdc_labels, family,
                         strings(values) if values else None)

    def checkpoint(self):
        self.check(self.pdc.pdc_checkpoint(self.store))

    def page(self):
        text, length = c.c_void_p(), c.c_size_t()
        self.check(self.pdc.pdc_render(self.store, None, c.byref(text),
                                       c.byref(length), None))
        page = c.string_at(text, length.value).decode()
        self.pdc.pdc_free(text)
        return page


def run(what, compare):
    """TAP; compare(pdc, seed, path) yields differences, or it is the same."""
    seeds = [1] + [random.SystemRandom().randrange(1 << 32)
                   for _ in range(SEEDS)]
    if "PDC_SEED" in os.environ:
        seeds = [int(os.environ["PDC_SEED"])]
    pdc = load()
    failed = 0
    for number, seed in enumerate(seeds, 1):
        print("# seed %d" % seed, flush=True)
        limit(SEED_S)
        path = tempfile.mkdtemp()
        try:
            found = compare(pdc, seed, path)
        except (OSError, ValueError) as error:
            found = [repr(error)]
        finally:
            shutil.rmtree(path)
        failed += bool(found)
        print("%sok %d - %s are the same to both, seed %d" % (
            "not " if found else "", number, what, seed))
        for line in found[:20]:
            print("# " + line.replace("\n", "\\n"))
        sys.stdout.flush()
    print("1..%d" % len(seeds))
    return failed > 0
