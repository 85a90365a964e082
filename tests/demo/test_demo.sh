#!/bin/sh
# SPDX-License-Identifier: ISC
# The demonstration ends by itself, says "exact", and leaves nothing behind.

. "$srcdir/tests/tap.sh"

test -x /usr/bin/python3 || skip_all "no python3"
command -v prometheus >/dev/null || skip_all "no prometheus"

seconds=8
test -z "${PDC_CHECK_SHORT:-}" || seconds=3

demo=

cleanup()
{
	test -z "$demo" || kill -TERM "$demo" 2>/dev/null
}

# left NAME: the processes of the demonstration that printed $tmp/NAME.
left()
{
	dir=$(sed -n 's/^files *//p' "$tmp/$1")
	test -n "$dir" || echo "it said no directory"
	test ! -e "$dir" || echo "$dir"
	pgrep -f -- "$dir/" || :
}

"$srcdir/tests/demo/run.sh" "$top_builddir" --no-kill >"$tmp/ended" 2>&1 &
demo=$!

"$srcdir/tests/demo/run.sh" "$top_builddir" --seconds "$seconds" \
    >"$tmp/timed" 2>&1
ok $? "it ends by itself and is exact, with kills and without"
diag "$(cat "$tmp/timed")"
is "$(tail -n 1 "$tmp/timed")" exact "its last word is exact"
is "$(sed -n 's/^ *0 workers killed/none/p' "$tmp/timed")" none \
    "workers were killed in the first part and not in the second"
is "$(left timed)" "" "it leaves no file and no process"

kill -TERM "$demo"
wait "$demo"
ok $? "without --seconds it goes on until it is told to end, then is exact"
test "$(tail -n 1 "$tmp/ended")" = exact || diag "$(cat "$tmp/ended")"
is "$(left ended)" "" "it leaves no file and no process then either"
tap_done
