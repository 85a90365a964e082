#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A peer: prometheus/pushgateway, a process of its own on the loopback device.

A worker pushes its series to a group of its own; they are not added up.  The
check that the gateway makes of each push against all groups is off: it is the
set-up's, and takes minutes for 1000 workers.  A scrape is a GET over one
connection.
"""
import http.client
import os
import re
import shutil
import subprocess
import time

import peer

PROGRAM = "prometheus-pushgateway"
LISTENS = re.compile(r'msg="Listening on" address=127\.0\.0\.1:(\d+)')


def start():
    """The gateway, on a port that the kernel chose.  Returns the port."""
    if shutil.which(PROGRAM) is None:
        peer.missing("prometheus-pushgateway")
    path = os.path.join(peer.bench_dir(), "log")
    with open(path, "w") as log:
        gateway = subprocess.Popen(
            [PROGRAM, "--web.listen-address=127.0.0.1:0", "--persistence.file=",
             "--push.disable-consistency-check"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=peer.die_with_parent)
    for _ in range(1000):
        with open(path) as log:
            text = log.read()
        found = LISTENS.search(text)
        if found:
            return int(found.group(1))
        if gateway.poll() is not None:
            break
        time.sleep(0.01)
    peer.fail(1, "the gateway does not listen: " + text)


def ask(method, path, body=None):
    connection.request(method, path, body)
    answer = connection.getresponse()
    page = answer.read()
    if answer.status not in (200, 202):
        peer.fail(1, "%s %s: %d" % (method, path, answer.status))
    return page


def scrapes(ngroups):
    """What was pushed last need not be there yet."""
    while ask("GET", "/metrics").count(b"\npush_time_seconds{") < ngroups:
        time.sleep(0.1)

    def work(n):
        for _ in range(n):
            ask("GET", "/metrics")
    return peer.timed(work), lambda: len(ask("GET", "/metrics"))


def churn(nworkers):
    body = "# TYPE requests_total counter\n" + "".join(
        'requests_total{path="%s"} 1\n' % path for path in peer.CHURN_PATHS)
    for i in range(nworkers + 1):
        ask("PUT", "/metrics/job/bench/worker/%d" % i, body)
    return scrapes(nworkers + 1)


def scrape(nseries):
    lines = []
    for i in range(peer.FAMILIES):
        lines.append("# TYPE family%d_total counter\n" % i)
        lines += ['family%d_total{method="GET",path="/some/path/%d"} %d\n'
                  % (i, j, j + 1) for j in range(nseries // peer.FAMILIES)]
    ask("PUT", "/metrics/job/bench", "".join(lines))
    return scrapes(1)


setup = peer.scenario({"churn": churn, "scrape": scrape})
connection = http.client.HTTPConnection("127.0.0.1", start())
peer.main(setup)
