# SPDX-License-Identifier: ISC
#
# Judges lines of another form by those of NDJSON, as the documentation has it.
#
#	forms.py NDJSON OTEL ECS

import datetime, json, re, sys

LEVELS = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17,
    "CRITICAL": 21}
EPOCH = datetime.datetime(1970, 1, 1)

def once(pairs):
    assert len(dict(pairs)) == len(pairs), "a name twice: %r" % pairs
    return dict(pairs)

def never(word):
    raise ValueError(word)

def strict(line):
    return json.loads(line, object_pairs_hook=once, parse_constant=never)

def micros(line):
    text = re.search(r'"timestamp": ([0-9]+)\.([0-9]+)[,}]', line)
    return int(text[1]) * 10 ** 6 + int(text[2].ljust(6, "0"))

def any_value(v):
    if v is None:
        return {}
    if isinstance(v, bool):
        return {"boolValue": v}
    if isinstance(v, int):
        return {"intValue": str(v)} if -2 ** 63 <= v < 2 ** 63 else \
            {"stringValue": str(v)}
    if isinstance(v, float):
        return {"doubleValue": v}
    if isinstance(v, str):
        return {"stringValue": v}
    if isinstance(v, list):
        return {"arrayValue": {"values": [any_value(x) for x in v]}}
    return {"kvlistValue": {"values": pairs(v)}}

def pairs(d):
    return [{"key": k, "value": any_value(v)} for k, v in d.items()]

def hexed(v, digits):
    return isinstance(v, str) and \
        re.fullmatch("[0-9a-fA-F]{%d}" % digits, v) and int(v, 16) != 0

def otel(line, us, fields):
    record = {"timeUnixNano": str(us * 1000)}
    record["observedTimeUnixNano"] = record["timeUnixNano"]
    service = "unknown_service"
    if isinstance(fields.get("service.name"), str) and fields["service.name"]:
        service = fields.pop("service.name")
    if "level" in line:
        record.update({"severityNumber": LEVELS[line["level"]],
            "severityText": line["level"],
            "body": any_value(line["message"])})
    else:
        record["eventName"] = line["name"]
    if "value" in line:
        record["body"] = any_value(line["value"])
    if hexed(fields.get("trace_id"), 32):
        record["traceId"] = fields.pop("trace_id")
        if hexed(fields.get("span_id"), 16):
            record["spanId"] = fields.pop("span_id")
    record["attributes"] = pairs(fields)
    return {"resourceLogs": [{
        "resource": {"attributes": pairs({"service.name": service})},
        "scopeLogs": [{"scope": {"name": "pdc"}, "logRecords": [record]}]}]}

def clash(name, own):
    return any((name + ".").startswith(o + ".") or
        (o + ".").startswith(name + ".") for o in own)

def ecs(line, us, fields):
    time = EPOCH + datetime.timedelta(microseconds=us)
    out = {"@timestamp": time.isoformat(timespec="microseconds") + "Z",
        "log.level": line.get("level", "INFO"),
        "message": line.get("message", line.get("name")),
        "ecs.version": "1.6.0"}
    if "value" in line:
        out.update({"event.kind": "metric", "pdc.measure.name": line["name"],
            "pdc.measure.value": line["value"]})
    elif "name" in line:
        out["event.action"] = line["name"]
    own = list(out) + ["labels", "tags"]
    rest, labels = {}, {}
    for k, v in fields.items():
        if k in ("trace_id", "span_id") and isinstance(v, str):
            k = k.replace("_", ".")
        if re.fullmatch(r"[A-Za-z0-9_@-]+(\.[A-Za-z0-9_@-]+)+", k) and \
                not clash(k, own):
            rest[k] = v
            continue
        k = re.sub(r"[.*\\]", "_", k) or "_"
        labels[k] = v if v is None or isinstance(v, str) else json.dumps(v)
    out.update(rest)
    if labels:
        out["labels"] = labels
    return out

def lines(path):
    with open(path, "rb") as f:
        lines = f.read().decode("ascii").split("\n")
    assert lines.pop() == "", path + ": the last line has no end"
    return lines

def judge(form, text, other):
    line = json.loads(text)
    fields = dict(line.get("attributes", line.get("labels")))
    if "_cursor" in line:
        fields.pop("_cursor", None)
        fields["_cursor"] = line["_cursor"]
    want, got = form(line, micros(text), fields), strict(other)
    assert json.dumps(got, sort_keys=True) == \
        json.dumps(want, sort_keys=True), (text, got, want)
    if form == ecs:
        assert list(got)[:4] == list(want)[:4], got

given = lines(sys.argv[1])
for form, path in ((otel, sys.argv[2]), (ecs, sys.argv[3])):
    others = lines(path)
    assert len(others) == len(given), (path, len(others), len(given))
    for text, other in zip(given, others):
        judge(form, text, other)
