#!/bin/sh
# SPDX-License-Identifier: ISC
# The demonstration ends by itself, says "exact", and leaves nothing behind.
# PDC_DEMO_SECONDS=N: longer.

. "$srcdir/tests/tap.sh"

test -x /usr/bin/python3 || skip_all "no python3"
command -v prometheus >/dev/null || skip_all "no prometheus"

# Without restartable sequences a killed worker may take along what it counted
# in a series that could not be made yet: there it cannot be exact.
"$PDC" -s "$tmp/probe" inc x &&
    "$PDC" -s "$tmp/probe" stat | grep -q '^rseq in this process *yes' ||
    skip_all "no rings without restartable sequences"

seconds=${PDC_DEMO_SECONDS:-3}

demo=
timed=

cleanup()
{
	for process in $demo $timed; do
		kill -TERM "$process" 2>/dev/null
	done
}

# run NAME ARGUMENT ...: the demonstration, marked by its environment, which all
# its processes inherit; its output goes to $tmp/NAME.
run()
{
	mark=PDC_TEST_DEMO=$tmp/$1
	out=$tmp/$1
	shift
	exec env "$mark" "$srcdir/tests/demo/run.sh" "$top_builddir" "$@" \
	    >"$out" 2>&1
}

# marked NAME: the processes of the demonstration that run NAME began.
marked()
{
	grep -lzxF "PDC_TEST_DEMO=$tmp/$1" /proc/[0-9]*/environ 2>/dev/null
}

# left NAME: the files and processes it left.
left()
{
	dir=$(sed -n 's/^files *//p' "$tmp/$1")
	test -n "$dir" || echo "it said no directory"
	test ! -e "$dir" || echo "$dir"
	for environ in $(marked "$1"); do
		tr '\0' ' ' <"${environ%environ}cmdline"
		echo
	done
}

run ended --example --no-kill &
demo=$!
run timed --seconds "$seconds" &
timed=$!

# It says how far it is every 5 seconds.
i=0
until grep -q 'so far' "$tmp/ended" || test "$i" -ge 1200; do
	i=$((i + 1))
	sleep 0.05
done
left ended | grep -q '/tests/demo/load '
ok $? "while it runs, its processes are seen"
kill -TERM "$demo"
wait "$demo"
ok $? "without --seconds it goes on until it is told to end, then is exact"
demo=
test "$(tail -n 1 "$tmp/ended")" = exact || diag "$(cat "$tmp/ended")"
is "$(left ended)" "" "it leaves no file and no process"

wait "$timed"
ok $? "it ends by itself and is exact, with kills and without"
timed=
diag "$(cat "$tmp/timed")"
is "$(tail -n 1 "$tmp/timed")" exact "its last word is exact"
is "$(sed -n 's/^ *0 workers killed/none/p' "$tmp/timed")" none \
    "workers were killed in the first part and not in the second"
is "$(left timed)" "" "it leaves no file and no process then either"
tap_done
