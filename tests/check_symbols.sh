#!/bin/sh
# SPDX-License-Identifier: ISC
#
# pdc.h, pdc.map and the symbols of libpdc.so are one list; and the library
# calls nothing that would end, print or read the environment of its host.

. "${srcdir:=.}/tests/tap.sh"

# The names of the functions that a header declares with PDC_API.
header_symbols()
{
	tr '\n' ' ' <"$1" | sed 's|/\*[^*]*\*\{1,\}\([^/*][^*]*\*\{1,\}\)*/||g' |
	    tr ';' '\n' | sed -n 's/.*PDC_API .*[ *]\(pdc_[a-z0-9_]*\)(.*/\1/p' |
	    sort
}

map_symbols()
{
	sed -n 's/^[ 	]*\([a-z][a-z0-9_]*\);$/\1/p' "$1" | sort
}

object_symbols()
{
	${NM:-nm} -D --defined-only "$1" |
	    sed -n 's/.* [A-Z] \([a-z_][^@]*\).*/\1/p' | sort
}

# calls ARCHIVE WORD ...: those of the words that its objects refer to
calls()
{
	archive=$1
	shift
	${NM:-nm} -A -u "$archive" 2>/dev/null | while read -r where _ name; do
		for word in "$@"; do
			test "${name%@*}" != "$word" || echo "$where $word"
		done
	done
}

so=$top_builddir/lib/.libs/libpdc.so
archive=$top_builddir/lib/.libs/libcore.a

cat >"$tmp/pdc.h" <<'END'
/* PDC_API void pdc_comment(void); */
#define PDC_API
PDC_API int pdc_a(struct pdc **,
    const char *dir);
PDC_API const char *pdc_b(void);
int pdc_c(void);
END
is "$(header_symbols "$tmp/pdc.h" | tr '\n' ' ')" "pdc_a pdc_b " \
    "the functions of a header are found"

want=$(header_symbols "$srcdir/include/pdc.h")
test -n "$want"
ok $? "pdc.h declares functions"
is "$(map_symbols "$srcdir/lib/pdc.map")" "$want" \
    "pdc.map has what pdc.h declares"
if test -f "$so"; then
	is "$(object_symbols "$so")" "$want" \
	    "libpdc.so exports what pdc.h declares"
else
	skip "no shared library was built"
fi

# In a build with fault points one of them kills, on a test's word alone.
is "$(calls "$archive" exit abort printf __printf_chk puts putchar perror \
    vprintf __vprintf_chk err errx warn warnx kill raise system |
    grep -v ':fault\.o: kill$')" "" \
    "the library never exits, aborts, prints or raises"
test "$(calls "$archive" getenv secure_getenv | cut -d: -f2 | sort -u |
    wc -l)" -le 1
ok $? "the environment is read in one object at most"
is "$(calls "$archive" free | awk 'NR == 1 { print "yes" }')" yes \
    "calls of the library are found at all"

tap_done
