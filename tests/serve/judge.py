# SPDX-License-Identifier: ISC
"""judge.py [--alone] PAGE ...: read pages SEED.FORMAT, say what is wrong with them.

Text 0.0.4 and OpenMetrics are read by the parsers of the official client, all
text by a strict reader of our own, protobuf by another and by protoc, if there
is one.  Pages of one store in
one scheme of escaping must have the same samples with the same values.

With --alone each page is of a store of its own; in protobuf a family may be cut
into several, and what a program computed has no time of creation.
"""

import decimal
import io
import math
import re
import shutil
import struct
import subprocess
import sys

from prometheus_client.openmetrics.parser import text_fd_to_metric_families \
    as parse_om
from prometheus_client.parser import text_fd_to_metric_families as parse_text

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
QUOTED = re.compile(r'"((?:[^"\\\n]|\\["\\n])*)"')
UNESCAPE = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def unescape(text):
    return re.sub(r'\\[\\"n]', lambda m: UNESCAPE[m.group()], text)


def read_quoted(line, at):
    m = QUOTED.match(line, at)
    assert m, "no quoted string at %d: %r" % (at, line)
    return unescape(m.group(1)), m.end()


def read_sample(line):
    """What a line has: name{a="b"} 1, {"name","a"="b"} 1

    The name, the labels, and all that comes behind the blank.
    """
    name, at, labels = None, 0, []
    m = NAME.match(line)
    if m:
        name, at = m.group(), m.end()
    if line[at] == "{":
        at += 1
        while True:
            m = LABEL.match(line, at)
            if m:
                label, at = m.group(), m.end()
            else:
                label, at = read_quoted(line, at)
                if line[at] != "=":
                    assert name is None, "two names: %r" % line
                    assert not NAME.fullmatch(label), "quoted: %r" % line
                    name, label = label, None
                else:
                    assert not LABEL.fullmatch(label), "quoted: %r" % line
            if label is not None:
                assert line[at] == "=", "no =: %r" % line
                value, at = read_quoted(line, at + 1)
                labels.append((label, value))
            at += 1
            if line[at - 1] == "}":
                break
            assert line[at - 1] == ",", "no comma: %r" % line
    assert name is not None and line[at] == " ", "no name: %r" % line
    names = [label for label, _ in labels]
    assert len(names) == len(set(names)), "label twice: %r" % line
    assert "__name__" not in names, "a name in labels: %r" % line
    return name, tuple(sorted(labels)), line[at + 1:]


def read_exemplar(text):
    """{a="b"} 1 1700000000.123"""
    if text.startswith("{}"):
        labels, rest = (), text[3:]
    else:
        _, labels, rest = read_sample("x" + text)
    value, time = rest.split(" ")
    assert re.fullmatch(r"[0-9]+\.[0-9]+", time), "time: %r" % text
    return exemplar(labels, read_number(value), decimal.Decimal(time))


def exemplar(labels, value, time):
    assert sum(len(word) for label in labels for word in label) <= 128, \
        "a long exemplar: %r" % (labels,)
    return labels, repr(value), time


def read_number(text):
    assert re.fullmatch(
        r"NaN|[+-]Inf|-?(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-][0-9]{2,3})?", text), \
        "number: %r" % text
    return float(text)


def is_exemplar(key):
    return key[0].endswith("\0")


def read_text(data, om):
    """All samples of a text page; each may be there once.

    The exemplar of a sample is there, too, its name ends in a NUL.
    """
    samples, heads = {}, set()
    text = data.decode("utf-8")
    assert text == "" or text.endswith("\n"), "no newline at the end"
    for line in text.split("\n")[:-1]:
        if line.startswith("#"):
            if line != "# EOF":
                m = re.match(r'# (HELP|TYPE|UNIT) ("(?:[^"\\]|\\.)*"|[^ "]+) ',
                             line)
                assert m, "comment: %r" % line
                assert m.groups() not in heads, "twice: %r" % line
                heads.add(m.groups())
            continue
        name, labels, value = read_sample(line)
        assert (name, labels) not in samples, "twice: %r" % line
        if om and " # " in value:
            value, rest = value.split(" # ", 1)
            samples[name + "\0", labels] = read_exemplar(rest)
        samples[name, labels] = read_number(value)
    return samples


def without_braces(data):
    """The official parser takes any } for the end of an exemplar's labels."""
    lines = data.decode("utf-8").split("\n")
    for i, line in enumerate(lines):
        if " # {" in line and not line.startswith("#"):
            value = read_sample(line)[2]
            labels, _, _ = value.partition(" # ")[2].rpartition("} ")
            if "}" in labels:
                lines[i] = line[:-len(value)] + value.split(" ")[0]
    return "\n".join(lines).encode("utf-8")


def varint(data, at):
    v = shift = 0
    while True:
        v |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return v, at


def fields(data):
    """A message: field number to the list of its values."""
    out, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            v, at = varint(data, at)
        elif key & 7 == 1:
            v, at = struct.unpack("<d", data[at:at + 8])[0], at + 8
        else:
            assert key & 7 == 2, "wire type %d" % (key & 7)
            n, at = varint(data, at)
            v, at = data[at:at + n], at + n
            assert len(v) == n, "cut off"
        out.setdefault(key >> 3, []).append(v)
    return out


def om_number(v):
    """A bound as le has it."""
    if math.isinf(v):
        return "+Inf" if v > 0 else "-Inf"
    if v == 0:
        return "0.0"
    number = decimal.Decimal(repr(v)).normalize()
    if -4 <= number.adjusted() < 6:
        text = "{:f}".format(number)
        return text if "." in text else text + ".0"
    digits = "".join(map(str, number.as_tuple().digits))
    exp = number.adjusted()
    return "%s%s%se%s%02d" % (
        "-" if v < 0 else "", digits[0],
        "." + digits[1:] if digits[1:] else "", "-" if exp < 0 else "+",
        abs(exp))


def messages(data):
    at = 0
    while at < len(data):
        n, at = varint(data, at)
        assert n <= len(data) - at, "cut off"
        yield data[at:at + n]
        at += n


def read_proto(data, alone):
    samples, seen, head = {}, set(), None
    for family in map(fields, messages(data)):
        name = family[1][0].decode("utf-8")
        last, head = head, [family.get(field) for field in (1, 2, 3, 5)]
        assert name not in seen or (alone and head == last), \
            "family twice: %r" % name
        seen.add(name)
        for metric in map(fields, family.get(4, [])):
            pairs = [fields(p) for p in metric.get(1, [])]
            labels = [(p[1][0].decode(), p[2][0].decode()) for p in pairs]
            read_metric(samples, name, labels, metric)
            assert alone or has_created(metric), "created: %s" % name
    return samples


def has_created(metric):
    """Whether it has a time of creation where it is of a type that has one."""
    return all(created in value
               for kind, created in ((3, 3), (4, 4), (7, 15))
               for value in map(fields, metric.get(kind, [])))


def signed(v):
    return v >> 1 ^ -(v & 1)


def native_total(histogram):
    """What all native buckets have together."""
    assert -4 <= signed(histogram[5][0]) <= 8, "schema"
    assert histogram[6][0] > 0, "zero threshold"
    total = histogram.get(7, [0])[0]
    for span, delta in (9, 10), (12, 13):
        spans, at, counts = histogram.get(span, []), 0, []
        data = b"".join(histogram.get(delta, []))
        while at < len(data):
            v, at = varint(data, at)
            counts.append((counts[-1] if counts else 0) + signed(v))
        assert all(count > 0 for count in counts), "an empty bucket"
        assert sum(fields(s)[2][0] for s in spans) == len(counts), "spans"
        assert all(signed(fields(s)[1][0]) > 0 for s in spans[1:]), "gaps"
        total += sum(counts)
    return total


def proto_exemplar(data):
    message = fields(data)
    labels = [(pair[1][0].decode(), pair[2][0].decode())
              for pair in map(fields, message.get(1, []))]
    time = fields(message[3][0])
    return exemplar(tuple(sorted(labels)), message[2][0],
                    time.get(1, [0])[0] + decimal.Decimal(
                        time.get(2, [0])[0]).scaleb(-9))


def read_metric(samples, name, labels, metric):
    def put(suffix, value, more=(), exemplars=()):
        key = name + suffix, tuple(sorted(labels + list(more)))
        assert key not in samples, "twice: %r" % (key,)
        samples[key] = value
        for data in exemplars:
            samples[key[0] + "\0", key[1]] = proto_exemplar(data)

    for kind in 2, 3, 5:
        for value in map(fields, metric.get(kind, [])):
            put("", value[1][0], (), value.get(2, []) if kind == 3 else ())
            assert kind == 3 or 3 not in value, "created: %s" % name
    for pair in map(fields, metric.get(4, []) + metric.get(7, [])):
        put("_count", pair[1][0])
        put("_sum", pair[2][0])
    for histogram in map(fields, metric.get(7, [])):
        for bucket in map(fields, histogram.get(3, [])):
            put("_bucket", bucket[1][0],
                [("le", om_number(bucket[2][0]))], bucket.get(3, []))
        for data in histogram.get(16, []):
            proto_exemplar(data)
        if 5 in histogram:
            total = native_total(histogram)
            assert total == histogram[1][0], "native count: %s" % name
            if 3 not in histogram:
                put("_bucket", total, [("le", "+Inf")])
        else:
            assert 3 in histogram, "no buckets: %s" % name


def same(a, b, lost=()):
    """What differs; b may lack what ends in lost."""
    for key in sorted(set(a) | set(b)):
        if key not in b and key[0].endswith(lost):
            continue
        x, y = a.get(key), b.get(key)
        if x is None or y is None or not (x == y or (x != x and y != y)):
            return "%r: %r and %r" % (key, x, y)
    return None


def judge_official(path, data, parse):
    fd = io.StringIO(data.decode("utf-8"), newline="\n")
    names = [f.name for f in parse(fd)]
    assert len(names) == len(set(names)), "family twice"


def judge_protoc(protoc, data):
    """What is delimited with a tag before it is a field, and so a message."""
    tagged = bytearray()
    for message in messages(data):
        n = len(message)
        tagged.append(1 << 3 | 2)
        while n > 127:
            tagged.append(n & 127 | 128)
            n >>= 7
        tagged.append(n)
        tagged += message
    out = subprocess.run([protoc, "--decode_raw"], input=tagged, check=True,
                         stdout=subprocess.PIPE).stdout
    read = sum(line == b"1 {" for line in out.split(b"\n"))
    assert read == len(list(messages(data))), "protoc reads %d families" % read


def plain(page):
    return {k: v for k, v in page.items() if not is_exemplar(k)}


def exemplars(page):
    return {k: v for k, v in page.items() if is_exemplar(k)}


def judge_schemes(pages):
    for scheme in "", ".dots", ".values":
        text = pages["text" + scheme]
        proto, om = pages["proto" + scheme], pages["om" + scheme]
        wrong = same(text, plain(proto))
        assert not wrong, "text and protobuf%s: %s" % (scheme, wrong)
        wrong = same(text, plain(om), ("_sum", "_count"))
        assert not wrong, "text and OpenMetrics%s: %s" % (scheme, wrong)
        wrong = same(exemplars(om), exemplars(proto))
        assert not wrong, "exemplars%s: %s" % (scheme, wrong)
    wrong = same(pages["utf8"], plain(pages["proto.utf8"]))
    assert not wrong, "text and protobuf in UTF-8: %s" % wrong
    assert sorted(map(repr, pages["utf8"].values()))  # not an empty store


def main():
    stores, nsamples, failed = {}, 0, 0
    protoc = shutil.which("protoc")
    paths = sys.argv[1:]
    alone = paths[0] == "--alone"
    for path in paths[alone:]:
        seed, form = path.rsplit("/", 1)[-1].split(".", 1)
        with open(path, "rb") as f:
            data = f.read()
        try:
            if form.startswith("proto"):
                page = read_proto(data, alone)
                if protoc:
                    judge_protoc(protoc, data)
            else:
                om = form.startswith("om")
                page = read_text(data, om)
                if om:
                    judge_official(path, without_braces(data), parse_om)
                elif form != "utf8":
                    judge_official(path, data, parse_text)
        except Exception as e:
            print("%s: %s: %s" % (path, type(e).__name__, e))
            failed = 1
            page = None
        nsamples += len(page or ())
        if not alone:
            stores.setdefault(seed, {})[form] = page
    for seed, pages in sorted(stores.items()):
        try:
            if None not in pages.values():
                judge_schemes(pages)
        except Exception as e:
            print("seed %s: %s: %s" % (seed, type(e).__name__, e))
            failed = 1
    # At once, as several may write to one file.
    sys.stdout.write("%d pages, %d samples\n" % (len(paths) - alone, nsamples))
    return failed


if __name__ == "__main__":
    sys.exit(main())
