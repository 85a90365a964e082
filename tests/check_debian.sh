#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What debian/ says again is what is said elsewhere: symbols, version, packages.

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

# libraries FILE FROM TO: packages to build with, of those lines
libraries()
{
	sed -n "/$2/,/$3/p" "$1" | tr -c 'a-z0-9+.-' '\n' |
	    grep -E '^(lib|zlib).*-dev$' | sort
}

want=$(libraries "$srcdir/bootstrap" '^build_packages=' "'$")
like "$want" "*liblmdb-dev*" "bootstrap has packages"
is "$(libraries "$srcdir/debian/control" '^Build-Depends:' '^Standards')" \
    "$want" "to build with are those of bootstrap"
tap_done
