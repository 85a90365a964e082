#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What debian/ says again is what is said elsewhere: the symbols, the version.

. "${srcdir:=.}/tests/tap.sh"

symbols=$srcdir/debian/libpdc0.symbols

# symbols_of MAP: as dpkg-gensymbols has them, without their versions
symbols_of()
{
	awk '
		$2 == "{" { node = $1; print node "@" node }
		/^[ 	]*[a-z][a-z0-9_]*;$/ {
			sub(/;/, "")
			print $1 "@" node
		}' "$1" | LC_ALL=C sort
}

want=$(symbols_of "$srcdir/lib/pdc.map")
like "$want" "*pdc_version@PDC_*" "pdc.map has symbols"
is "$(sed -n 's/^ \([^ ]*\) .*/\1/p' "$symbols" | LC_ALL=C sort)" "$want" \
    "libpdc0.symbols has those of pdc.map"
is "$(sed -n '1s/.*(\(.*\)).*/\1/p' "$srcdir/debian/changelog")" \
    "$(sed -n 's/^#define PACKAGE_VERSION "\(.*\)"/\1/p' \
    "$top_builddir/config.h")" "the version is that of configure.ac"
tap_done
