#!/bin/sh
# SPDX-License-Identifier: ISC
#
# golden-N has a store as format N made it: what mdb_dump wrote of it, and what
# is shown of it.  This version opens it and shows the same to the last digit,
# or refuses it with words that name both formats.  fill made it, and a store
# that it makes now has to look the same but for its times.
#
# golden-1 is text, as it is smaller than data.mdb, does not depend on the size
# of a page, and a change of it can be read.  It was made by
#	fill store; mdb_dump store >data.dump; test_golden.sh --shown store >shown
# and is not to be made again: another format gets a golden of its own.
. "$srcdir/tests/tap.sh"

: "${PDC:=$top_builddir/bin/pdc/pdc}"
unset PDC_STORE
golden=$srcdir/tests/upgrade/golden-1
store=$tmp/store
umask 077

# Of delimited messages those called golden_native, as protoc reads them.
native()
{
	"${PYTHON3:-python3}" -c '
import subprocess, sys
data, at = sys.stdin.buffer.read(), 0
while at < len(data):
    size = shift = 0
    while True:
        size |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            break
    if b"golden_native" in data[at:at + size]:
        subprocess.run(["protoc", "--decode_raw"], input=data[at:at + size],
            check=True)
    at += size
'
}

# shown STORE: all there is in it, in every form
shown()
{
	"$PDC" -s "$1" keys golden_jobs || return 1
	"$PDC" -s "$1" show --format=openmetrics |
	    grep -v -e '^pdc_' -e '^# [A-Z]* pdc_'
	"$PDC" -s "$1" show --format=protobuf | native
	for what in logs events measures retain; do
		echo "$what"
		"$PDC" -s "$1" $what
	done
	"$PDC" -s "$1" stat | grep '^journal'
}

# Without times of creation, of lines and of expiry, which differ in length.
timeless()
{
	sed -e 's/[0-9]\{10\}\.[0-9]*/TIME/' -e 's/\(expires\) [0-9].*/\1/' \
	    -e 's/, [0-9]* bytes,/,/' -e '/^    15 {/,/^    }/d' "$1"
}

# has NUMBER SAMPLE
has()
{
	is "$("$PDC" -s "$store" get "$2")" "$1" "$2"
}

if test "${1:-}" = --shown; then
	shown "$2"
	exit
fi

mkdir "$store"
mdb_load -f "$golden/data.dump" "$store" 2>"$tmp/err" ||
    skip_all "mdb_load: $(cat "$tmp/err")"
rm -f "$store/lock.mdb"

if ! "$PDC" -s "$store" inc golden_level 2>"$tmp/err"; then
	like "$(cat "$tmp/err")" \
	    "*a store of format 1; *, which knows format [2-9]*" \
	    "it is refused, and both formats are named"
	tap_done
fi
"$PDC" -s "$store" dec golden_level
shown "$store" >"$tmp/shown"
cmp "$golden/shown" "$tmp/shown"
ok $? "a store of format 1 is what it was" ||
    diag "$(diff "$golden/shown" "$tmp/shown")"
is "$("$PDC" -s "$store" check)" "" "pdc check finds nothing"

"$PDC" -s "$store" inc 'golden_jobs{kind="a"}' 1
has 11.25 'golden_jobs_total{kind="a"}'
"$PDC" -s "$store" inc 'golden_jobs{kind="f"}' 1
has 9 'golden_jobs_total{overflow="true"}'
"$PDC" -s "$store" observe golden_seconds 0.75
has 4 'golden_seconds_bucket{le="1.0"}'
"$PDC" -s "$store" observe golden_native -2
has 6 golden_native_count
"$PDC" -s "$store" set golden_sum 1
has 5 golden_sum
"$PDC" -s "$store" set golden_max 1
has 3 golden_max
"$PDC" -s "$store" log debug third
is "$("$PDC" -s "$store" gc >/dev/null; "$PDC" -s "$store" logs |
    grep -c DEBUG)" 1 "its limits are in force"
"$PDC" -s "$store" declare gauge golden_jobs 2>/dev/null
is $? 2 "and its declarations"
is "$("$PDC" -s "$store" check)" "" "all that counts is right"

"$top_builddir/tests/upgrade/fill" "$tmp/now"
shown "$tmp/now" >"$tmp/shown"
timeless "$tmp/shown" >"$tmp/a"
timeless "$golden/shown" >"$tmp/b"
cmp "$tmp/a" "$tmp/b"
ok $? "a store made now is the same" || diag "$(diff "$tmp/a" "$tmp/b")"
tap_done
