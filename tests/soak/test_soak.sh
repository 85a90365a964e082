#!/bin/sh
# SPDX-License-Identifier: ISC
# The long haul, see work.c, with pdc-serve, scrapes and followers beside it.
#
#	PDC_SOAK=SECONDS: so long; make soak SECONDS=N does that
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

seconds=${PDC_SOAK:-2}
cleanup()
{
	kill $pid $scrapes $follows 2>/dev/null
	wait
}

# What pdc-serve has open: descriptors.
descriptors()
{
	ls "/proc/$pid/fd" | wc -l
}

mkdir -m 0700 "$store"
"$PDC" -s "$store" declare counter counted
start --web.logs
first=$(descriptors)
while :; do
	curl -s -m 20 -o "$tmp/page" -w '%{http_code}\n' "$url/metrics"
	sleep 0.1
done >"$tmp/codes" 2>/dev/null &
scrapes=$!
while :; do
	curl -sN -m 1 -o /dev/null "$url/logs?follow=1"
done 2>/dev/null &
follows=$!
"$top_builddir/tests/soak/work" "$store" "$seconds" >"$tmp/work"
ok $? "work is done"
grep '^# ' "$tmp/work"
is "$(grep -c '^ok' "$tmp/work"):$(grep '^not ok' "$tmp/work")" \
    "$(sed -n 's/^1\.\.//p' "$tmp/work"):" "and all was as it is to be"
kill "$scrapes" "$follows"
wait "$scrapes" "$follows" 2>/dev/null
scrapes=
follows=
is "$(sort -u "$tmp/codes")" 200 "$(wc -l <"$tmp/codes") scrapes, all good"
# A cells file that was deleted stays open for a minute in who had it.
lost=$(sed -n 's/.*kills, \([0-9]*\) cells files.*/\1/p' "$tmp/work")
test "$lost" -le 14 || lost=14
until_true 10 sh -c \
    "test \$(ls /proc/$pid/fd | wc -l) -le $((first + lost + 4))"
ok $? "pdc-serve has no more open than at first, but for $lost cells files" ||
    diag "$first, then $(descriptors)"
stop
is "$status" 0 "and ends well"
tap_done
