#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Go's expfmt, with PDC_LONG=1: a million numbers are the same bytes; what it
# reads of a page in text and of the same in protobuf is the same.
#
#	PDC_SEED=N	the seed; else the time
. "$srcdir/tests/tap.sh"

test -n "${PDC_LONG:-}" || skip_all "without PDC_LONG=1"
. "$srcdir/tests/expo/go.sh"

seed=${PDC_SEED:-$(date +%s)}
diag "PDC_SEED=$seed"
numbers=$top_builddir/tests/expo/numbers
build_go numbers
build_go decode
"$numbers" "$seed" 1000000 >"$tmp/bits"
is "$(wc -c <"$tmp/bits")" 8000000 "a million numbers are made"
"$tmp/numbers" <"$tmp/bits" >"$tmp/want"
"$numbers" <"$tmp/bits" >"$tmp/got"
is "$(wc -l <"$tmp/got")" 2000002 "and written in two formats"
cmp "$tmp/got" "$tmp/want" >"$tmp/out" 2>&1
ok $? "they are the same bytes" || diff "$tmp/got" "$tmp/want" | head -n 10

# It takes blanks before the words of HELP for others, and families in any
# order.
read_by_go()
{
	"$tmp/decode" "$1" <"$2" >"$tmp/out" 2>"$tmp/err" || {
		diag "$2: $(head -c 500 "$tmp/err")"
		return 1
	}
	grep -v '^# HELP ' "$tmp/out" | LC_ALL=C sort
}

mkdir "$tmp/pages"
"$top_builddir/tests/serve/random" "$tmp/pages" "$seed" 50
n=0
bad=0
for page in "$tmp/pages"/*.text; do
	read_by_go text "$page" >"$tmp/got"
	read_by_go proto "${page%text}proto" >"$tmp/want"
	n=$((n + 1))
	test -s "$tmp/got" && cmp -s "$tmp/got" "$tmp/want" && continue
	bad=$((bad + 1))
	diff "$tmp/got" "$tmp/want" | head -n 5
done
is "$n:$bad" 50:0 "Go reads the same from text and from protobuf"
tap_done
