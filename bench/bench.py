#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""pdc and its peers side by side, in one run: README.md has the method.

    bench.py BUILDDIR [--quick | --full] [--only SCENARIO,...] [--peers PEER,...]

Each peer is a program that makes ready for a scenario, says so, and then does
as many operations as each line of its input says and answers with the time.
All peers of a scenario have a turn in each round; scenarios of one group share
their rounds.  Results go to
BUILDDIR/bench/results.jsonl, a line for each peer and scenario; report.py
draws a table and a picture from them.
"""

import argparse
import itertools
import json
import os
import platform
import select
import shutil
import subprocess
import sys
import tempfile
import time

from scenarios import PEERS, SCENARIOS

MODES = {
    #        a turn  rounds  a peer's time  to make ready
    "quick": (0.008, 9, 1.0, 20),
    "full": (0.040, 31, 20.0, 120),
}
# A turn of several workers: they begin on one CPU, that of who released them.
WORKERS_TURN_S = 0.1
HERE = os.path.dirname(os.path.abspath(__file__))
N_MAX = 10**9


class Failed(Exception):
    """This peer cannot run this scenario; the words say why."""


class Missing(Failed):
    """A package that it needs is not here."""


class Running:
    """A peer's program, which has made ready for a scenario."""

    def __init__(self, peer, scenario, argv, where, limit):
        self.peer, self.scenario = peer, scenario
        self.limit, self.rest = limit, b""
        self.dir = tempfile.mkdtemp(prefix="pdc-bench-", dir="/dev/shm")
        self.stderr = tempfile.TemporaryFile()
        self.turns, self.asked = [], 0
        try:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self.stderr, cwd=self.dir,
                env=dict(os.environ, BENCH_DIR=self.dir, **where))
        except OSError as e:
            shutil.rmtree(self.dir)
            raise Missing("%s: %s" % (argv[0], e.strerror)) from e

    def line(self, limit):
        """The next line that the program prints."""
        end = time.monotonic() + limit
        out = self.process.stdout
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                raise Failed("nothing after %d s" % limit)
            data = os.read(out.fileno(), 4096)
            if not data:
                self.ended()
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def ended(self):
        status = self.process.wait()
        self.stderr.seek(0)
        words = self.stderr.read().decode(errors="replace").strip()
        words = words.splitlines()[-1] if words else "exit status %d" % status
        raise (Missing if status in (77, 127) else Failed)(words)

    def ready(self):
        line = self.line(self.limit)
        if line != "ready":
            raise Failed("not ready, but: %s" % line)

    def turn(self, n):
        """Seconds that n operations took."""
        self.asked += n
        try:
            self.process.stdin.write(b"%d\n" % n)
            self.process.stdin.flush()
        except BrokenPipeError:
            self.ended()
        return float(self.line(self.limit)) / 1e9

    def calibrate(self, turn_s, once):
        """So many operations that they take about turn_s; it warms up, too."""
        self.n = 1
        took = self.turn(1)
        while not once and took < turn_s / 2 and self.n < N_MAX:
            more = turn_s / took if took > 0 else 16
            self.n = min(N_MAX, max(self.n + 1, int(self.n * min(more, 16))))
            took = self.turn(self.n)
        return took

    def total(self):
        self.process.stdin.close()
        word, total = self.line(self.limit).split()
        if word != "total":
            raise Failed("no total, but: %s" % word)
        return float(total)

    def peak_kb(self):
        """The most memory the program has had."""
        with open("/proc/%d/status" % self.process.pid) as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
        return 0

    def end(self):
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def rate(one, more):
    """What a CPU does of what it does for one worker, the median of rounds.

    The turns of a round are next to each other, so that a machine with times of
    two speeds is compared with itself.
    """
    cpus = min(more.scenario.workers, os.cpu_count())
    return quantile([a / b / cpus for a, b in zip(one.turns, more.turns)], 0.5)


class Bench:
    def __init__(self, args):
        self.build = os.path.abspath(args.build)
        self.turn_s, self.rounds, self.budget_s, self.limit = MODES[args.mode]
        self.where = {
            "NODE_PATH": os.path.join(self.build, "bench", "node_modules"),
        }
        self.out = open(os.path.join(self.build, "bench", "results.jsonl"),
                        "w", buffering=1)

    def write(self, kind, **fields):
        self.out.write(json.dumps(dict(kind=kind, **fields)) + "\n")

    def argv(self, peer):
        """The program is built, or a script in the source."""
        words = [word.format(build=self.build + "/bench/peers",
                             src=HERE + "/peers")
                 for word in PEERS[peer].command]
        return words

    def start(self, peer, scenario, where):
        running = None
        try:
            running = Running(peer, scenario,
                              self.argv(peer) + scenario.words, self.where,
                              self.limit)
            running.ready()
            turn_s = self.turn_s if scenario.workers == 1 else \
                max(self.turn_s, WORKERS_TURN_S)
            took = running.calibrate(turn_s, scenario.once)
        except Failed as e:
            self.say_failed(peer, scenario, e)
            if running is not None:
                running.end()
            return
        running.left = max(1, min(self.rounds, int(self.budget_s / took)))
        where.append(running)

    def say_failed(self, peer, scenario, e):
        kind = "missing" if isinstance(e, Missing) else "failed"
        print("%s: %s %s: %s" % (scenario.name, peer, kind, e), flush=True)
        self.write(kind, scenario=scenario.name, peer=peer, why=str(e))

    def round(self, running):
        for each in list(running):
            if each.left == 0:
                continue
            each.left -= 1
            try:
                took = each.turn(each.n)
            except Failed as e:
                self.say_failed(each.peer, each.scenario, e)
                running.remove(each)
                each.end()
                continue
            each.turns.append(took * 1e9 / (
                each.n * each.scenario.workers * each.scenario.lines))

    def result(self, each, one):
        """one: the same peer's, with one worker in the same rounds."""
        scenario, peak_kb = each.scenario, each.peak_kb()
        try:
            total = each.total()
        except Failed as e:
            self.say_failed(each.peer, scenario, e)
            return
        fields = dict(
            scenario=scenario.name, title=scenario.title, peer=each.peer,
            unit="ns",
            min=min(each.turns), median=quantile(each.turns, 0.5),
            spread=quantile(each.turns, 0.75) - quantile(each.turns, 0.25),
            rounds=len(each.turns), n=each.n, peak_kb=peak_kb, total=total,
            workers=PEERS[each.peer].workers)
        if one is not None:
            fields["rate"] = rate(one, each)
        if scenario.counts:
            fields["expected"] = (each.asked * scenario.workers *
                                  scenario.lines)
        self.write("result", **fields)
        print("  %-28s %14.1f ns%s%s" % (
            each.peer, fields["min"],
            "   %.2f of one's rate" % fields["rate"] if one else "",
            "" if total == fields.get("expected", total) else
            "   counted %.0f of %.0f" % (total, fields["expected"])),
            flush=True)

    def results(self, scenario, running):
        for each in running:
            if each.scenario is not scenario:
                continue
            ones = [other for other in running if other.peer == each.peer
                    and other.scenario.workers == 1
                    and other.scenario is not scenario]
            self.result(each, ones[0] if ones else None)

    def run(self, group, peers):
        """Scenarios of one group: all peers make ready, then have turns."""
        running = []
        try:
            for peer in group[0].peers:
                for scenario in group:
                    if peers is None or peer in peers:
                        self.start(peer, scenario, running)
            for _ in range(self.rounds):
                self.round(running)
            for scenario in group:
                print("%s: %s" % (scenario.name, scenario.title), flush=True)
                self.results(scenario, running)
        finally:
            for each in running:
                each.end()

    def machine(self, args):
        model = "unknown CPU"
        with open("/proc/cpuinfo") as f:
            for line in f:
                if line.startswith("model name"):
                    model = line.split(":", 1)[1].strip()
                    break
        self.write("machine", cpu=model, cpus=os.cpu_count(),
                   kernel=platform.release(), mode=args.mode,
                   date=time.strftime("%Y-%m-%d"))

    def figures(self, mode):
        """What is no time of an operation: sizes, latencies, idle cost."""
        program = os.path.join(self.build, "bench", "figures")
        done = subprocess.run([program, mode], stdout=subprocess.PIPE,
                              check=True)
        for line in done.stdout.decode().splitlines():
            name, value, unit = line.split("\t")
            self.write("figure", name=name, value=float(value), unit=unit)
            print("  %-60s %14s %s" % (name, value, unit), flush=True)


def words(text):
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(description="pdc and its peers")
    parser.add_argument("build")
    parser.add_argument("--quick", dest="mode", action="store_const",
                        const="quick", default="quick")
    parser.add_argument("--full", dest="mode", action="store_const",
                        const="full")
    parser.add_argument("--only", type=words, metavar="SCENARIO,...")
    parser.add_argument("--peers", type=words, metavar="PEER,...")
    args = parser.parse_args()
    known = [scenario.name for scenario in SCENARIOS] + ["figures"]
    for name in args.only or []:
        if name not in known:
            parser.error("no scenario %s; there are %s"
                         % (name, " ".join(known)))
    for name in args.peers or []:
        if name not in PEERS:
            parser.error("no peer %s; there are %s" % (name, " ".join(PEERS)))
    bench = Bench(args)
    bench.machine(args)
    wanted = [scenario for scenario in SCENARIOS if (
        scenario.name in args.only if args.only else
        args.mode == "full" or scenario.quick)]
    for _, group in itertools.groupby(wanted, lambda s: s.group):
        bench.run(list(group), args.peers)
    if args.only is None or "figures" in args.only:
        bench.figures(args.mode)


if __name__ == "__main__":
    sys.exit(main())
