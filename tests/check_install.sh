#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What is installed is enough: the header alone as C99 and C++11, with the
# shared library and with the static one.

. "${srcdir:=.}/tests/tap.sh"

test -z "${PDC_SAN:-}" || skip_all "users do not link sanitizers"

inst=$tmp/inst
unset MAKEFLAGS MFLAGS MAKELEVEL
${MAKE:-make} -C "$top_builddir" install DESTDIR="$inst" >"$tmp/log" 2>&1
ok $? "make install works" || diag "$(tail -n 20 "$tmp/log")"

pc=$(find "$inst" -name libpdc.pc)
test -n "$pc" || skip_all "no libpdc.pc"
prefix=$inst$(sed -n 's/^prefix=//p' "$pc")
libdir=$(dirname "$(dirname "$pc")")

is "$(cd "$prefix/include" && find . -type f)" ./pdc.h \
    "pdc.h is the only header"
test -x "$prefix/bin/pdc" &&
    test -x "$prefix/sbin/pdc-serve"
ok $? "both programs are installed"

sample=$(find "$inst" -name mod_pdc.conf)
if test -n "$sample"; then
	test -f "$inst$(sed -n 's/.*LoadModule pdc_module //p' "$sample")"
	ok $? "the sample configuration of httpd names the module"
else
	skip "mod_pdc was not built"
fi

# flags ARGUMENT ...: of pkg-config, for the installed tree
flags()
{
	PKG_CONFIG_PATH=$(dirname "$pc") ${PKG_CONFIG:-pkg-config} \
	    --define-variable=prefix="$prefix" "$@" libpdc
}

# try NAME COMPILER ARGUMENT ...: compile a user's program, and run it
try()
{
	name=$1
	shift
	"$@" -o "$tmp/user" >"$tmp/log" 2>&1
	ok $? "$name: compiles" || {
		diag "$(cat "$tmp/log")"
		return
	}
	store=$tmp/store-$tap_cases
	got=$(LD_LIBRARY_PATH=$libdir "$tmp/user" "$store" 2>&1)
	like "$got" '*
user_calls_total{way="tried"} 3*' "$name: counts and renders"
}

strict='-pedantic -Wall -Wextra -Werror'
c99=$srcdir/tests/compile/use_c99.c
cxx11=$srcdir/tests/compile/use_cxx11.cc

# shellcheck disable=SC2046,SC2086 # lists of words
if test -f "$libdir/libpdc.so"; then
	try "C99, shared" ${CC:-cc} -std=c99 $strict $(flags --cflags) \
	    "$c99" $(flags --libs)
	try "C++11, shared" ${CXX:-c++} -std=c++11 $strict \
	    $(flags --cflags) "$cxx11" $(flags --libs)
else
	skip "no shared library was built"
fi
# shellcheck disable=SC2046,SC2086 # lists of words
if test -f "$libdir/libpdc.a"; then
	try "C99, static" ${CC:-cc} -static -std=c99 $strict \
	    $(flags --cflags) "$c99" $(flags --static --libs)
	try "C++11, static" ${CXX:-c++} -static -std=c++11 $strict \
	    $(flags --cflags) "$cxx11" $(flags --static --libs)
else
	skip "no static library was built"
fi

tap_done
