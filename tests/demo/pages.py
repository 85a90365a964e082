#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What the demonstration knows of pages of metrics.

pages.py watch METRICS_URL STATE_FILE CLIENT_FILE
    Take a page ten times a second until SIGTERM; with the first one makes
    STATE_FILE.watched.  On each the _count of every
    histogram must equal its +Inf bucket, and no counter may be less than on the
    page before.  Every 5 seconds says what was counted since STATE_FILE was
    written, and what the clients say: they are up to a second late, so it is
    verdict that compares.  Status 1 if there were faults.

pages.py verdict METRICS_URL PROMETHEUS_URL LOG_FILE STATE_FILE MAY_CUT
        CLIENT_FILE [WRK_FILE]
    What was counted since STATE_FILE was written (or from 0), against what the
    clients say in their files, against Prometheus, and against the server's own
    log, a line a request, which has one less when a worker is killed before it
    writes it.  STATE_FILE is written anew.  PROMETHEUS_URL and LOG_FILE are ""
    if there is none.  MAY_CUT is "cut", or "equal": then cut must be 0, and the
    log has all.  Status 1 if anything is not exact.

CLIENT_FILE is the output of load.  Only wrk asks for GET of a missing path: its
requests are told from load's by their labels.
"""
import json
import re
import signal
import sys
import time
import urllib.parse
import urllib.request

WRK_CONNECTIONS = 2  # one request of each may be on its way when wrk ends
WRK_SERIES = 'http_requests_total{code="404",method="GET"}'
DURATIONS = "http_request_duration_seconds_count"
SIZES = "http_response_size_bytes_count"
COUNTERS = ("http_requests_total", "http_request_duration_seconds_bucket",
            "http_request_duration_seconds_count",
            "http_request_duration_seconds_sum",
            "http_response_size_bytes_count", "http_response_size_bytes_sum")
NAMES = {"load": "http_requests_total", "wrk": "http_requests_total of wrk",
         "durations": DURATIONS, "sizes": SIZES}
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def fetch(url):
    # Never through a proxy: everything here is on the loopback interface.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        return answer.read().decode()


def key_of(name, labels):
    inside = ",".join('%s="%s"' % pair for pair in sorted(labels.items()))
    return name + "{" + inside + "}" if inside else name


class Page:
    """The samples of a page: self.values[key], self.types[key]."""

    def __init__(self, text):
        self.values = {}
        self.types = {}
        kind = "untyped"
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                kind = line.split(" ")[3]
            if line == "" or line.startswith("#"):
                continue
            series, value = line.rsplit(" ", 1)
            labels = dict(LABEL.findall(series))
            key = key_of(series.split("{")[0], labels)
            self.values[key] = float(value)
            self.types[key] = kind

    def faults(self, before):
        """What is wrong with this page, by itself and after another one."""
        for key, value in self.values.items():
            if self.types[key] == "histogram" and 'le="+Inf"' in key:
                name, labels = key.split("_bucket{")
                labels = dict(LABEL.findall(labels))
                del labels["le"]
                count = self.values.get(key_of(name + "_count", labels))
                if count != value:
                    yield "%s is %r, its _count %r" % (key, value, count)
        for key, value in before.values.items() if before else ():
            if before.types[key] == "gauge":
                continue
            if self.values.get(key, -1) < value:
                yield "%s was %r, then %r" % (key, value, self.values.get(key))

    def http(self):
        return {k: v for k, v in self.values.items() if k.startswith("http_")}

    def counted(self):
        """Of load, of wrk, and what histogram and summary counted."""
        requests = sum(v for k, v in self.values.items()
                       if k.startswith("http_requests_total"))
        wrk = self.values.get(WRK_SERIES, 0)
        durations = sum(v for k, v in self.values.items()
                        if k.split("{")[0] == DURATIONS)
        return {"load": requests - wrk, "wrk": wrk, "durations": durations,
                "sizes": self.values.get(SIZES, 0)}


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def client_figures(path):
    """answered, cut, wrong of load's last line."""
    lines = re.findall(r"answered=(\d+) cut=(\d+) wrong=(\d+)\n", read(path))
    return tuple(map(int, lines[-1])) if lines else (0, 0, 0)


def wrk_figures(path):
    """answered and cut of wrk's report; what it had begun counts as cut."""
    text = read(path)
    answered = re.search(r"(\d+) requests in", text)
    errors = re.search(r"connect \d+, read (\d+), write (\d+)", text)
    cut = WRK_CONNECTIONS
    if errors:
        cut += int(errors.group(1)) + int(errors.group(2))
    return (int(answered.group(1)) if answered else 0), cut


def watch(url, state, client):
    base = json.loads(read(state) or "{}").get("load", 0)
    ending = []
    signal.signal(signal.SIGTERM, lambda *args: ending.append(1))
    page, pages, faults, start, told = None, 0, 0, time.monotonic(), 0
    while not ending:
        try:
            before, page = page, Page(fetch(url))
            found = list(page.faults(before))
            pages += 1
            open(state + ".watched", "w", encoding="utf-8").close()
        except (OSError, ValueError) as error:
            found = ["no page: %s" % error]
        for fault in found[:5] if faults < 50 else ():
            print("  page %d: %s" % (pages, fault), flush=True)
        faults += len(found)
        seconds = time.monotonic() - start
        if page and seconds - told >= 5:
            told += 5
            print("  %4d s, so far: answered at least %d, cut at least %d, "
                  "counted %d; %d pages" % (
                      (seconds,) + client_figures(client)[:2] +
                      (page.counted()["load"] - base, pages)), flush=True)
        time.sleep(0.1)
    print("  %d pages, %d faults in them" % (pages, faults), flush=True)
    return faults > 0 or pages == 0


def prometheus_query(url, query):
    query = urllib.parse.urlencode({"query": query})
    answer = json.loads(fetch(url + "/api/v1/query?" + query))
    samples = {}
    for sample in answer["data"]["result"]:
        labels = sample["metric"]
        name = labels.pop("__name__", "")
        labels.pop("job", None)
        labels.pop("instance", None)
        escaped = {k: v.replace("\\", "\\\\").replace("\n", "\\n")
                   .replace('"', '\\"') for k, v in labels.items()}
        samples[key_of(name, escaped)] = float(sample["value"][1])
    return samples


def settle(metrics, prometheus, enough):
    """The last page, and what Prometheus, if there is one, has of it.

    What a worker counted while it could not reach the store comes with the next
    checkpoint, a connection that nobody took while all were killed is taken
    later, and Prometheus scrapes once a second: this may take a while.
    """
    end = time.monotonic() + 15
    before = None
    while True:
        page = Page(fetch(metrics))
        seen = page.http()
        if prometheus:
            seen = prometheus_query(prometheus, '{__name__=~"http_.*"}')
        same = seen == page.http() == Page(fetch(metrics)).http()
        now = seen if same and enough(page) else None
        if now and now == before or time.monotonic() > end:
            return page, seen
        before = now
        time.sleep(0.5 if now else 0.2)


def judge_prometheus(url, seen, page):
    ups = sum(prometheus_query(url, "sum_over_time(up[1d])").values())
    scrapes = sum(prometheus_query(url, "count_over_time(up[1d])").values())
    resets = sum(
        value for name in COUNTERS for value in prometheus_query(
            url, "sum(resets(%s[1d]))" % name).values())
    differ = sorted(set(seen.items()) ^ set(page.http().items()))
    print("  Prometheus: %d samples, %s; %d scrapes, %d failed, %d resets" % (
        len(seen), "NOT the same" if differ else "the same", scrapes,
        scrapes - ups, resets))
    if differ:
        yield "Prometheus differs in %s" % differ[:4]
    if resets:
        yield "Prometheus saw counters go back"


def bounds(client, wrk):
    """What may have been counted: from answered to answered + cut."""
    answered, cut, _ = client_figures(client)
    more, more_cut = wrk_figures(wrk) if wrk else (0, 0)
    both = (answered + more, answered + cut + more + more_cut)
    return {"load": (answered, answered + cut), "wrk": (more, more + more_cut),
            "durations": both, "sizes": both}


def judge_log(logged, counted, may_cut):
    print("  the server's own log: %d" % logged)
    if logged > counted or may_cut == "equal" and logged < counted:
        yield "%d were counted, and %d logged" % (counted, logged)


def verdict(metrics, prometheus, log, state, may_cut, client, wrk=None):
    base = json.loads(read(state) or "{}")
    limits = bounds(client, wrk)

    def counted(page):
        return {k: v - base.get(k, 0) for k, v in page.counted().items()}

    page, seen = settle(metrics, prometheus, lambda page: all(
        v >= limits[k][0] for k, v in counted(page).items()))
    bad = list(page.faults(None))
    answered, cut, wrong = client_figures(client)
    print("  clients: answered %d, cut %d" % (answered, cut))
    if wrk:
        print("  wrk: answered %d, cut at most %d" % (
            limits["wrk"][0], limits["wrk"][1] - limits["wrk"][0]))
    print("  answered <= counted <= answered + cut:")
    for key, value in counted(page).items():
        low, high = limits[key]
        if key != "wrk" or wrk:
            print("    %-36s %d <= %d <= %d" % (NAMES[key], low, value, high))
        if not low <= value <= high:
            bad.append("%s is not within %d and %d" % (NAMES[key], low, high))
    if wrong:
        bad.append("%d answers had not the status expected" % wrong)
    if may_cut == "equal" and cut:
        bad.append("connections were cut, although nobody was killed")
    if answered == 0:
        bad.append("nothing was answered")
    if prometheus:
        bad += judge_prometheus(prometheus, seen, page)
    lines = read(log).count("\n") if log else 0
    if log:
        bad += judge_log(lines - base.get("log", 0),
                         counted(page)["durations"], may_cut)
    with open(state, "w", encoding="utf-8") as file:
        json.dump(page.counted() | {"log": lines}, file)
    for fault in bad[:10]:
        print("  WRONG: %s" % fault)
    return len(bad) > 0


if __name__ == "__main__":
    try:
        sys.exit({"watch": watch, "verdict": verdict}[sys.argv[1]](
            *sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
