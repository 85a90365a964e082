#!/bin/sh
# SPDX-License-Identifier: ISC
#
# libpdc.so needs libc, liblmdb and libbsd, and nothing else.

. "${srcdir:=.}/tests/tap.sh"

needed()
{
	${READELF:-readelf} -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p'
}

# strangers NAME ...: those that the library may not need
strangers()
{
	for name in "$@"; do
		case $name in
		libc.so.* | liblmdb.so.* | libbsd.so.* | ld-linux*) ;;
		*) echo "$name" ;;
		esac
	done
}

so=$top_builddir/lib/.libs/libpdc.so
test -f "$so" || skip_all "no shared library was built"

is "$(strangers libc.so.6 libz.so.1 liblmdb.so.0 libm.so.6)" \
"libz.so.1
libm.so.6" "a library too many is found"
names=$(needed "$so")
# shellcheck disable=SC2086 # a list of words
is "$(strangers $names)" "" "libpdc.so needs libc, liblmdb and libbsd only"
like "$names" "*libc.so.*" "what it needs is found at all"
is "$(ldd -r "$so" 2>&1 | grep -i undefined)" "" \
    "it leaves no symbol unresolved"
like "$(${READELF:-readelf} -d "$so")" "*NODELETE*" \
    "it stays mapped after dlclose()"

tap_done
