#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What the compiler made of the restartable sequences: between start and end
# of each no call, no lock prefix, and one store, the last instruction (a copy
# by string instructions or vectors goes where nobody reads yet).  What the
# assembler puts in to keep branches in their place, nops and the prefix cs, is
# left out.

. "$srcdir/tests/tap.sh"

test -z "$PDC_SAN" || skip_all "sanitizers"
command -v objdump >/dev/null 2>&1 || skip_all "no objdump"

# Where each section starts, and the words of the descriptors.
sections()
{
	objdump -r -j __rseq_cs "$1" |
	    awk '$3 ~ /^\.text.*\+0x/ { sub(/\+0x/, " ", $3); print $3 }' \
	    >"$tmp/starts"
	objdump -s -j __rseq_cs "$1" | awk '/^ [0-9a-f]+ / {
		print $2 $3 $4 $5 }' >"$tmp/words"
}

# The instructions of the section at line $2 of starts, without addresses.
section()
{
	read -r text start <<-EOF
	$(sed -n "${2}p" "$tmp/starts")
	EOF
	len=$(sed -n "$((2 * $2))p" "$tmp/words" | cut -c1-2)
	objdump -d --no-show-raw-insn --start-address="0x$start" \
	    --stop-address="$((0x$start + 0x$len))" -j "$text" "$1" |
	    awk -F '\t' '/^ +[0-9a-f]+:/ {
		sub(/^(cs )+/, "", $2)
		if ($2 !~ /^(nop|xchg +%ax,%ax)/)
			print $2
	}'
}

# AT&T: the last operand is written, if it is memory; cmp and test write none.
stores()
{
	grep -vE '^(cmp|test|j|lea|nop|pause)' |
	    grep -cE '(,|[a-z] +)(%[a-f]s:)?-?(0x[0-9a-f]+)?\([^)]*\)$'
}

check()
{
	section "$1" "$2" >"$tmp/code"
	name=$(basename "$1" .o), section=$2
	n=$(wc -l <"$tmp/code")
	# Only a ring's goes on to copy, by vectors, too.
	most=30 copies='^rep'
	if test "${name%,}" = ring; then
		most=40 copies='^(rep|movdqu|movups)'
	fi
	test "$n" -ge 5 && test "$n" -le "$most"
	ok $? "$name section $section has instructions ($n)"
	sed -n 1p "$tmp/code" | grep -q '^cmp.*%fs:' &&
	    sed -n 2p "$tmp/code" | grep -q '^jne' ||
	    { sed -n 1p "$tmp/code" | grep -q '^mov *%fs:' &&
		sed -n 2p "$tmp/code" | grep -q '^cmp' &&
		sed -n 3p "$tmp/code" | grep -q '^jae'; }
	ok $? "$name section $section compares, or bounds, the CPU first"
	! grep -qE '^(call|ret|syscall|int|lock|xchg|cmpxchg|xadd)' \
	    "$tmp/code"
	ok $? "$name section $section has no call and no lock"
	tail -n 1 "$tmp/code" | stores | grep -q '^1$'
	ok $? "$name section $section ends with its store"
	is "$(grep -vE "$copies" "$tmp/code" | stores)" 1 \
	    "$name section $section has one store" || diag "$(cat "$tmp/code")"
}

found=0
for object in lane/lane lane/ring metric/update; do
	file=$top_builddir/lib/$object.o
	test -f "$file" ||
	    file=$top_builddir/lib/${object%/*}/.libs/${object#*/}.o
	test -f "$file" || continue
	objdump -h "$file" | grep -q __rseq_cs || continue
	found=1
	sections "$file"
	i=0
	while read -r _; do
		i=$((i + 1))
		check "$file" "$i"
	done <"$tmp/starts"
	test "$i" -ge 1
	ok $? "$object has sections ($i)"
done
test "$found" = 1 || skip_all "built without restartable sequences"
tap_done
