#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Tables and a picture from what bench.py found.

    report.py RESULTS.jsonl

Prints Markdown, and leaves it beside RESULTS.jsonl as .md, and the picture as
.svg: bars on a logarithmic scale, those of pdc dark.
"""

import html
import json
import math
import os
import sys

WIDTH, LEFT, BAR, PANEL = 900, 250, 18, 46


class Results:
    def __init__(self, path):
        self.machine, self.scenarios, self.figures = {}, {}, []
        self.absent = []
        with open(path) as f:
            for line in f:
                self.add(json.loads(line))

    def add(self, entry):
        kind = entry["kind"]
        if kind == "machine":
            self.machine = entry
        elif kind == "result":
            self.scenarios.setdefault(entry["scenario"], []).append(entry)
        elif kind == "figure":
            self.figures.append(entry)
        else:
            self.absent.append(entry)

    def ns(self, scenario, peer):
        """The least that this took, or None."""
        for entry in self.scenarios.get(scenario, []):
            if entry["peer"] == peer:
                return entry["min"]
        return None

    def rate(self, scenario, peer):
        """Of one worker's rate in the same rounds, or None."""
        for entry in self.scenarios.get(scenario, []):
            if entry["peer"] == peer:
                return entry.get("rate")
        return None

    def least(self, scenario):
        """Of those who do the same as pdc: not pdc, no mere instructions."""
        least = None
        for entry in self.scenarios.get(scenario, []):
            if entry["peer"].startswith("pdc") or entry["peer"] in (
                    "plain add", "lock xadd", "compare-and-swap",
                    "16-byte compare-and-swap"):
                continue
            if least is None or entry["min"] < least:
                least = entry["min"]
        return least

    def figure(self, name):
        for entry in self.figures:
            if entry["name"] == name:
                return entry["value"]
        return None


def time_words(ns):
    """Three digits and a unit."""
    for unit in ("ns", "\u00b5s", "ms"):
        if ns < 1000:
            break
        ns /= 1000
    else:
        unit = "s"
    return "%.*f %s" % (max(0, 2 - int(math.log10(max(ns, 1)))), ns, unit)


def counted(entry):
    """Whether what was counted is what was asked for."""
    if "expected" not in entry:
        return ""
    lost = entry["expected"] - entry["total"]
    return "exact" if lost == 0 else "%+.0f" % -lost


def table(results, scenario):
    entries = sorted(results.scenarios[scenario], key=lambda e: e["min"])
    pdc = next((e["min"] for e in entries if e["peer"] in (
        "pdc", "pdc_log", "pdc-serve")), None)
    lines = ["", "**%s: %s**" % (scenario, entries[0]["title"]), "",
             "| | min | median | spread | x pdc | total | |",
             "| --- | ---: | ---: | ---: | ---: | ---: | --- |"]
    for e in entries:
        ratio = "" if pdc is None else "%.3g" % (e["min"] / pdc)
        note = e["workers"] if scenario.split()[0] in ("same", "own") else ""
        if "rate" in e:
            note += ", %.2f of one's rate" % e["rate"]
        lines.append("| %s | %s | %s | %s | %s | %s | %s |" % (
            e["peer"], time_words(e["min"]), time_words(e["median"]),
            time_words(e["spread"]), ratio, counted(e), note))
    return lines


def quotient(a, b):
    return None if a is None or not b else a / b


def targets(r):
    """What pdc is to be: words, what it is, and the bound: below or above."""
    inc = r.ns("inc", "pdc")
    page = r.ns("scrape 10000", "pdc")
    yield ("`pdc_inc`, plain adds", quotient(inc, r.ns("inc", "plain add")),
           "<=", 1.6)
    yield ("`pdc_inc`: prometheus-cpp takes times as long",
           quotient(r.ns("inc", "prometheus-cpp"), inc), ">=", 4)
    yield ("own series, 2 workers: the fastest peer takes",
           quotient(r.least("own 2"), r.ns("own 2", "pdc")), ">=", 2)
    yield ("one series, 2 workers: the fastest peer takes",
           quotient(r.least("same 2"), r.ns("same 2", "pdc")), ">=", 1.4)
    yield ("atomic lane, bare 16-byte compare-and-swaps",
           quotient(r.ns("inc", "pdc, atomic lane"),
                    r.ns("inc", "16-byte compare-and-swap")), "<=", 1.3)
    for n in (2, 4):
        name = "same %d" % n
        yield ("one series, %d processes: of one's rate, each CPU" % n,
               r.rate(name, "pdc"), ">=", 0.9)
        yield ("one series, %d processes: of the rate of a series each" % n,
               quotient(r.rate(name, "pdc"),
                        r.rate(name, "pdc, a series each")), ">=", 0.9)
    yield ("`pdc_observe`: the fastest peer takes",
           quotient(r.least("observe"), r.ns("observe", "pdc")), ">=", 3)
    yield ("labelled: VictoriaMetrics takes",
           quotient(r.ns("labels", "VictoriaMetrics/metrics"),
                    r.ns("labels", "pdc")), ">=", 1)
    yield ("labelled: client_golang takes",
           quotient(r.ns("labels", "client_golang"), r.ns("labels", "pdc")),
           ">=", 3)
    yield ("transaction by name, the LMDB calls it needs",
           quotient(r.ns("inc", "pdc, transaction by name"),
                    r.ns("inc", "LMDB, the calls of pdc")), "<=", 1.5)
    yield ("page of 10000: VictoriaMetrics takes",
           quotient(r.ns("scrape 10000", "VictoriaMetrics/metrics"), page),
           ">=", 1.5)
    yield ("page of 10000: prometheus-cpp takes",
           quotient(r.ns("scrape 10000", "prometheus-cpp"), page), ">=", 4)
    yield ("page of 1000000, of 100 pages of 10000",
           quotient(quotient(r.ns("scrape 1000000", "pdc"), page), 100),
           "<=", 1.1)
    yield ("page after 10000 dead workers, after none",
           quotient(r.ns("churn 10000", "pdc"), r.ns("churn 0", "pdc")),
           "<=", 1.1)
    yield ("checkpoint of 100000, ms",
           quotient(r.ns("checkpoint 100000", "pdc"), 1e6), "<=", 3)


def journal_targets(r):
    log = r.ns("burst 1000", "pdc_log")
    yield "`pdc_log`, ns", log, "<=", 120
    yield ("`pdc_log`: write(2) takes times as long",
           quotient(r.ns("burst 1000", "write(2), O_APPEND"), log), ">=", 5)
    yield ("lines served, of nginx's rate for a file",
           quotient(r.ns("serve 100000", "nginx, a file"),
                    r.ns("serve 100000", "pdc-serve")), ">=", 0.25)


def target_table(results):
    lines = ["", "**Targets**", "", "| | is | wanted | |",
             "| --- | ---: | ---: | --- |"]
    for what, value, sign, bound in (*targets(results),
                                     *journal_targets(results)):
        if value is None:
            continue
        met = value <= bound if sign == "<=" else value >= bound
        lines.append("| %s | %.3g | %s %g | %s |" % (
            what, value, sign, bound, "met" if met else "**not met**"))
    return lines


def markdown(results):
    m = results.machine
    lines = ["%s, %d CPUs, Linux %s, %s, %s" % (
        m["cpu"], m["cpus"], m["kernel"], m["date"], m["mode"])]
    lines += target_table(results)
    for scenario in results.scenarios:
        lines += table(results, scenario)
    if results.figures:
        lines += ["", "**Figures of pdc**", "", "| | |", "| --- | ---: |"]
        lines += ["| %s | %.6g %s |" % (e["name"], e["value"], e["unit"])
                  for e in results.figures]
    if results.absent:
        lines += ["", "**Not measured**", ""]
        lines += ["- %s, %s: %s: %s" % (e["scenario"], e["peer"], e["kind"],
                                        e["why"]) for e in results.absent]
    return "\n".join(lines) + "\n"


def text(x, y, words, extra=""):
    return '<text x="%g" y="%g" %s>%s</text>' % (x, y, extra,
                                                 html.escape(words))


def panel(entries, y):
    """The bars of a scenario, and where the next one begins."""
    entries = sorted(entries, key=lambda e: e["min"])
    low = math.log10(entries[0]["min"]) - 0.3
    high = max(math.log10(entries[-1]["min"]), low + 1)
    out = [text(8, y + 20, entries[0]["title"], 'class="title"')]
    y += 30
    for e in entries:
        long = (math.log10(e["min"]) - low) / (high - low)
        long = 4 + long * (WIDTH - LEFT - 90)
        kind = "pdc" if e["peer"].startswith("pdc") else "peer"
        out += [text(LEFT - 8, y + 13, e["peer"], 'text-anchor="end"'),
                '<rect x="%d" y="%d" width="%.1f" height="%d" class="%s"/>' % (
                    LEFT, y + 1, long, BAR - 4, kind),
                text(LEFT + long + 6, y + 13, time_words(e["min"]))]
        y += BAR
    return out, y + PANEL - 30


def svg(results):
    body, y = [], 34
    for entries in results.scenarios.values():
        if len(entries) > 1:
            lines, y = panel(entries, y)
            body += lines
    m = results.machine
    head = "Time of one operation, least of all rounds, logarithmic: " \
        "%s, %d CPUs, %s" % (m["cpu"], m["cpus"], m["date"])
    return "\n".join([
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
        'viewBox="0 0 %d %d">' % (WIDTH, y, WIDTH, y),
        "<style>text{font:12px sans-serif;fill:#222}.title{font-weight:bold}"
        ".pdc{fill:#0b5394}.peer{fill:#b7b7b7}</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        text(8, 20, head)] + body + ["</svg>"]) + "\n"


def main():
    if len(sys.argv) != 2:
        print("usage: report.py RESULTS.jsonl", file=sys.stderr)
        return 2
    results = Results(sys.argv[1])
    base = os.path.splitext(sys.argv[1])[0]
    with open(base + ".md", "w") as f:
        f.write(markdown(results))
    with open(base + ".svg", "w") as f:
        f.write(svg(results))
    print(markdown(results), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
