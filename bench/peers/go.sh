#!/bin/sh
# SPDX-License-Identifier: ISC
#
# go.sh PROGRAM PROJECT SOURCE ...: build a peer in Go with Debian's package of
# a project of GitHub.  Where Go or the package is missing, say so and make
# nothing.  What Go has compiled is kept beside the program.

set -eu

program=$1
project=$2
shift 2
code=/usr/share/gocode

left_out()
{
	echo "$program is left out: $* is missing"
	exit 0
}

go=
for try in /usr/lib/go-*/bin/go go; do
	command -v "$try" >/dev/null 2>&1 && go=$try
done
test -n "$go" || left_out "Go (golang-1.19-go)"
test -d "$code/src/github.com/$project" ||
    left_out "Debian's package of $project"

cache=$(cd "$(dirname "$program")" && pwd)/gocache
exec env GO111MODULE=off GOPATH="$code" GOCACHE="$cache" GOFLAGS= \
    "$go" build -o "$program" "$@"
