#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Who may include whom: layers point down only.

. "${srcdir:=.}/tests/tap.sh"

# may LAYER: the other layers that it may include
may()
{
	case $1 in
	base) ;;
	store | lane) echo base ;;
	metric | journal | collect) echo base store lane ;;
	check) echo base store lane journal ;;
	repair) echo base store lane journal collect check ;;
	checkpoint) echo base store lane metric journal collect ;;
	expo) echo base collect ;;
	api)
		echo base store lane metric journal checkpoint collect check \
		    expo
		;;
	*) return 1 ;;
	esac
}

# The C files of a folder, but not of the folders below it.
sources()
{
	find "$1" -maxdepth 1 \( -name '*.c' -o -name '*.h' \) | sort
}

# quoted FILE: what it includes in quotes; angled FILE: in angle brackets
quoted()
{
	sed -n 's/^[ 	]*#[ 	]*include[ 	]*"\([^"]*\)".*/\1/p' "$1"
}

angled()
{
	sed -n 's/^[ 	]*#[ 	]*include[ 	]*<\([^>]*\)>.*/\1/p' "$1"
}

# findings_layer LIB LAYER
findings_layer()
{
	allowed=" $2 $(may "$2" | tr '\n' ' ')"
	for file in $(sources "$1/$2"); do
		for header in $(quoted "$file"); do
			case $header in
			config.h | pdc.h) continue ;;
			esac
			case $allowed in
			*" ${header%/*} "*) ;;
			*) echo "$file may not include $header" ;;
			esac
		done
		for header in $(angled "$file"); do
			case $header:$2 in
			lmdb.h:store) ;;
			lmdb.h:* | microhttpd.h:*)
				echo "$file may not include $header"
				;;
			esac
		done
	done
}

# The first include of every .c is config.h.
findings_config()
{
	find "$@" -name '*.c' | sort | while read -r file; do
		first=$(grep -m 1 '^[ 	]*#[ 	]*include' "$file")
		test "$first" = '#include "config.h"' ||
		    echo "$file does not include config.h first"
	done
}

# findings TREE: a line for everything that is wrong in it
findings()
{
	for dir in "$1"/lib/*/; do
		layer=${dir%/}
		layer=${layer##*/}
		if test "$layer" = adapter; then
			find "$dir" -name '*.[ch]' | while read -r file; do
				quoted "$file" | grep -v '^[^/]*$' |
				    sed "s|^|$file may not include |"
			done
		elif may "$layer" >/dev/null; then
			findings_layer "$1/lib" "$layer"
		else
			echo "$dir is no layer that this test knows"
		fi
	done
	findings_config "$1/lib" "$1/bin"
	for header in $(quoted "$1/include/pdc.h"); do
		echo "pdc.h may not include $header"
	done
}

is "$(findings "$srcdir")" "" "layers point down only"

# The same in a tree where everything is wrong.
bad=$tmp/bad
mkdir -p "$bad/include" "$bad/bin/pdc" "$bad/lib/base" "$bad/lib/expo" \
    "$bad/lib/store" "$bad/lib/odd" "$bad/lib/adapter/httpd"
echo '#include "config.h"' >"$bad/include/pdc.h"
echo '#include <stdio.h>' >"$bad/bin/pdc/main.c"
cat >"$bad/lib/base/buf.c" <<'END'
#include "config.h"

#include "base/buf.h"
#include "store/store.h"
END
cat >"$bad/lib/expo/text.c" <<'END'
#include "config.h"

#include "expo/expo.h"
#include "collect/collect.h"
#  include "lane/lane.h"
#include <lmdb.h>
END
cat >"$bad/lib/store/env.h" <<'END'
#include <lmdb.h>
#include "tap.h"
END
echo '#include "base/buf.h"' >"$bad/lib/adapter/httpd/mod_pdc.h"
is "$(findings "$bad" | sed "s|$bad/||")" \
"lib/adapter/httpd/mod_pdc.h may not include base/buf.h
lib/base/buf.c may not include store/store.h
lib/expo/text.c may not include lane/lane.h
lib/expo/text.c may not include lmdb.h
lib/odd/ is no layer that this test knows
lib/store/env.h may not include tap.h
bin/pdc/main.c does not include config.h first
pdc.h may not include config.h" \
    "every kind of breach is found" || findings "$bad" | sed 's/^/# /'

tap_done
