#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A peer: prometheus/client_python in its mode for several processes.

Each process has a file of its own, a collector adds up what is in the files of
all that ever were.
"""
import itertools
import os

import peer

os.environ["PROMETHEUS_MULTIPROC_DIR"] = peer.bench_dir()
try:
    from prometheus_client import (CollectorRegistry, Counter, Histogram,
                                   generate_latest)
    from prometheus_client.multiprocess import MultiProcessCollector
except ImportError:
    peer.missing("python3-prometheus-client")

registry = CollectorRegistry()
MultiProcessCollector(registry)


def total(name):
    return lambda: peer.count(generate_latest(registry).decode(), name)


def repeat(function):
    """function() n times."""
    def work(n):
        call = function
        for _ in itertools.repeat(None, n):
            call()
    return work


def inc():
    hits = Counter("hits_total", "Hits.")
    return peer.timed(repeat(hits.inc)), total("hits_total")


def labels():
    requests = Counter("requests_total", "Requests.", ["method", "code"])
    for code in peer.CODES:
        requests.labels("GET", code)

    def work(n):
        find = requests.labels
        for code in itertools.islice(itertools.cycle(peer.CODES), n):
            find("GET", code).inc()
    return peer.timed(work), total("requests_total")


def observe():
    wait = Histogram("wait_seconds", "Waits.", buckets=peer.BOUNDS)

    def work(n):
        call = wait.observe
        for value in itertools.islice(itertools.cycle(peer.VALUES), n):
            call(value)
    return peer.timed(work), total("wait_seconds_count")


def same(nworkers):
    hits = Counter("hits_total", "Hits.")
    return (peer.together(nworkers, lambda i: repeat(hits.inc)),
            total("hits_total"))


def own(nworkers):
    hits = Counter("hits_total", "Hits.", ["worker"])
    return (peer.together(nworkers, lambda i: repeat(hits.labels(str(i)).inc)),
            total("hits_total"))


def scrapes():
    def work(n):
        for _ in range(n):
            generate_latest(registry)
    return peer.timed(work), lambda: len(generate_latest(registry))


def churn(nworkers):
    requests = Counter("requests_total", "Requests.", ["path"])

    def count_all():
        for path in peer.CHURN_PATHS:
            requests.labels(path).inc()

    count_all()
    peer.churn(nworkers, count_all)
    return scrapes()


def scrape(nseries):
    for i in range(peer.FAMILIES):
        family = Counter("family%d_total" % i, "A family.", ["method", "path"])
        for j in range(nseries // peer.FAMILIES):
            family.labels("GET", "/some/path/%d" % j).inc(j + 1)
    return scrapes()


peer.main(peer.scenario({
    "inc": inc, "labels": labels, "observe": observe, "same": same, "own": own,
    "churn": churn, "scrape": scrape}))
