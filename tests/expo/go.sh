# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# Programs in Go: . "$srcdir/tests/expo/go.sh" after tap.sh.
#
#	build_go NAME	$tmp/NAME of tests/expo/NAME.go; a case

go=
for try in go /usr/lib/go-*/bin/go; do
	command -v "$try" >/dev/null 2>&1 && go=$try
done
lib=/usr/share/gocode
test -n "$go" && test -d "$lib/src/github.com/prometheus/common/expfmt" ||
    skip_all "no Go with golang-github-prometheus-common-dev"

build_go()
{
	env GO111MODULE=off GOPATH=$lib GOCACHE="$tmp/cache" GOFLAGS= \
	    "$go" build -o "$tmp/$1" "$srcdir/tests/expo/$1.go" >"$tmp/err" 2>&1
	is "$?:$(cat "$tmp/err")" 0: "$1.go is built"
}
