# SPDX-License-Identifier: ISC
"""Who takes part in bench.py, and in what."""


class Peer:
    """A program of peers/, built ({build}) or in the source ({src}).

    workers says what `same` and `own` have several of.
    """

    def __init__(self, command, workers="processes"):
        self.command, self.workers = command.split(), workers


PEERS = {
    "pdc": Peer("{build}/pdc cell"),
    "pdc, atomic lane": Peer("{build}/pdc atomic"),
    "pdc, a series each": Peer("{build}/pdc apart"),
    "pdc, transaction by name": Peer("{build}/pdc name"),
    "plain add": Peer("{build}/floor plain"),
    "lock xadd": Peer("{build}/floor xadd"),
    "compare-and-swap": Peer("{build}/floor cas"),
    "16-byte compare-and-swap": Peer("{build}/floor cas16"),
    "LMDB, get and put": Peer("{build}/lmdb bare"),
    "LMDB, the calls of pdc": Peer("{build}/lmdb calls"),
    "SQLite": Peer("{build}/sqlite"),
    "client_python": Peer("/usr/bin/python3 {src}/client_python.py"),
    "client-mmap (Ruby)": Peer("ruby {src}/ruby_mmap.rb"),
    "Tiny::Shared (Perl)": Peer("perl {src}/perl_shared.pl"),
    "prometheus-cpp": Peer("{build}/prometheus_cpp", "threads"),
    "client_golang": Peer("{build}/golang", "threads"),
    "VictoriaMetrics/metrics": Peer("{build}/victoria", "threads"),
    "prom-client (Node.js)": Peer("node {src}/prom_client.js"),
    "pdc_log": Peer("{build}/journal pdc"),
    "write(2), O_APPEND": Peer("{build}/journal write"),
    "syslog(3)": Peer("{build}/journal syslog"),
    "LMDB, a transaction": Peer("{build}/lmdb lines"),
    "SQLite, a connection": Peer("{build}/sqlite"),
    "pdc-serve": Peer("{build}/serve pdc"),
    "nginx, a file": Peer("{build}/serve nginx"),
    "cat, a file": Peer("{build}/serve cat"),
    "Redis": Peer("{build}/redis"),
    "APCu (PHP)": Peer("php -d apc.enable_cli=1 {src}/apcu.php"),
    "pushgateway": Peer("/usr/bin/python3 {src}/pushgateway.py"),
}

LIBRARIES = ("prometheus-cpp", "client_golang", "VictoriaMetrics/metrics",
             "prom-client (Node.js)")
SHARED = ("client_python", "client-mmap (Ruby)", "Tiny::Shared (Perl)")
ONE = ("pdc", "pdc, atomic lane", "pdc, transaction by name")
STORES = ("LMDB, get and put", "SQLite")
FLOORS = ("lock xadd", "compare-and-swap", "16-byte compare-and-swap")
SAME = ONE + ("pdc, a series each",) + FLOORS + STORES + SHARED + LIBRARIES
OWN = ONE[:2] + FLOORS + SHARED + LIBRARIES
SERVERS = ("Redis", "APCu (PHP)")
CHURN = ("pdc",) + SHARED + ("pushgateway",)
LOG = ("pdc_log", "write(2), O_APPEND", "syslog(3)", "LMDB, a transaction",
       "SQLite, a connection")
SCRAPE = ("pdc",) + SHARED + LIBRARIES + ("pushgateway",)


class Scenario:
    """words is what the program gets; the operations of a turn are counted
    unless they are pages.  once: a turn is one operation.  group: numbers of
    workers of the same are compared in the same rounds.  lines: an operation
    is so many, and what is told is the time of one."""

    def __init__(self, name, title, peers, quick=True, workers=1, lines=1):
        self.name, self.title, self.peers = name, title, peers
        self.quick, self.workers, self.lines = quick, workers, lines
        self.words = name.split()
        self.counts = self.words[0] in ("inc", "labels", "observe", "same",
                                        "own", "log", "burst", "serve")
        self.once = self.words[0] in ("checkpoint", "expire", "burst")
        self.group = "same" if self.words[0] == "same" else name


def processes(what, title, quick):
    return [Scenario("%s %d" % (what, n), title % n,
                     SAME + SERVERS if what == "same" else OWN + SERVERS,
                     n in quick, n) for n in (1, 2, 4)]


SCENARIOS = [
    Scenario("inc", "an increment of a counter, by its handle",
             ONE[:1] + ("plain add", "lock xadd", "compare-and-swap",
                        "pdc, atomic lane", "16-byte compare-and-swap",
                        "pdc, transaction by name", "LMDB, the calls of pdc")
             + STORES + ("client_python",) + LIBRARIES),
    Scenario("labels", "an increment of a counter, found by two labels",
             ONE[:1] + SHARED + LIBRARIES + SERVERS),
    Scenario("observe", "an observation into 15 buckets",
             ONE[:2] + SHARED + LIBRARIES),
    *processes("same", "an increment of one counter by each of %d workers",
               (1, 2)),
    *processes("own", "an increment of a counter of its own by each of %d "
               "workers", (2,)),
    *[Scenario("churn %d" % n, "a page of 110 series, after %d workers have "
               "died" % n, CHURN, n in (0, 100))
      for n in (0, 100, 1000, 10000)],
    *[Scenario("scrape %d" % n, "a page of %d series" % n, SCRAPE, n == 10000)
      for n in (10000, 100000, 1000000)],
    Scenario("cluster 10000", "a page of 10000 series that each of 2 workers "
             "has", ("prom-client (Node.js)",)),
    Scenario("log", "a line of 200 bytes appended, and what empties a ring",
             LOG),
    Scenario("burst 1000", "a line of 200 bytes, of 1000 at once", LOG,
             lines=1000),
    Scenario("serve 100000", "a line of 200 bytes, of 100000 served to one "
             "connection", ("pdc-serve", "nginx, a file", "cat, a file"),
             lines=100000),
    Scenario("set", "a set of a gauge", ("pdc",)),
    Scenario("open", "opening and closing a store that is there", ("pdc",)),
    Scenario("first", "the first handle of a new series", ("pdc",)),
    Scenario("resolve", "a handle of a series that is there", ("pdc",)),
    Scenario("checkpoint 10000", "a checkpoint of 10000 changed counters",
             ("pdc",)),
    Scenario("checkpoint 100000", "a checkpoint of 100000 changed counters",
             ("pdc",)),
    Scenario("expire 10000", "the end of a family of 10000 series",
             ("pdc",), quick=False),
]
