#!/bin/sh
# SPDX-License-Identifier: ISC
# Routes, methods and pages of pdc-serve.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

# header NAME: of the answer in $tmp/headers
header()
{
	tr -d '\r' <"$tmp/headers" | sed -n "s/^$1: //Ip"
}

test_routes()
{
	is "$(status /-/healthy)" 200 "/-/healthy is 200"
	is "$(body)" "pdc-serve is Healthy." "and says so"
	is "$(status /-/ready)" 200 "/-/ready is 200"
	is "$(body)" "pdc-serve is Ready." "and says so"
	is "$(status / -D "$tmp/headers")" 200 "/ is 200"
	is "$(header content-type)" "text/html; charset=UTF-8" "and HTML"
	like "$(body)" "*<h1>pdc-serve</h1>*Version: [0-9]*href=\"/metrics\"*" \
	    "with name, version and link"
	is "$(status /metrics -D "$tmp/headers")" 200 "/metrics is 200"
	is "$(header content-type)" \
	    "text/plain; version=0.0.4; charset=utf-8" "and text 0.0.4"
	is "$(status '/metrics?a=b')" 200 "a query does not matter"
	for path in /x /metrics/ //metrics /metrics%00 /-/ /-/healthy/ \
	    /-/reload /../metrics /%zz /index.html /favicon.ico; do
		is "$(status "$path")" 404 "$path is 404"
	done
}

test_methods()
{
	for path in /metrics / /-/healthy /-/ready; do
		for method in POST PUT DELETE OPTIONS PATCH TRACE; do
			is "$(status $path -X $method -D "$tmp/headers")" 405 \
			    "$method $path is 405"
			is "$(header allow)" "GET, HEAD" "and says what is"
		done
	done
	is "$(status /metrics -d 'a=b')" 405 "a form is 405"
	is "$(status /x -X POST)" 404 "POST of nothing is 404"
	for path in / /-/healthy /x; do
		status $path -D "$tmp/get" >/dev/null
		curl -s -m 9 -g --path-as-is -I "$url$path" >"$tmp/head"
		is "$(grep -vi '^date:' "$tmp/head")" \
		    "$(grep -vi '^date:' "$tmp/get")" \
		    "HEAD $path has the headers of GET"
	done
	curl -s -m 9 -I "$url/metrics" | tr -d '\r' >"$tmp/headers"
	is "$(header content-type)" \
	    "text/plain; version=0.0.4; charset=utf-8" "HEAD /metrics"
	test "$(header content-length)" -gt 100
	ok $? "has the length of a page"
	printf 'HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\nGET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' |
	    "$python" -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(sys.stdin.buffer.read())
text = b""
while True:
    piece = s.recv(65536)
    if not piece:
        break
    text += piece
head, rest = text.split(b"\r\n\r\n", 1)
print(rest.startswith(b"HTTP/1.1 200"))
' "$port" >"$tmp/out"
	is "$(cat "$tmp/out")" True "and no body"
}

own="pdc_up pdc_build_info pdc_store_data_bytes pdc_store_map_bytes
    pdc_cells_bytes pdc_cells_budget_bytes pdc_families pdc_series
    pdc_store_readers pdc_store_epoch pdc_last_checkpoint_age_seconds
    pdc_last_checkpoint_duration_seconds pdc_checkpoints_total
    pdc_checkpoint_errors_total pdc_updates_dropped_total pdc_anomalies_total
    pdc_unresolved_handles_total pdc_overflow_total
    pdc_declarations_differing_total
    pdc_ring_backlog_bytes pdc_damaged_records pdc_name_clashes
    pdc_scrape_duration_seconds pdc_http_requests_total
    pdc_http_requests_in_flight pdc_http_pages_broken_total
    process_cpu_seconds_total process_open_fds
    process_max_fds process_virtual_memory_bytes
    process_virtual_memory_max_bytes process_resident_memory_bytes
    process_start_time_seconds"

test_page()
{
	"$PDC" -s "$store" inc requests_total 4
	"$PDC" -s "$store" set temperature_celsius -1.5
	"$PDC" -s "$store" declare histogram wait_seconds --help="Wait." \
	    --buckets=0.1,1
	"$PDC" -s "$store" observe wait_seconds 0.5
	"$PDC" -s "$store" inc 'hits_total{path="/a \"b\""}' 2
	is "$(status /metrics)" 200 "a page"
	is "$(value requests_total)" 4 "has the counter"
	is "$(value temperature_celsius)" -1.5 "has the gauge"
	is "$(value 'wait_seconds_bucket{le="1.0"}')" 1 "has the histogram"
	is "$(value wait_seconds_sum)" 0.5 "with its sum"
	grep -qF 'hits_total{path="/a \"b\""} 2' "$tmp/body"
	ok $? "has the labels"
	for name in $own; do
		grep -q "^# TYPE $name " "$tmp/body" &&
		    grep -q "^# HELP $name ." "$tmp/body" &&
		    grep -q "^$name[ {]" "$tmp/body"
		ok $? "has $name"
	done
	is "$(value pdc_up)" 1 "pdc_up is 1"
	is "$(value 'pdc_updates_dropped_total{reason="nan"}')" 0 \
	    "drops begin at 0"
	is "$(value 'pdc_http_requests_total{code="404",handler="other"}')" \
	    "$not_found" "answers are counted"
	is "$(value pdc_http_requests_in_flight)" 1 "one is in flight"
	is "$(value pdc_damaged_records)" 0 "nothing is damaged"
	test "$(value pdc_families)" -ge 4
	ok $? "pdc_families counts"
	awk -v n="$(value process_start_time_seconds)" -v now="$(date +%s)" \
	    'BEGIN { exit !(n > now - 600 && n < now + 5) }'
	ok $? "process_start_time_seconds is now"
	is "$(value process_max_fds)" "$(ulimit -n)" "process_max_fds"
}

test_judges()
{
	sed -n '/^# HELP pdc_anomalies_total /,$p' "$tmp/body" >"$tmp/own"
	sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$tmp/own" >"$tmp/names"
	# shellcheck disable=SC2086 # a list of words
	is "$(wc -l <"$tmp/names"):$(LC_ALL=C sort -u "$tmp/names")" \
	    "$(printf '%s\n' $own | wc -l):$(cat "$tmp/names")" \
	    "pdc-serve's own families come last, all of them, by name"
	"$python" - "$tmp/body" >"$tmp/out" 2>&1 <<'END'
import sys
from prometheus_client.parser import text_string_to_metric_families as parse
names = [f.name for f in parse(open(sys.argv[1]).read())]
assert len(names) == len(set(names)), names
print(len(names) > 30)
END
	is "$(tail -n 1 "$tmp/out")" True "the client's parser reads the page"
	if command -v promtool >/dev/null 2>&1; then
		promtool check metrics <"$tmp/own" >"$tmp/out" 2>&1
		is "$?:$(cat "$tmp/out")" 0: "promtool finds nothing in ours"
	else
		skip "promtool is not installed"
	fi
}

test_names_taken()
{
	"$PDC" -s "$store" inc process_cpu_seconds_total 77
	"$PDC" -s "$store" set process_open_fds 6
	"$PDC" -s "$store" set '{"process.start.time.seconds"}' 5
	status /metrics >/dev/null
	is "$(value process_cpu_seconds_total)" 77 "a counter of the store wins"
	is "$(value process_open_fds)" 6 "a gauge too"
	is "$(value process_start_time_seconds)" 5 "and one whose name was escaped"
	is "$(value pdc_name_clashes)" 0 "which is no clash"
	"$PDC" -s "$store" set '{"process start time seconds"}' 7
	status /metrics >/dev/null
	is "$(value process_start_time_seconds):$(value pdc_name_clashes)" 7:1 \
	    "of two that become one name the first stays, and it is counted"
	is "$(grep -c '^# TYPE process_open_fds ' "$tmp/body")" 1 \
	    "and there is one family of the name"
}

test_flags_of_pages()
{
	start --web.telemetry-path=/a%b --web.disable-exporter-metrics \
	    --exposition.created
	is "$(status /metrics)" 404 "/metrics is elsewhere"
	is "$(status /a%25b)" 200 "there"
	is "$(value requests_total)" 4 "with the metrics"
	is "$(grep -c 'pdc_build_info\|process_max' "$tmp/body")" 0 \
	    "and none of pdc-serve's own"
	grep -q '^# TYPE requests_created gauge' "$tmp/body"
	ok $? "--exposition.created adds families"
	status / >/dev/null
	like "$(body)" "*href=\"/a%25b\"*" "the landing page links there"
	stop
	start --web.telemetry-path=/ --no-web.disable-exporter-metrics
	is "$(status /)" 200 "metrics at /"
	is "$(grep -c '^# TYPE pdc_build_info' "$tmp/body")" 1 "are metrics"
	stop
}

# A process with a slot, as /proc has it, and as long as it lives.
test_workers()
{
	store=$tmp/workers
	"$top_builddir/tests/serve/worker" "$store" >"$tmp/here" &
	worker=$!
	until_true 10 grep -q here "$tmp/here" || diag "no worker"
	start
	status /metrics >/dev/null
	is "$(grep -c pdc_worker_ "$tmp/body")" 0 "workers are not asked for"
	stop
	start --collector.workers
	status /metrics >/dev/null
	is "$(grep -c '^pdc_worker_[a-z_]*{slot="0"} [0-9.e+]*$' "$tmp/body")" 5 \
	    "--collector.workers has five numbers of a worker"
	now=$(date +%s)
	awk -v n="$(value 'pdc_worker_start_time_seconds{slot="0"}')" \
	    -v now="$now" 'BEGIN { exit !(n <= now + 1 && n > now - 600) }'
	ok $? "it began a while ago"
	is "$(value 'pdc_worker_open_fds{slot="0"}')" \
	    "$(ls "/proc/$worker/fd" | wc -l | tr -d ' ')" "its descriptors"
	promtool check metrics <"$tmp/body" >"$tmp/out" 2>&1
	is "$?:$(cat "$tmp/out")" 0: "promtool finds nothing in it"
	kill -KILL "$worker"
	wait "$worker" 2>/dev/null
	status /metrics >/dev/null
	is "$(grep -c '^pdc_worker_' "$tmp/body")" 0 "it is gone when it is gone"
	stop
}

"$PDC" -s "$store" inc first_total
start
test_routes
not_found=11
test_page
test_judges
test_methods
test_names_taken
stop
is "$status" 0 "SIGTERM ends it with status 0"
test_flags_of_pages
test_workers
tap_done
