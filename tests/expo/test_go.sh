#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Numbers equal those of Go's expfmt, byte for byte: a million, with PDC_LONG=1.
#
#	PDC_SEED=N	the seed; else the time
. "$srcdir/tests/tap.sh"

test -n "${PDC_LONG:-}" || skip_all "without PDC_LONG=1"
go=
for try in go /usr/lib/go-*/bin/go; do
	command -v "$try" >/dev/null 2>&1 && go=$try
done
lib=/usr/share/gocode
test -n "$go" && test -d "$lib/src/github.com/prometheus/common/expfmt" ||
    skip_all "no Go with golang-github-prometheus-common-dev"

seed=${PDC_SEED:-$(date +%s)}
diag "PDC_SEED=$seed"
numbers=$top_builddir/tests/expo/numbers
env GO111MODULE=off GOPATH=$lib GOCACHE="$tmp/cache" GOFLAGS= \
    "$go" build -o "$tmp/go" "$srcdir/tests/expo/numbers.go" >"$tmp/err" 2>&1
is "$?:$(cat "$tmp/err")" 0: "the program in Go is built"
"$numbers" "$seed" 1000000 >"$tmp/bits"
is "$(wc -c <"$tmp/bits")" 8000000 "a million numbers are made"
"$tmp/go" <"$tmp/bits" >"$tmp/want"
"$numbers" <"$tmp/bits" >"$tmp/got"
is "$(wc -l <"$tmp/got")" 2000002 "and written in two formats"
cmp "$tmp/got" "$tmp/want" >"$tmp/out" 2>&1
ok $? "they are the same bytes" || diff "$tmp/got" "$tmp/want" | head -n 10
tap_done
