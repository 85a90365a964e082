#!/bin/sh
# SPDX-License-Identifier: ISC
# gunicorn's workers count through ctypes: exactly, while they are killed, and
# whether the store is opened before they are forked or after.

. "$srcdir/tests/tap.sh"
. "$srcdir/tests/multi/python.sh"

test -x /usr/bin/gunicorn || skip_all "no gunicorn"

# Without restartable sequences a killed worker may take along what it counted
# in a series that could not be made yet: there it cannot be exact.
"$PDC" -s "$tmp/probe" inc x &&
    "$PDC" -s "$tmp/probe" stat | grep -q '^rseq in this process *yes' ||
    skip_all "no rings without restartable sequences"

load=$top_builddir/tests/demo/load
export PDC_STORE="$tmp/store"
client=
gunicorn=
serve=

# An end of bounded length for a process of ours; its status.
end()
{
	kill -TERM "$1" 2>/dev/null
	i=0
	while kill -0 "$1" 2>/dev/null && test "$i" -lt 100; do
		i=$((i + 1))
		sleep 0.05
	done
	kill -KILL "$1" 2>/dev/null
	wait "$1"
}

cleanup()
{
	test -z "$client" || end "$client"
	test -z "$gunicorn" || end "$gunicorn"
	test -z "$serve" || end "$serve"
}

# await LOG WORDS: the port that is told in a line with these words
await()
{
	i=0
	while test "$i" -lt 200; do
		sed -n "/$2/s/.*127\.0\.0\.1:\([0-9][0-9]*\).*/\1/p" "$1" |
		    grep -m 1 . && return
		i=$((i + 1))
		sleep 0.05
	done
	diag "$(cat "$1")"
	return 1
}

# kill_workers N: every 100 ms one of gunicorn's
kill_workers()
{
	n=$1
	while test "$n" -gt 0; do
		sleep 0.1
		victim=$(pgrep -P "$gunicorn" | shuf -n 1)
		test -z "$victim" || kill -KILL "$victim"
		n=$((n - 1))
	done
}

# round SECONDS cut|equal WORDS
round()
{
	"$load" -c 6 -p "$port" >"$tmp/client" &
	client=$!
	if test "$2" = cut; then
		kill_workers $(($1 * 10))
	else
		sleep "$1"
	fi
	end "$client"
	ok $? "the answers are the right ones $3"
	client=
	/usr/bin/python3 "$srcdir/tests/demo/pages.py" verdict \
	    "http://127.0.0.1:$pages/metrics" "" "" "$tmp/state" "$2" \
	    "$tmp/client" >"$tmp/verdict"
	ok $? "the totals are exact $3"
	diag "$(cat "$tmp/verdict")"
}

"$PDC_SERVE" --store="$PDC_STORE" \
    --web.listen-address=127.0.0.1:0 2>"$tmp/serve.log" &
serve=$!
pages=$(await "$tmp/serve.log" msg=listening)
ok $? "pdc-serve listens" || tap_done

for preload in '' --preload; do
	how="${preload:+the store opened before fork}"
	how="${how:-the store opened by each worker}"
	# shellcheck disable=SC2086 # a flag or none
	with_pdc /usr/bin/gunicorn -w 4 -b 127.0.0.1:0 $preload \
	    --chdir "$srcdir/tests/example" --worker-tmp-dir "$tmp" \
	    gunicorn_app:app 2>"$tmp/gunicorn.log" &
	gunicorn=$!
	port=$(await "$tmp/gunicorn.log" 'Listening at')
	ok $? "gunicorn listens, $how" || tap_done
	round 1 cut "with workers killed, $how"
	round 1 equal "with nobody killed, $how"
	end "$gunicorn"
	gunicorn=
done
tap_done
