#!/bin/sh
# SPDX-License-Identifier: ISC
# A real Prometheus scrapes each format and is asked what it has read.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

command -v prometheus >/dev/null 2>&1 || skip_all "prometheus is not installed"

relay_pid=
prometheus_pid=
worker_pid=
cleanup()
{
	for child in $pid $relay_pid $prometheus_pid $worker_pid; do
		kill -KILL "$child" 2>/dev/null
	done
}

"$PDC" -s "$store" declare counter hits --help='Say "all" \ of it.' --labels=a
"$PDC" -s "$store" inc 'hits{a="q\"\\"}' 3
"$PDC" -s "$store" declare gauge size_bytes --unit=bytes
"$PDC" -s "$store" set size_bytes 1234567.5
"$PDC" -s "$store" declare histogram wait_seconds --buckets=0.5,1,1000000
"$PDC" -s "$store" observe wait_seconds 0.75
"$PDC" -s "$store" observe wait_seconds 2
"$PDC" -s "$store" declare summary rest
"$PDC" -s "$store" observe rest 5
"$PDC" -s "$store" set '{"my.name"}' 7
"$PDC" -s "$store" declare unknown odd
"$PDC" -s "$store" set odd 9
"$PDC" -s "$store" declare info about --labels=v
"$PDC" -s "$store" set 'about{v="1"}' 1
"$PDC" -s "$store" declare stateset door --states=open,shut
"$PDC" -s "$store" set 'door{door="shut"}' 1
"$PDC" -s "$store" declare histogram nap_seconds --unit=seconds \
    --native=schema=0,negative --buckets=1.5
for value in -3 -1 0 1e-9 1.25 1.5 1.75 2 3 7 8 2e6 Inf; do
	"$PDC" -s "$store" observe nap_seconds $value
done
"$PDC" -s "$store" declare histogram few --native=schema=3,buckets=4
for value in 1 1.1 1.25 2 3 4 5 6 7 8; do
	"$PDC" -s "$store" observe few $value
done
"$top_builddir/tests/serve/worker" "$store" >"$tmp/here" &
worker_pid=$!
until_true 10 grep -q here "$tmp/here"

start
"$python" "$srcdir/tests/serve/relay.py" "$url/metrics" "$tmp/relay" \
    >"$tmp/types" &
relay_pid=$!
until_true 10 test -s "$tmp/relay"
cat >"$tmp/prometheus.yml" <<END
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
scrape_configs:
END
for format in om proto text text1; do
	cat >>"$tmp/prometheus.yml" <<END
- job_name: $format
  metrics_path: /$format
  static_configs:
  - targets: ["127.0.0.1:$(cat "$tmp/relay")"]
END
done
# With native histograms it asks for protobuf.
prometheus --config.file="$tmp/prometheus.yml" \
    --storage.tsdb.path="$tmp/tsdb" --web.listen-address=127.0.0.1:0 \
    --enable-feature=native-histograms,exemplar-storage >"$tmp/prometheus.log" 2>&1 &
prometheus_pid=$!
until_true 20 grep -q 'Listening on.*127\.0\.0\.1:[1-9]' "$tmp/prometheus.log"
at=$(sed -n 's/.*Listening on.*\(127\.0\.0\.1:[0-9]*\).*/\1/p' \
    "$tmp/prometheus.log")

cat >"$tmp/ask.py" <<'END'
import json, sys, time, urllib.parse, urllib.request

def api(path, **query):
    url = "http://%s/api/v1/%s?%s" % (sys.argv[1], path,
                                      urllib.parse.urlencode(query))
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]

def show(job, name):
    for sample in api("query", query='%s{job="%s"}' % (name, job),
                      time=now)["result"]:
        labels = sample["metric"]
        more = sorted("%s=%s" % (k, labels[k]) for k in labels
                      if k not in ("__name__", "job", "instance"))
        print(job, name, *more, sample["value"][1])

def native(query):
    for sample in api("query", query=query, time=now)["result"]:
        h = sample["histogram"][1]
        print("native", sample["metric"]["__name__"], h["count"], h["sum"],
              *("[%s,%s]:%s" % (lo, hi, n) for _, lo, hi, n in h["buckets"]))

def quantile(q, query):
    for sample in api("query", query="histogram_quantile(%s, %s)" %
                      (q, query), time=now)["result"]:
        print("quantile", q, sample["value"][1])

jobs = ["om", "proto", "text", "text1"]
# At one time at which all were up: later, on a busy machine, one may be late.
for _ in range(400):
    now = time.time()
    up = api("query", query="up == 1", time=now)["result"]
    if sorted(u["metric"]["job"] for u in up) == jobs:
        break
    time.sleep(0.05)
for job in jobs:
    show(job, "up")
    for name in ("hits_total", "size_bytes", "wait_seconds_bucket",
                 "wait_seconds_sum", "wait_seconds_count", "rest_sum",
                 "rest_count", "my_name", "odd", "about_info", "door",
                 "nap_seconds_bucket", "nap_seconds_count"):
        show(job, name)
for name in ("jobs_total", "took_seconds_bucket"):
    for e in api("query_exemplars", query=name, start=time.time() - 600,
                 end=time.time() + 60):
        print(e["seriesLabels"]["job"], "exemplar", name,
              e["seriesLabels"].get("le", ""),
              [(x["labels"], x["value"]) for x in e["exemplars"]][-1])
native("nap_seconds")
native("few")
for q in ("0.5", "0.9"):
    quantile(q, 'few{job="proto"}')
# What is said of a metric, by the target's metadata.
for job in jobs:
    for m in api("targets/metadata", match_target='{job="%s"}' % job):
        if not m["metric"].startswith(("pdc_", "process_")):
            print(job, m["metric"], m["type"], repr(m["help"]), m["unit"])
END
"$python" "$tmp/ask.py" "$at" >"$tmp/out" 2>&1 || diag "$(cat "$tmp/out")"

# of JOB: what was read of it, without its name
of()
{
	sed -n "s/^$1 //p" "$tmp/out" | LC_ALL=C sort
}

values='about_info v=1 1
door door=open 0
door door=shut 1
hits_total a=q"\ 3
my_name 7
odd 9
rest_count 1
rest_sum 5
size_bytes 1234567.5
up 1
wait_seconds_bucket le=+Inf 2
wait_seconds_bucket le=0.5 0
wait_seconds_bucket le=1.0 1
wait_seconds_bucket le=1e+06 2
wait_seconds_count 2
wait_seconds_sum 2.75'

# A sample's line ends in a number.
for job in om proto text text1; do
	is "$(of $job | grep -v ^nap | grep '[0-9]$')" "$values" \
	    "$job: the values"
done
for job in text text1 proto; do
	is "$(of $job | grep "^hits_total counter")" \
	    "hits_total counter 'Say \"all\" \\\\ of it.' " \
	    "$job: what is said of a counter"
	is "$(of $job | grep "^about_info ")" "about_info gauge '' 
about_info v=1 1" "$job: an info is a gauge"
done
is "$(of om | grep "^hits counter")" \
    "hits counter 'Say \"all\" \\\\ of it.' " \
    "om: what is said of a counter"
is "$(of om | grep "^about info")" "about info '' " "om: an info"
is "$(of om | grep "^door stateset")" "door stateset '' " "om: a stateset"
is "$(of om | grep "^odd [a-z]")" "odd unknown '' " "om: an unknown"
is "$(of om | grep "^size_bytes [a-z]")" "size_bytes gauge '' bytes" \
    "om: a unit"
for job in om proto; do
	is "$(of $job | grep ^exemplar)" "exemplar jobs_total  ({'trace_id': 'abc'}, '2')
exemplar took_seconds_bucket 1.0 ({'trace_id': 'def'}, '0.75')" \
	    "$job: the exemplars of a counter and a bucket"
done
is "$(of text | grep ^exemplar)$(of text1 | grep ^exemplar)" "" \
    "the texts have none"
is "$(grep "^native nap" "$tmp/out")" \
    "native nap_seconds 13 +Inf [-4,-2]:1 [-1,-0.5]:1 [-9.5367431640625e-07,9.5367431640625e-07]:2 [1,2]:4 [2,4]:1 [4,8]:2 [1048576,2097152]:1 [1.7976931348623157e+308,+Inf]:1" \
    "a native histogram is there as it was observed"
is "$(grep "^native few" "$tmp/out")" \
    "native few 10 38.35 [0.5,1]:1 [1,2]:3 [2,4]:2 [4,8]:4" \
    "one of few buckets by a coarser schema"
is "$(grep "^quantile" "$tmp/out")" "quantile 0.5 3
quantile 0.9 7" "and quantiles of it are right"
for job in om text text1; do
	is "$(of $job | grep "^nap_seconds_")" \
	    "nap_seconds_bucket le=+Inf 13
nap_seconds_bucket le=1.5 6
nap_seconds_count 13" "$job: its classic buckets"
done
is "$(grep '^/proto' "$tmp/types" | sort -u)" \
    "/proto application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited" \
    "it asked for protobuf by itself"
tap_done
