# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# For tests of servers to copy, after tests/tap.sh and multi/python.sh: exports
# PDC_STORE, begins pdc-serve, and has what demo/clients.sh has and
#
#	await LOG WORDS		the port that is told in a line with these words
#	round SECONDS cut|equal WORDS
#				clients of $port, while children of $server are
#				killed, or not; then the totals have to be exact
#
#	PDC_LONG=1		rounds take ten times as long
#
# $server and $front (before it, or empty) are ended in the end.

# shellcheck disable=SC2154 # tmp is that of tap.sh

# Without restartable sequences a killed worker may take along what it counted
# in a series that could not be made yet: there it cannot be exact.
"$PDC" -s "$tmp/probe" inc x &&
    "$PDC" -s "$tmp/probe" stat | grep -q '^rseq in this process *yes' ||
    skip_all "no rings without restartable sequences"

. "$srcdir/tests/demo/clients.sh"
export PDC_STORE="$tmp/store"
front=
server=
serve=

cleanup()
{
	for process in "$client" "$front" "$server" "$serve"; do
		test -z "$process" || end TERM "$process"
	done
}

await()
{
	i=0
	while test "$i" -lt 200; do
		sed -n "/$2/s/.*127\.0\.0\.1:\([0-9][0-9]*\).*/\1/p" "$1" 2>/dev/null |
		    grep -m 1 . && return
		i=$((i + 1))
		sleep 0.05
	done
	diag "$(cat "$1")" >&2
	return 1
}

# kill_workers N: every 100 ms one of the server's
kill_workers()
{
	n=$1
	while test "$n" -gt 0; do
		sleep 0.1
		victim=$(pgrep -P "$server" | shuf -n 1)
		test -z "$victim" || kill -KILL "$victim"
		n=$((n - 1))
	done
}

round()
{
	seconds=$(($1${PDC_LONG:+ * 10}))
	clients ${front:+-g} -c 6 -p "$port"
	if test "$2" = cut; then
		kill_workers $((seconds * 10))
	else
		sleep "$seconds"
	fi
	judge "$2" "$3" "http://127.0.0.1:$pages/metrics"
}

"$PDC_SERVE" --store="$PDC_STORE" \
    --web.listen-address=127.0.0.1:0 2>"$tmp/serve.log" &
serve=$!
pages=$(await "$tmp/serve.log" msg=listening)
ok $? "pdc-serve listens" || tap_done
