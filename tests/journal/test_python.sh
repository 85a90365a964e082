#!/bin/sh
# SPDX-License-Identifier: ISC
# Lines of random fields, byte for byte as Python's json.dumps() writes them, and
# as the objects of other forms.
#
#	PDC_LINES=N: so many
. "$srcdir/tests/tap.sh"

: "${PDC:=$top_builddir/bin/pdc/pdc}" "${PYTHON3:=python3}"
command -v "$PYTHON3" >/dev/null 2>&1 || skip_all "python3 is not installed"
command -v jq >/dev/null 2>&1 || skip_all "jq is not installed"
store=$tmp/store

seed=$$
diag "seed $seed"
"$PYTHON3" "$srcdir/tests/journal/lines.py" "$seed" "${PDC_LINES:-2000}" "$tmp/tasks" \
    "$tmp/want" >"$tmp/err" 2>&1
ok $? "python makes lines" || diag "$(cat "$tmp/err")"
"$top_builddir/tests/journal/write" "$store" <"$tmp/tasks" 2>"$tmp/err"
is "$?:$(cat "$tmp/err")" "0:" "and they are written"
for kind in logs events measures; do
	"$PDC" -s "$store" "$kind" --format=ndjson >"$tmp/got"
	sed 's/"timestamp": [0-9.]*/"timestamp": 0/' "$tmp/got" >"$tmp/plain"
	cmp "$tmp/want.$kind" "$tmp/plain" >"$tmp/err" 2>&1
	ok $? "$(wc -l <"$tmp/got") $kind are the same bytes" || {
		diag "$(cat "$tmp/err")"
		diag "$(diff "$tmp/want.$kind" "$tmp/plain" | head -c 2000)"
	}
	jq -r '[.timestamp, .level // .name, .message // .value] | @json' \
	    <"$tmp/got" >"$tmp/jq" 2>"$tmp/err"
	is "$?:$(wc -l <"$tmp/jq"):$(cat "$tmp/err")" \
	    "0:$(wc -l <"$tmp/got"):" "jq reads each"
	"$PYTHON3" -c '
import json, sys
last = 0
for line in sys.stdin:
    text = line.split("\"timestamp\": ")[-1].split(",")[0]
    t = json.loads(line)["timestamp"]
    assert t > last and repr(t) == text, (t, last, text)
    last = t
' <"$tmp/got" 2>"$tmp/err"
	ok $? "their times are as Python prints them, in order" ||
	    diag "$(cat "$tmp/err")"
	for form in ndjson otel ecs; do
		"$PDC" -s "$store" "$kind" --format=$form --cursors \
		    >"$tmp/$form"
	done 2>"$tmp/err"
	"$PYTHON3" "$srcdir/tests/journal/forms.py" "$tmp/ndjson" \
	    "$tmp/otel" "$tmp/ecs" >>"$tmp/err" 2>&1
	is "$?:$(head -c 2000 "$tmp/err")" 0: "they are the same in other forms"
done
tap_done
