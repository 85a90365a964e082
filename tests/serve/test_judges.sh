#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Pages of stores full of what is hard to write and to read, given to parsers.
#
#	PDC_SEED=N	the first seed; else the time
#	PDC_STORES=N	so many stores, by default 4
#	PDC_LONG=1	200 stores, and promtool makes blocks of all pages that
#			it can, not of those of one store
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

seed=${PDC_SEED:-$(date +%s)}
stores=${PDC_STORES:-${PDC_LONG:+200}}
stores=${stores:-4}
diag "PDC_SEED=$seed PDC_STORES=$stores"

mkdir "$tmp/pages"
"$top_builddir/tests/serve/random" "$tmp/pages" "$seed" "$stores" \
    2>"$tmp/err"
is "$?:$(cat "$tmp/err")" 0: "stores and pages are made"
rm -rf "$tmp/pages/store"*
"$python" "$srcdir/tests/serve/judge.py" "$tmp/pages"/* >"$tmp/out" 2>&1
is "$?:$(wc -l <"$tmp/out")" 0:1 "no parser finds a fault" ||
    diag "$(head -c 2000 "$tmp/out")"
diag "$(tail -n 1 "$tmp/out")"

# blocks PAGE: promtool reads it, if each sample has a time before its exemplar,
# and as many samples and series as there are lines
blocks()
{
	quoted='"([^"\\]|\\.)*"'
	LC_ALL=C sed -E "/^#/!s/^(([^\"#]|$quoted)*)( # .*)?\$/\1 1700000000\4/" \
	    "$1" >"$tmp/timed"
	promtool tsdb create-blocks-from openmetrics "$tmp/timed" \
	    "$tmp/blocks" >"$tmp/out" 2>&1 || return 1
	rm -rf "$tmp/blocks"
	lines=$(grep -c '^[^#]' "$1")
	awk -v n="$lines" '/^01/ { good = $5 == n && $7 == n }
		END { exit !good }' "$tmp/out"
}

if command -v promtool >/dev/null 2>&1; then
	bad=0
	which=${PDC_LONG:+*}
	which=${which:-$seed}
	# shellcheck disable=SC2231 # a pattern
	for page in "$tmp/pages/"$which.om*; do
		blocks "$page" && continue
		bad=$((bad + 1))
		diag "$page: $(cat "$tmp/out")"
	done
	is "$bad" 0 "promtool makes blocks of OpenMetrics"
	{
		grep -v '^# EOF' "$tmp/pages/$seed.om"
		grep '^[^#]' "$tmp/pages/$seed.om" | head -n 1
		echo '# EOF'
	} >"$tmp/pages/twice"
	! blocks "$tmp/pages/twice"
	ok $? "but not where a series comes twice"
	rm "$tmp/pages/twice"
else
	skip "promtool is not installed"
	skip "promtool is not installed"
fi

# A judge that finds nothing is of no use.
for page in om text proto; do
	for file in "$tmp/pages/$seed.$page"; do
		cat "$file" "$file" >"$file.twice"
		mv "$file.twice" "$file"
	done
done
"$python" "$srcdir/tests/serve/judge.py" "$tmp/pages/$seed".* >"$tmp/out" 2>&1
is "$?:$(grep -c "twice\|after # EOF" "$tmp/out")" 1:3 \
    "each finds what stands there twice" || diag "$(cat "$tmp/out")"

if command -v promtool >/dev/null 2>&1; then
	# 3: it does not like the names, but could read them.
	promtool check metrics <"$tmp/pages/$seed.text.values" \
	    >"$tmp/out" 2>&1
	is "$?" 3 "promtool reads a page" || diag "$(head -n 5 "$tmp/out")"
	promtool check metrics <"$tmp/pages/$seed.om.values" >/dev/null 2>&1
	is "$?" 1 "but not any"
else
	skip "promtool is not installed"
	skip "promtool is not installed"
fi
tap_done
