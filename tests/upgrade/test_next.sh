#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Two versions side by side.  next_pdc and next_serve are pdc and pdc-serve of
# a library whose stores are of format 2, next_cells is a pdc whose cells are of
# version 2.  Each refuses what is of another version, with words that name
# both, and changes nothing; those of the right version go on meanwhile.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

next=$top_builddir/tests/upgrade/next
worker=
counted=0

cleanup()
{
	test -z "$worker" || kill -KILL "$worker" 2>/dev/null
	test -z "$pid" || kill -KILL "$pid" 2>/dev/null
}

# Of a store that nobody has open: names, and the first bytes of each file, of
# the cells as far as the rings; who looks has a place in lock.mdb.
bytes()
{
	find "$store" ! -name lock.mdb | LC_ALL=C sort
	find "$store" -type f ! -name lock.mdb -exec \
	    sh -c 'head -c 131072 "$1" | cksum' - {} \; | sort
}

# refused PDC PATTERN: each way into the store
refused()
{
	for what in show stat check keys "get x" "inc x" "set x 1" \
	    "declare gauge y" "remove x" "log info x" logs gc "retain"; do
		# shellcheck disable=SC2086 # words
		got=$("$1" -s "$store" $what 2>"$tmp/err")
		got=$?:$got:$(wc -l <"$tmp/err" | tr -d ' '):$(cat "$tmp/err")
		like "$got" "2::1:*$2*" "refused: ${1##*/} $what"
	done
}

# served_not SERVER PATTERN
served_not()
{
	PDC_SERVE=$1
	start
	# A page of nothing but its own would hide it.
	is "$(status /metrics)" 500 "${1##*/}: no page"
	like "$(body)" "*$2*" "but words"
	is "$(status /-/ready)" 503 "it is not ready"
	like "$(body)" "*$2*" "with the same words"
	is "$(status /-/healthy)" 200 "but healthy"
	stop
	PDC_SERVE=$top_builddir/bin/pdc-serve/pdc-serve
}

# works COMMAND ...: while a worker of the right version is at it
works()
{
	mkfifo "$tmp/in" "$tmp/out"
	"$top_builddir/tests/upgrade/count" "$store" <"$tmp/in" >"$tmp/out" &
	worker=$!
	exec 3>"$tmp/in" 4<"$tmp/out"
	until_true 10 "$PDC" -s "$store" get worked_total
	"$@"
	kill -0 "$worker"
	ok $? "the worker of the right version lives"
	was=$("$PDC" -s "$store" get worked_total)
	until_true 10 sh -c 'test "$("$1" -s "$2" get worked_total)" -gt "$3"' \
	    - "$PDC" "$store" "$was"
	ok $? "and counts"
	exec 3>&-
	read -r total <&4
	exec 4<&-
	wait "$worker"
	is "$?" 0 "until it ends"
	worker=
	rm "$tmp/in" "$tmp/out"
	counted=$((counted + total))
	is "$("$PDC" -s "$store" get worked_total)" "$counted" "all it counted"
	is "$("$PDC" -s "$store" check)" "" "is there, and all is well"
}

store_refused()
{
	refused "${next}_pdc" "store of format 1; this is libpdc *format 2"
	served_not "${next}_serve" \
	    "store of format 1; this is libpdc *format 2"
}

cells_refused()
{
	refused "${next}_cells" "cells of version 1, not 2"
}

"$PDC" -s "$store" inc x_total 3
bytes >"$tmp/before"
store_refused
cells_refused
bytes >"$tmp/after"
is "$(cat "$tmp/after")" "$(cat "$tmp/before")" "nothing has changed"
works store_refused
works cells_refused

# And the other way round: the store is newer.
store=$tmp/newer
PDC=${next}_pdc
"$PDC" -s "$store" inc x_total 3
bytes >"$tmp/before"
PDC=$top_builddir/bin/pdc/pdc
refused "$PDC" "store of format 2; this is libpdc *format 1"
served_not "$PDC_SERVE" "store of format 2; this is libpdc *format 1"
bytes >"$tmp/after"
is "$(cat "$tmp/after")" "$(cat "$tmp/before")" "nothing has changed"
is "$("${next}_pdc" -s "$store" get x_total)" 3 "it is good for its own version"

# Cells go with the boot, so a store itself has no trouble with newer ones.
store=$tmp/cells
"${next}_cells" -s "$store" inc x_total 3
refused "$PDC" "cells of version 2, not 1"
is "$("${next}_cells" -s "$store" get x_total)" 3 "nothing has changed"
rm "$store"/pdc-*
"$PDC" -s "$store" inc x_total 4
is "$("$PDC" -s "$store" get x_total)" 7 "without them it is as ever"
tap_done
