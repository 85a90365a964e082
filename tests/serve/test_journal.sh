#!/bin/sh
# SPDX-License-Identifier: ISC
# /logs, /events and /measures: filters, cursors, following, who may see them.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

pdc()
{
	"$PDC" -s "$store" "$@"
}

count()
{
	wc -l <"$tmp/body" | tr -d ' '
}

# bad CODE PARAMETER PATH: a JSON object that names it
bad()
{
	is "$(status "$3")" "$1" "$3 is $1"
	is "$("$python" -c 'import json, sys
print(json.load(open(sys.argv[1])).get("parameter"))' "$tmp/body")" "$2" \
	    "and names $2"
}

mkdir -m 0700 "$store"
for i in 1 2 3 4 5; do
	pdc log info "line $i"
done
pdc log warning low disk=sda
pdc event deploy v=1
pdc measure temp 20
pdc measure 'a"b' 21

start
is "$(status /logs)" 403 "a store of one user is not shown"
like "$(body)" '{"error": "*--web.logs*"}' "and why"
stop
chmod 0750 "$store"
start
is "$(status /logs)" 200 "one that the server's group may read is"
stop
chmod 0700 "$store"

start --web.logs
is "$(status /logs)" 200 "so is any with --web.logs"
is "$(count)" 6 "all logs"
like "$(cat "$tmp/answer")" "*application/x-ndjson" "as NDJSON"
pdc logs --format=ndjson >"$tmp/own"
cmp -s "$tmp/own" "$tmp/body"
ok $? "the same bytes as pdc logs"
status "/logs?level=warn" >/dev/null
is "$(count)" 1 "WARN is WARNING"
status "/logs?min_level=info&limit=3" >/dev/null
is "$(count)" 3 "limit"
last=$(tail -1 "$tmp/own" | sed 's/.*"timestamp": \([0-9.]*\),.*/\1/')
status "/logs?since=$last" >/dev/null
is "$(count)" 0 "since the last one's time is nothing"
status "/logs?until=$last" >/dev/null
is "$(count)" 6 "until it is all"
status /events >/dev/null
is "$(count)" 1 "events"
status "/measures?name=a%22b" >/dev/null
is "$(count)" 1 "measures of a name"

is "$(status /measures/latest)" 200 "the latest measures"
is "$(sed 's/ [0-9]\{13\}$/ T/' "$tmp/body")" 'a_b 21.0 T
temp 20.0 T' "as a page for Prometheus"
like "$(cat "$tmp/answer")" "*text/plain; version=0.0.4*" "of its type"
is "$("$python" -c 'import sys
from prometheus_client.parser import text_fd_to_metric_families as parse
for f in parse(sys.stdin):
    for s in f.samples:
        print(s.name, s.labels, s.value, s.timestamp > 1.7e9)' <"$tmp/body")" \
    "a_b {} 21.0 True
temp {} 20.0 True" "which its parser reads"
pdc measure temp 19
status /measures/latest >/dev/null
is "$(sed -n 's/^temp \(.*\) [0-9]*$/\1/p' "$tmp/body")" 19.0 "it goes on"
is "$(status /measures/latest -X POST)" 405 "POST is 405"

# Other forms of the same lines, also with cursors.
for form in ndjson otel ecs; do
	pdc logs --format=$form --cursors >"$tmp/own.$form"
	status "/logs?format=$form&cursors=1" >/dev/null
	cmp -s "$tmp/own.$form" "$tmp/body"
	ok $? "$form is what pdc logs --format=$form shows"
done
like "$(cat "$tmp/own.otel")" '{"resourceLogs": *"_cursor"*' "of OTLP"
like "$(cat "$tmp/own.ecs")" '{"@timestamp": *"_cursor"*' "of ECS"
status "/measures?format=otel&limit=1" -D "$tmp/head" >/dev/null
like "$(body)" '*"eventName": "temp", "body": {"doubleValue": 20.0}*' "measures"
like "$(cat "$tmp/head")" '*X-PDC-Next-Cursor: p1-*' "with the next cursor"

bad 400 format "/events?format=xml"
bad 400 since "/logs?since=x"
bad 400 limit "/logs?limit=-1"
bad 400 level "/logs?level=loud"
bad 400 min_level "/events?min_level=info"
bad 400 name "/logs?name=x"
bad 400 follow "/logs?follow=2"
bad 400 after "/logs?after=x"
bad 400 other "/logs?other=1"
bad 400 until "/logs?follow=1&until=1"
bad 410 after "/logs?after=p1-00000000000000000000000000000000-1"
is "$(status /logs -X POST)" 405 "POST is 405"
is "$(status /logs -I)" 200 "HEAD"
# Answers in chunks: nothing comes behind the head.
"$python" -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
s.sendall(b"HEAD /logs?follow=1 HTTP/1.1\r\nHost: a\r\n\r\n")
got = b""
while True:
    more = s.recv(65536)
    if not more:
        break
    got += more
print(got[:15].decode(), got.index(b"\r\n\r\n") + 4 == len(got))' \
    "$port" >"$tmp/out" 2>&1
is "$(cat "$tmp/out")" "HTTP/1.1 200 OK True" "also where GET would not end"

# By cursors, a line at a time.
status "/logs?limit=1" -D "$tmp/head" >/dev/null
n=0
: >"$tmp/all"
while test "$(count)" -gt 0 && test "$n" -lt 20; do
	cat "$tmp/body" >>"$tmp/all"
	n=$((n + 1))
	cursor=$(sed -n 's/^X-PDC-Next-Cursor: \([^ 	]*\).$/\1/p' "$tmp/head")
	status "/logs?limit=1&after=$cursor" -D "$tmp/head" >/dev/null
done
is "$n" 6 "six pages of a line"
cmp -s "$tmp/all" "$tmp/own"
ok $? "have each line once"
status "/logs?cursors=1&limit=1" >/dev/null
like "$(body)" '*, "_cursor": "p1-*"}' "each line has its cursor if asked"

# A follower of a store that is replaced is cut off: his number means nothing
# in the new one.
curl -sN -m 10 "$url/logs?follow=1" >"$tmp/followed" &
follower=$!
until_true 5 test -s "$tmp/followed"
mkdir -m 0700 "$tmp/new"
"$PDC" -s "$tmp/new" log info other
mv "$store" "$tmp/old" && mv "$tmp/new" "$store"
wait "$follower"
is "$?" 18 "another store ends a follower, as an error"
rm -rf "$store"
mv "$tmp/old" "$store"

cursor=$(sed 's/.*"_cursor": "\([^"]*\)".*/\1/' "$tmp/body")
bad 400 after "/logs?after=${cursor%-*}-1000000"

# A follower gets what comes; another one is cut off with the server.
curl -sN -m 10 "$url/logs?follow=1&limit=8" >"$tmp/followed" &
follower=$!
until_true 5 test -s "$tmp/followed"
pdc log info seventh
pdc log info eighth
wait "$follower"
is "$?:$(wc -l <"$tmp/followed" | tr -d ' ')" 0:8 "a follower gets eight"
curl -sN -m 10 "$url/logs?follow=1&limit=9&min_level=info&format=ecs" \
    >"$tmp/followed" &
follower=$!
until_true 5 test -s "$tmp/followed"
pdc log info ninth
wait "$follower"
is "$?:$(grep -c '^{"@timestamp": .*}$' "$tmp/followed")" 0:9 \
    "who follows in another form gets nine"

# In place of damaged lines there is a line that says so.
printf 'raw 6 %s\n' "$(printf '{"name": "odd"}\n' | od -An -v -tx1 |
    tr -d ' \n')" | "$top_builddir/tests/journal/write" "$store"
is "$(status "/events?format=otel"):$(count)" 200:2 "a damaged line"
like "$(tail -n 1 "$tmp/body")" \
    '*"WARNING"*"key": "_damaged", "value": {"intValue": "1"}*' "is told of"

curl -sN -m 20 "$url/logs?follow=1" >"$tmp/cut" &
follower=$!
until_true 5 test -s "$tmp/cut"
stop
wait "$follower"
is "$?:$status:$(tail -c 1 "$tmp/cut" | wc -l | tr -d ' ')" 0:0:1 \
    "the end of the server ends him, with a whole line"

# Limits of the command line hold for the store; who had not seen what is gone
# is told, once.  The last of those for the same lines holds, of any number.
few=$(printf -- ' --journal.retain=logs:max_count=%s' 1 1 1 1 1 1 1 1 1 1 1 1 1 \
    1 1 1)
# shellcheck disable=SC2086 # words
start --web.logs $few --journal.retain=logs:max_count=3,max_age=7d \
    --journal.retain=events:none
until_true 5 sh -c "curl -s $url/metrics | grep -q '^pdc_journal_lines_deleted_total{stream=\"INFO\"} [1-9]'"
is "$(pdc retain)" "events:none
logs:max_age=604800.0s,max_count=3" "the server's limits are the store's"
status /logs >/dev/null
is "$(count)" 3 "three lines are left"
status "/logs?after=${cursor%-*}-2" >/dev/null
like "$(head -1 "$tmp/body")" '{"_gap": {"from": 3, "to": *}}' \
    "a gap, first of all"
is "$(grep -c _gap "$tmp/body"):$(count)" 1:4 "and once"
for form in otel ecs; do
	status "/logs?format=$form&after=${cursor%-*}-2" >/dev/null
	like "$(head -1 "$tmp/body")" '{*"WARNING"*"lines are gone"*_gap*from*3*' \
	    "the same as $form"
	is "$(grep -c _gap "$tmp/body"):$(count)" 1:4 "and once"
done
metrics=$(curl -s "$url/metrics")
like "$metrics" '*pdc_journal_floor_sequence{stream="INFO"} [1-9]*' "the floor"
like "$metrics" '*pdc_journal_head_sequence 1*' "and the head"
like "$metrics" '*pdc_journal_lines{stream="measures"} 3*' "lines of a stream"
stop
"$PDC_SERVE" --store="$store" --journal.retain=logs:max_count=0 2>"$tmp/err"
like "$?:$(cat "$tmp/err")" "2:*max_count must be positive, got 0" \
    "no such limit"
# A block that makes no sense is left out, which is told once.
store=$tmp/damaged
pdc log info first
pdc log error second
printf '%s\n' VERSION=3 format=bytevalue type=btree mapsize=17179869184 \
    maxreaders=2048 HEADER=END " 4a020000000000000001" " 6f6464" DATA=END |
    mdb_load "$store" 2>"$tmp/err"
is "$?:$(cat "$tmp/err")" 0: "a block is damaged"
start --web.logs
status /logs >/dev/null
is "$(grep -c . "$tmp/body"):$(tail -1 "$tmp/body")" '2:{"_damaged": 1}' \
    "what is not is there"
curl -sN -m 1 "$url/logs?follow=1" >"$tmp/followed"
is "$(grep -c _damaged "$tmp/followed")" 1 "a follower is told once"
is "$(pdc logs --format=ndjson 2>&1 >/dev/null)" \
    "pdc: damaged blocks left out: 1" "pdc logs tells, too"
stop

tap_done
