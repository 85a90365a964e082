#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The examples of README.md and pdc(3) do what is said there.

. "${srcdir:=.}/tests/tap.sh"

readme=$srcdir/README.md
manual=$srcdir/lib/pdc.3
PDC_STORE=$tmp/store
export PDC_STORE

# fenced LANGUAGE: the code in such fences of the README
fenced()
{
	awk -v fence="\`\`\`$1" '$0 == "```" { on = 0 }
	    on { print }
	    $0 == fence { on = 1 }' "$readme"
}

# displayed: the code in the displays of the manual's EXAMPLES
displayed()
{
	sed '1,/^\.Sh EXAMPLES/d' "$manual" | awk '/^\.Sh/ { exit }
	    /^\.Ed/ { on = 0 }
	    on { print }
	    /^\.Bd/ { on = 1 }' | sed 's/\\e/\\/g'
}

# compile NAME: $tmp/NAME of $tmp/NAME.c, with the library of this build
compile()
{
	# shellcheck disable=SC2046,SC2086 # lists of words
	${CC:-cc} ${PDC_SAN:-} -Wall -Wextra -Wno-unused-function -Werror \
	    -I"$srcdir/include" -o "$tmp/$1" "$tmp/$1.c" \
	    "$top_builddir/lib/.libs/libpdc.a" \
	    $(${PKG_CONFIG:-pkg-config} --libs lmdb libbsd) -lpthread \
	    >"$tmp/log" 2>&1 || {
		diag "$(cat "$tmp/log")"
		return 1
	}
}

# The command of the examples is that of this build.
mkdir "$tmp/bin"
ln -s "${PDC:-$top_builddir/bin/pdc/pdc}" "$tmp/bin/pdc"
PATH=$tmp/bin:$PATH

fenced c >"$tmp/readme.c"
compile readme
ok $? "the C example of the README compiles"
"$tmp/readme"
ok $? "and runs"
like "$(pdc show)" '*
requests_total{code="200"} 4000*' "and counts what it says"

fenced sh | grep -v '^pdc-serve ' >"$tmp/readme.sh"
sh -e "$tmp/readme.sh" >"$tmp/out" 2>&1
ok $? "the shell example of the README runs" || diag "$(cat "$tmp/out")"
like "$(cat "$tmp/out")" '*
backup_runs_total{host="a"} 1*' "and shows what it counted"

displayed >"$tmp/manual.c"
compile manual
ok $? "the examples of pdc(3) compile"
like "$("$tmp/manual" "$tmp/other")" '*
request_seconds_count 4000
*
requests_total{code="200"} 4000*' "and run"

tap_done
