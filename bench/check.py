#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What pdc costs in instructions, against what was recorded.

check.py            compare with baseline.json; prints TAP
check.py --record   write baseline.json anew

make bench-check and make bench-record start it, with what they know of the
build in the environment.  README.md says what is counted, and how.
"""
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

# Name, calls of counts, operations in each call, what an operation is.
CASES = (("resolve", 1000, 1, "pdc_labels, two labels, and pdc_series_free"),
         ("inc", 1000, 1, "pdc_inc"),
         ("observe", 1024, 1, "pdc_observe, 15 buckets"),
         ("set", 1000, 1, "pdc_set"),
         ("log", 1000, 1, "pdc_log, 200 bytes of two fields, but the ring"),
         ("checkpoint", 2, 10000, "a counter that has changed"),
         ("render", 1, 10000, "a series of a page"))
TOLERANCE = 0.01
FEW = 2  # instructions: so many more or less are no difference
# A build that differs in one of these cannot be compared at all.
ALIEN = ("kind", "flags", "rseq")
OTHER_TOLERANCE = 0.25  # in what else it may differ: versions

# No restartable sequences, with valgrind or without; and no routine that the C
# library has for some CPUs only: "rep movsb" counts each byte.
TUNABLES = ("glibc.pthread.rseq=0:glibc.cpu.hwcaps=-AVX2,"
            "-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2,-BMI2")

top = os.environ.get("top_builddir", ".")
library = top + "/lib/.libs/libpdc.so"
baseline = os.environ.get("srcdir", ".") + "/bench/baseline.json"


def run(*argv, **more):
    """What a command prints; it must succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit("%s: status %d\n%s" %
                 (argv[0], done.returncode, done.stderr))
    return done.stdout


def tool(name, default):
    return os.environ.get(name, default).split()


# --- the build ---

def defined(name):
    with open(top + "/config.h") as f:
        return re.search(r"^#define %s 1$" % name, f.read(), re.M) is not None


def build():
    """What the counts depend on."""
    compiler = run(*tool("CC", "cc"), "--version").split("\n")[0]
    flags = os.environ.get("CFLAGS", "").split()
    return {
        "kind": "clang" if "clang" in compiler else "gcc",
        "flags": " ".join(f for f in flags if not f.startswith("-g")),
        "rseq": defined("PDC_RSEQ"),
        "compiler": compiler,
        "libc": os.confstr("CS_GNU_LIBC_VERSION"),
        "lmdb": run(*tool("PKG_CONFIG", "pkg-config"), "--modversion",
                    "lmdb").strip(),
        "valgrind": run("valgrind", "--version").strip(),
    }


# --- counting ---

def count(case):
    """The instructions of one operation.  The store is made without callgrind,
    for that takes long with it; what is in it is found again."""
    name, calls, operations, _ = case
    tmp = tempfile.mkdtemp(prefix="pdc-counts-", dir="/dev/shm")
    env = dict(os.environ, GLIBC_TUNABLES=TUNABLES)
    start = (top + "/libtool", "--mode=execute")
    args = (top + "/bench/counts", name)
    try:
        run(*start, *args, "0", tmp + "/store", env=env)
        run(*start, "valgrind", "--tool=callgrind", "--toggle-collect=counted",
            "--callgrind-out-file=" + tmp + "/out", *args, str(calls),
            tmp + "/store", env=env)
        with open(tmp + "/out") as f:
            total = re.search(r"^totals: (\d+)$", f.read(), re.M)
    finally:
        shutil.rmtree(tmp)
    if total is None or int(total[1]) == 0:
        sys.exit("%s: nothing was counted" % name)
    return round(int(total[1]) / (calls * operations), 1)


def counts():
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(count, CASES)
        return {case[0]: n for case, n in zip(CASES, found)}


# --- the restartable sequences ---

def functions():
    """Address, end and name of all that is in the text."""
    lines = run(*tool("NM", "nm"), "-S", "--defined-only", library).split("\n")
    for line in lines:
        word = line.split()
        if len(word) == 4 and word[2] in "tT":
            start = int(word[0], 16)
            yield start, start + int(word[1], 16), word[3].split(".")[0]


def section(readelf):
    """Offset, address and size of the descriptors, or None."""
    found = re.search(r" __rseq_cs +\w+ +(\w+) (\w+) (\w+) ",
                      run(*readelf, "-SW", library))
    return found and (int(found[2], 16), int(found[1], 16), int(found[3], 16))


def sequences():
    """The lengths in bytes, by function: a descriptor is 32 bytes, at 8 where
    the sequence starts (which a relocation tells), at 16 its length."""
    if not os.path.exists(library):
        return {}
    readelf = tool("READELF", "readelf")
    place = section(readelf)
    if place is None:
        return {}
    offset, address, size = place
    starts = dict(re.findall(r"^(\w+) +\w+ R_X86_64_RELATIVE +(\w+)$",
                             run(*readelf, "-rW", library), re.M))
    text = list(functions())
    with open(library, "rb") as f:
        f.seek(offset)
        descriptors = f.read(size)
    lengths = {}
    for at in range(0, size, 32):
        start = int(starts["%016x" % (address + at + 8)], 16)
        name = next(n for begin, end, n in text if begin <= start < end)
        length = int.from_bytes(descriptors[at + 16:at + 24], "little")
        lengths.setdefault(name, []).append(length)
    return {name: sorted(lengths[name]) for name in sorted(lengths)}


# --- comparing ---

class Tap:
    def __init__(self):
        self.cases = self.failed = 0

    def ok(self, fine, words):
        self.cases += 1
        self.failed += not fine
        print("%sok %d - %s" % ("" if fine else "not ", self.cases, words))

    def skip(self, words):
        self.cases += 1
        print("ok %d # SKIP %s" % (self.cases, words))

    def done(self):
        print("1..%d" % self.cases)
        return 1 if self.failed else 0


def skip_all(words):
    print("1..0 # SKIP " + words)
    sys.exit(0)


def compare_counts(tap, was, now, same):
    """Less than was recorded is a failure, too, or it would not be recorded,
    and what is won could be lost again; but not in another build."""
    for name, _, _, words in CASES:
        old, new = was.get(name), now[name]
        if old is None:
            tap.ok(False, "%s is not recorded: make bench-record" % name)
            continue
        room = max(FEW, old * (TOLERANCE if same else OTHER_TOLERANCE))
        verdict = ""
        if new > old + room:
            verdict = ": worse"
        elif new < old - room and same:
            verdict = ": better, make bench-record"
        tap.ok(not verdict, "%s (%s): %.1f instructions, recorded %.1f%s" %
               (name, words, new, old, verdict))


def compare_sequences(tap, was, now):
    for name in sorted(set(was) | set(now)):
        old, new = was.get(name, []), now.get(name, [])
        words = "sequences of %s: %s bytes" % (name, new or "no")
        if old != new:
            words += ", recorded %s" % (old or "none")
        tap.ok(old == new, words)


def check():
    if os.environ.get("PDC_SAN"):
        skip_all("sanitizers")
    if shutil.which("valgrind") is None:
        skip_all("valgrind is not installed")
    with open(baseline) as f:
        was = json.load(f)
    here = build()
    other = [key for key in here if here[key] != was["build"].get(key)]
    for key in other:
        print("# %s: %s, recorded with %s" %
              (key, here[key], was["build"].get(key)))
    if set(other) & set(ALIEN):
        skip_all("not recorded with this kind of build")
    tap = Tap()
    compare_counts(tap, was["instructions"], counts(), not other)
    if not other:
        compare_sequences(tap, was["sequences"], sequences())
    else:
        tap.skip("recorded with another %s: %d %% are allowed, and "
                 "sequences of any length" %
                 (", ".join(other), OTHER_TOLERANCE * 100))
    return tap.done()


def record():
    new = {"build": build(), "instructions": counts(),
           "sequences": sequences()}
    words = json.dumps(new, indent=2)
    words = re.sub(r"\[[^]]*\]", lambda m: re.sub(r"\s+", " ", m[0]), words)
    with open(baseline, "w") as f:
        f.write(words.replace("[ ", "[").replace(" ]", "]") + "\n")
    print(baseline)
    return 0


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--record"]):
        sys.exit(__doc__)
    sys.exit(record() if sys.argv[1:] else check())
