#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Pages of several pieces: made while they are taken, whole or broken.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

accept_proto="application/vnd.google.protobuf;encoding=delimited"
accept_proto="$accept_proto;proto=io.prometheus.client.MetricFamily"

# ours FILE: of a page the lines of the store
ours()
{
	grep '^fill_total' "$1"
}

test_page()
{
	is_status 200 /metrics -D "$tmp/head"
	ok $? "a page of several pieces"
	grep -qi '^transfer-encoding: chunked' "$tmp/head"
	ok $? "comes in chunks"
	like "$(ours "$tmp/body" | sort -u | grep -c .)" "$nseries" \
	    "each series is there"
	like "$(ours "$tmp/body" | grep -c .)" "$nseries" "once"
	ours "$tmp/body" >"$tmp/identity"
	like "$(tail -n 1 "$tmp/body")" "process_*" "the server's own come last"
	"$PDC" -s "$store" show >"$tmp/shown"
	ours "$tmp/shown" | cmp -s - "$tmp/identity"
	ok $? "pdc show prints the same"
	is_status 200 /metrics --compressed -H "Accept-Encoding: gzip"
	ours "$tmp/body" | cmp -s - "$tmp/identity"
	ok $? "gzip of several pieces decodes to the same"
	is_status 200 /metrics -H "Accept-Encoding: zstd" -D "$tmp/head"
	unzstd <"$tmp/body" | ours - | cmp -s - "$tmp/identity"
	ok $? "zstd too"
	is_status 200 /metrics -H "Accept: application/openmetrics-text"
	like "$(tail -n 1 "$tmp/body")" "# EOF" "OpenMetrics has its end"
	is_status 200 /metrics -0 -D "$tmp/head"
	ours "$tmp/body" | cmp -s - "$tmp/identity"
	ok $? "HTTP/1.0 gets it up to the end of the connection"
	is_status 200 /metrics -I
	ok $? "HEAD is answered"
	is "$(status "/metrics?name[]=pdc_up")" 200 "a small page"
	is "$(status "/metrics?name[]=pdc_up" -D "$tmp/head" >/dev/null
	    grep -ci '^content-length' "$tmp/head")" 1 "has its length"
}

# A client that reads a little and no more for as long as a script takes.
slow()
{
	rm -f "$tmp/slow" "$tmp/go"
	"$python" -c '
import os, socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.connect(("127.0.0.1", int(sys.argv[1])))
lines = ["GET /metrics HTTP/1." + sys.argv[3], "Host: a"] + sys.argv[4:]
s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
text = s.recv(100)
open(sys.argv[2] + "/slow", "w").close()
while not os.path.exists(sys.argv[2] + "/go"):
    time.sleep(0.02)
s.settimeout(20)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
try:
    while True:
        piece = s.recv(1 << 20)
        if not piece:
            print("ended")
            break
        text = text[-10:] + piece
        if text.endswith(b"\r\n0\r\n\r\n"):
            print("whole")
            break
except ConnectionResetError:
    print("broken")
' "$port" "$tmp" "$@" >"$tmp/how" &
	slow_pid=$!
	until_true 10 test -e "$tmp/slow"
}

# slow_ends HOW WORDS
slow_ends()
{
	: >"$tmp/go"
	wait "$slow_pid"
	is "$(cat "$tmp/how")" "$1" "$2"
}

# KiB of its own
memory()
{
	awk '/^RssAnon/ { print $2 }' "/proc/$pid/status"
}

test_slow()
{
	slow 1
	is_status 200 /metrics
	ok $? "another scrape does not wait for a slow reader"
	size=$(value pdc_store_data_bytes)
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		"$PDC" -s "$store" set writes "$i"
	done
	is_status 200 /metrics
	value pdc_store_data_bytes | awk -v was="$size" '{ exit $1 > was + 2e5 }'
	ok $? "pages of the store are used again behind him"
	# A sanitizer keeps what is freed.
	test -n "${PDC_SAN:-}" || test "$(($(memory) - begun))" -lt 8192
	ok $? "what is made for him is a part: $begun, $(memory) KiB"
	kill -HUP "$pid"
	until_true 10 grep -q "store closed" "$log"
	ok $? "the store can be closed and opened under him"
	slow_ends whole "and he gets his page"
}

# Last: the store is spoilt; slow readers have each a page that has begun.
test_broken()
{
	for how in "1" "0" "1 Accept-Encoding:gzip" "1 Accept-Encoding:zstd"; do
		rm -rf "$store"
		"$top_builddir/tests/serve/fill" "$store" "$nseries"
		until_true 10 is_status 200 /metrics
		# shellcheck disable=SC2086 # words
		slow $how
		"$top_builddir/tests/serve/spoil" "$store"
		slow_ends broken "a page that fails breaks off: HTTP/1.$how"
		code=$(status /metrics)
		is "$code" 500 "and none that begins then is 200"
	done
	grep -q 'page broken off.*format' "$log"
	ok $? "it is logged"
}

nseries=3000
"$top_builddir/tests/serve/fill" "$store" "$nseries"
ok $? "a large store"
start
begun=$(memory)
test_page
test_slow
test_broken
stop
tap_done
