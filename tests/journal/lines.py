# SPDX-License-Identifier: ISC
#
# Makes lines of random fields: tasks for write.c, and what they should become.
#
#	lines.py SEED COUNT TASKS WANTED
import json, random, struct, sys

seed, count = int(sys.argv[1]), int(sys.argv[2])
random.seed(seed)
odd = ["trace_id", "span_id", "service.name", "http.request.method", "log.level",
    "message.x", "labels.a", "a.b*c\\d", "a..b", ".a", "a.", "@timestamp", "message",
    "_cursor", "_cut", "event.action", "event.action.x", "event.kind", "trace.id",
    "pdc.measure", "pdc.measure.value", "pdc.measure.value.x", "tags.x", "a_b_c_d",
    "a-b.C_9", "", "ecs", "ecs.version", "\u20ac.x"]
alphabet = "ab \"\\/\n\r\t\b\f\0\x01\x1f\x7f\x80\xe4\u20ac\u2028\ufffd\U0001f600<>&'"

def text(most):
    return "".join(random.choice(alphabet[:10] + alphabet[11:]
        if random.random() < .5 else "abcdefghij klmnop")
        for i in range(random.randrange(most))).replace("\0", "")

def number():
    while True:
        kind = random.randrange(4)
        if kind == 0:
            v = float(random.randrange(-10 ** 6, 10 ** 6))
        elif kind == 1:
            v = random.randrange(10 ** 9) / 10 ** random.randrange(12)
        elif kind == 2:
            v = random.choice([0.0, -0.0, 1e15, 1e16, 1e17, 1e22, 123456789.125,
                9007199254740993.0, 5e-324, 1e-4, 1e-5, 1.7976931348623157e308])
        else:
            v = struct.unpack("d", struct.pack("Q", random.getrandbits(64)))[0]
        if v == v and abs(v) != float("inf"):
            return v

def value(depth=0):
    kind = random.randrange(5 if depth == 0 else 7)
    if kind == 0:
        return "s", text(40)
    if kind == 1:
        return "i", random.choice([0, -1, 2 ** 63 - 1, -2 ** 63,
            random.randrange(-10 ** 9, 10 ** 9)])
    if kind == 2:
        return "d", number()
    if kind == 3:
        return "b", random.random() < .5
    return "j", tree(0)

def tree(depth):
    kind = random.randrange(8 if depth < 4 else 5)
    if kind < 2:
        return text(10)
    if kind < 5:
        return random.choice([None, True, False, 0, -17, 2.5, 1e300, 2 ** 63,
            -2 ** 63, 2 ** 63 - 1, -10 ** 25])
    if kind == 5:
        return [tree(depth + 1) for i in range(random.randrange(4))]
    return {text(5) + str(i): tree(depth + 1)
        for i in range(random.randrange(4))}

def hexed(s):
    return s.encode().hex()

def given_id(digits):
    return "".join(random.choice(random.choice(["0123456789abcdefABCDEF", "0",
        "0123456789", "0xyz"])) for i in range(digits)) \
        if random.random() < .3 else "%0*x" % (digits, random.getrandbits(60))

def label(kind, v):
    if kind == "j":
        return v
    if kind == "b":
        return "true" if v else "false"
    return v if kind == "s" else json.dumps(v)

levels = {1: "TRACE", 5: "DEBUG", 9: "INFO", 13: "WARNING", 17: "ERROR",
    21: "CRITICAL"}
tasks = open(sys.argv[3], "w")
wanted = {kind: open(sys.argv[4] + "." + kind, "w")
    for kind in ("logs", "events", "measures")}
for i in range(count):
    words, fields, labels = [], {}, {}
    for j in range(random.choice([0, 1, 2, 3, 20])):
        name = text(8) + random.choice("abcdef")
        kind, v = value()
        if random.random() < .2:
            name = random.choice(odd)
        if name in ("trace_id", "span_id", "service.name") and \
                random.random() < .8:
            kind, v = "s", random.choice([given_id(32), given_id(16)])
        given = json.dumps(v, ensure_ascii=random.random() < .5) \
            if kind == "j" else v
        words.append("%s:%s:%s" % (hexed(name), kind, hexed(given)
            if kind in "sj" else int(v) if kind == "b" else repr(v)))
        fields[name] = v
        labels[name] = label(kind, given)
    kind = random.choice(["log", "log", "event", "measure"])
    what = text(random.choice([5, 100, 400]))
    if kind == "log":
        level = random.choice(list(levels))
        head = "log %d m%s" % (level, hexed(what))
        line = {"timestamp": 0, "level": levels[level], "message": what,
            "attributes": fields}
    elif kind == "event":
        head = "event n%s" % hexed(what)
        line = {"name": what, "timestamp": 0, "attributes": fields}
    else:
        v = number()
        head = "measure n%s %r" % (hexed(what), v)
        line = {"name": what, "timestamp": 0, "value": v, "labels": labels}
    tasks.write(" ".join([head] + words) + "\n")
    wanted[kind + "s"].write(json.dumps(line) + "\n")
