# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# Clients that count, for tests of servers, after tests/tap.sh:
#
#	end SIGNAL PID		of a process of ours, bounded; its status
#	clients ARGUMENT ...	begin load; $client, to be ended in cleanup
#	judge cut|equal WORDS URL
#				end it; the totals of that page have to be exact

client=

end()
{
	kill "-$1" "$2" 2>/dev/null
	i=0
	while kill -0 "$2" 2>/dev/null && test "$i" -lt 400; do
		i=$((i + 1))
		sleep 0.05
	done
	kill -KILL "$2" 2>/dev/null
	wait "$2"
}

# shellcheck disable=SC2154 # tmp is that of tap.sh
clients()
{
	"$top_builddir/tests/demo/load" "$@" >"$tmp/client" &
	client=$!
}

judge()
{
	end TERM "$client"
	ok $? "the answers are the right ones $2"
	client=
	/usr/bin/python3 "$srcdir/tests/demo/pages.py" verdict "$3" "" "" \
	    "$tmp/state" "$1" "$tmp/client" >"$tmp/verdict"
	ok $? "the totals are exact $2"
	diag "$(cat "$tmp/verdict")"
}
