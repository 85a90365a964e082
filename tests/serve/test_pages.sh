#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The pages that all other tests have made and left in $PDC_PAGES, given to
# parsers.  It runs when these have ended.
#
#	PDC_PAGES_ALL=1	all pages, and Go's expfmt reads those in protobuf; else
#			twenty of each test
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

test -n "${PDC_PAGES:-}" && test -d "$PDC_PAGES" ||
    skip_all "no pages; they are left by make check"
test -z "${PDC_PAGES_ALL:-}" || . "$srcdir/tests/expo/go.sh"
cd "$PDC_PAGES" || exit 1
rm -f ./*.part
if test -n "${PDC_PAGES_ALL:-}"; then
	find . -type f >"$tmp/pages"
else
	find . -type f | sort | awk -F- '++seen[$1] <= 20' >"$tmp/pages"
fi
ntests=$(sed 's/-.*//' "$tmp/pages" | sort -u | wc -l)
diag "$(wc -l <"$tmp/pages") pages of $ntests tests"
test "$ntests" -gt 20
ok $? "tests leave pages"

cd - >/dev/null || exit 1
sed "s|^\.|$PDC_PAGES|" "$tmp/pages" | xargs -n 100 -P "$(nproc)" \
    "$python" "$srcdir/tests/serve/judge.py" --alone >"$tmp/out" 2>&1
is "$?:$(grep -cv '^[0-9]* pages, [0-9]* samples$' "$tmp/out")" 0:0 \
    "no parser finds a fault" ||
    diag "$(grep -v '^[0-9]* pages, ' "$tmp/out" | head -c 2000)"
is "$(awk '{ n += $1 } END { print n }' "$tmp/out")" \
    "$(wc -l <"$tmp/pages")" "each page was read"

if test -n "${PDC_PAGES_ALL:-}"; then
	build_go decode
	n=0
	bad=0
	for page in "$PDC_PAGES"/*.proto; do
		n=$((n + 1))
		"$tmp/decode" proto <"$page" >"$tmp/out" 2>"$tmp/err" &&
		    test -s "$tmp/out" && continue
		bad=$((bad + 1))
		diag "$page: $(head -c 500 "$tmp/err")"
	done
	is "$bad" 0 "Go reads the $n in protobuf"
fi
test "$tap_failed" -gt 0 || rm -rf "$PDC_PAGES"
tap_done
