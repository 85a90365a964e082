#!/bin/sh
# SPDX-License-Identifier: ISC
# The journal from the shell: log, event, measure, and what shows them.
. "$srcdir/tests/tap.sh"

: "${PDC:=$top_builddir/bin/pdc/pdc}"
store=$tmp/store
unset PDC_STORE

# lines COMMAND [OPTION ...]: without their times
lines()
{
	"$PDC" -s "$store" "$@" 2>&1 | sed 's/"timestamp": [0-9.]*/"timestamp": 0/'
}

trouble()
{
	pattern=$1
	shift
	got=$("$PDC" -s "$store" "$@" 2>"$tmp/err")
	got=$?:$got:$(wc -l <"$tmp/err" | tr -d ' '):$(cat "$tmp/err")
	like "$got" "2::1:pdc: $pattern" "refused: pdc $*"
}

put()
{
	"$PDC" -s "$store" "$@" 2>"$tmp/err"
	is "$?:$(cat "$tmp/err")" "0:" "pdc $*"
}

trouble "*" logs
put log info "backup done" host=a files:=3 'tags:=["x", null]'
put log WARN "disk is full" path=/var
put log fatal gone
put event deploy version=1.2
put measure temp 21.5 room=kitchen
put measure temp -2

is "$(lines logs)" '{"timestamp": 0, "level": "INFO", "message": "backup done", "attributes": {"host": "a", "files": 3, "tags": ["x", null]}}
{"timestamp": 0, "level": "WARNING", "message": "disk is full", "attributes": {"path": "/var"}}
{"timestamp": 0, "level": "CRITICAL", "message": "gone", "attributes": {}}' \
    "logs"
is "$(lines events)" \
    '{"name": "deploy", "timestamp": 0, "attributes": {"version": "1.2"}}' \
    "events"
is "$(lines measures)" '{"name": "temp", "timestamp": 0, "value": 21.5, "labels": {"room": "kitchen"}}
{"name": "temp", "timestamp": 0, "value": -2.0, "labels": {}}' "measures"

is "$(lines logs --level=warn | wc -l | tr -d ' ')" 1 "--level in any case"
is "$(lines logs --level=INFO,CRITICAL | wc -l | tr -d ' ')" 2 "two levels"
is "$(lines logs --min-level=WARNING | wc -l | tr -d ' ')" 2 "--min-level"
is "$(lines logs --limit=2 | wc -l | tr -d ' ')" 2 "--limit"
is "$(lines events --name=other)" "" "--name of none"
is "$(lines measures --name=temp | wc -l | tr -d ' ')" 2 "--name"
is "$(lines logs --since=1h | wc -l | tr -d ' ')" 3 "--since an hour ago"
is "$(lines logs --until=1h)" "" "--until an hour ago"
last=$("$PDC" -s "$store" logs | tail -1 |
    sed 's/.*"timestamp": \([0-9.]*\),.*/\1/')
is "$(lines logs --since="$last")" "" "nothing since the last one's time"

"$PDC" -s "$store" logs --cursors --limit=1 >"$tmp/first"
like "$(cat "$tmp/first")" '*, "_cursor": "p1-*-1"}' "--cursors"
cursor=$(sed 's/.*"_cursor": "\([^"]*\)".*/\1/' "$tmp/first")
is "$(lines logs --after="$cursor" | wc -l | tr -d ' ')" 2 "--after"

text=$(TZ=UTC "$PDC" -s "$store" logs --format=text --level=INFO)
like "$text" \
    '20[0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].?????? INFO     backup done host="a" files=3 tags=\["x", null\]' \
    "--format=text"
"$PDC" -s "$store" event quotes 'say "a, b"={"c", d}' e=1
like "$(TZ=UTC "$PDC" -s "$store" events --format=text --name=quotes)" \
    '* quotes say \\"a, b\\"="{\\"c\\", d}" e="1"' "quotes in it"
like "$(TZ=UTC "$PDC" -s "$store" measures --format=text --limit=1)" \
    '* temp 21.5 room="kitchen"' "of measures"

# Other forms of the same lines, without their times.
form()
{
	"$PDC" -s "$store" "$@" 2>&1 | sed 's/Nano": "[0-9]*"/Nano": "0"/g
		s/"@timestamp": "[^"]*"/"@timestamp": "0"/'
}
otel='{"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "unknown_service"}}]}, "scopeLogs": [{"scope": {"name": "pdc"}, "logRecords": [{"timeUnixNano": "0", "observedTimeUnixNano": "0", '
is "$(form logs --format=otel --level=info)" "$otel"'"severityNumber": 9, "severityText": "INFO", "body": {"stringValue": "backup done"}, "attributes": [{"key": "host", "value": {"stringValue": "a"}}, {"key": "files", "value": {"intValue": "3"}}, {"key": "tags", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {}]}}}]}]}]}]}' \
    "--format=otel"
is "$(form measures --format=otel --limit=1)" "$otel"'"eventName": "temp", "body": {"doubleValue": 21.5}, "attributes": [{"key": "room", "value": {"stringValue": "kitchen"}}]}]}]}]}' \
    "of measures"
is "$(form logs --format=ecs --level=info)" '{"@timestamp": "0", "log.level": "INFO", "message": "backup done", "ecs.version": "1.6.0", "labels": {"host": "a", "files": "3", "tags": "[\"x\", null]"}}' \
    "--format=ecs"
like "$(form events --format=ecs --limit=1 --cursors)" '{"@timestamp": "0", "log.level": "INFO", "message": "deploy", "ecs.version": "1.6.0", "event.action": "deploy", "labels": {"version": "1.2", "_cursor": "p1-*-4"}}' \
    "of events, with a cursor"

trouble "'loud' is no level" log loud x
trouble "'loud' is no level" logs --level=loud
trouble "'x' is no NAME=VALUE" log info m x
trouble "'=x' is no NAME=VALUE" log info m =x
trouble "*\"a\"*no JSON" log info m 'a:={'
trouble "*" measure temp warm
trouble "'zz' is no cursor" logs --after=zz
trouble "*is of another store" logs \
    --after=p1-00000000000000000000000000000000-1
trouble "the cursor is behind the last line" logs \
    --after="${cursor%-*}-1000000"
trouble "*--limit*" logs --limit=-1
trouble "unknown format 'xml'" logs --format=xml
trouble "events takes no option --level" events --level=INFO
trouble "logs takes no option --name" logs --name=x

is "$("$PDC" -s "$store" measures --latest | sed 's/ [0-9]\{13\}$/ T/')" \
    'temp -2.0 T
temp{room="kitchen"} 21.5 T' "--latest"
trouble "--latest goes with no option --limit" measures --latest --limit=1
trouble "events takes no option --latest" events --latest

# Limits, and what is beyond them.
retain()
{
	"$PDC" -s "$store" retain "$@"
}
is "$(retain)" "" "no limits"
retain logs:max_count=2,max_age=1d ERROR:none measures:max_bytes=1K
is "$(retain)" "ERROR:none
measures:max_bytes=1024
logs:max_age=86400.0s,max_count=2" "what was set"
retain ERROR:default
is "$(retain | grep -c ERROR)" 0 "a level without its own"
trouble "max_count must be positive, got 0" retain logs:max_count=0
trouble "level name cannot be empty" retain :none
trouble "'logs' is not of the form*" retain events:none logs
is "$(retain | grep -c events)" 0 "one that makes no sense, and none is set"
is "$("$PDC" -s "$store" gc)" "1 lines deleted" "gc"
is "$(lines logs | wc -l | tr -d ' ')" 2 "two are left"
is "$(lines logs --after="$cursor" 2>&1 | tail -1)" \
    "$(lines logs | tail -1)" "after a line that is gone"
retain logs:max_count=1
"$PDC" -s "$store" gc >/dev/null
like "$("$PDC" -s "$store" logs --after="$cursor" 2>&1 >/dev/null)" \
    "pdc: lines are gone between 2 and *" "who had not seen one is told"
like "$("$PDC" -s "$store" stat)" \
    "*journal head *7
journal INFO *0 lines, 0 bytes, floor 2, 1 deleted
journal WARNING *0 lines, 0 bytes, floor 3, 1 deleted
journal CRITICAL *1 lines, *" "stat tells of it"
retain logs:none

# What is damaged is shown as it is, and left out of other forms, which is told.
printf 'raw 6 %s\n' "$(printf '{"name": "odd"}\n' | od -An -v -tx1 |
    tr -d ' \n')" | "$top_builddir/tests/journal/write" "$store"
is "$(lines events | tail -n 1)" '{"timestamp": 0, "name": "odd"}' \
    "a line that is none, as it is"
"$PDC" -s "$store" events --format=ecs >"$tmp/ecs" 2>"$tmp/err"
is "$?:$(wc -l <"$tmp/ecs" | tr -d ' '):$(cat "$tmp/err")" \
    "0:2:pdc: damaged lines left out: 1" "of another form it is left out"

# A follower sees what comes, from whomever.
"$PDC" -s "$store" logs --follow --limit=3 --format=ndjson >"$tmp/followed" &
follower=$!
sleep 0.5
put log info fourth
put log info fifth
tries=100
while kill -0 "$follower" 2>/dev/null && test "$tries" -gt 0; do
	sleep 0.1
	tries=$((tries - 1))
done
kill "$follower" 2>/dev/null
wait "$follower"
is "$?:$(wc -l <"$tmp/followed" | tr -d ' ')" 0:3 "--follow"
"$PDC" -s "$store" logs --follow >"$tmp/followed" 2>"$tmp/err" &
follower=$!
tries=100
until test -s "$tmp/followed" || test "$tries" -eq 0; do
	sleep 0.1
	tries=$((tries - 1))
done
"$PDC" -s "$tmp/new" log info other
mv "$store" "$tmp/old" && mv "$tmp/new" "$store"
wait "$follower"
like "$?:$(cat "$tmp/err")" "2:pdc: *: it is another store now" \
    "a follower of a store that is replaced ends"
tap_done
