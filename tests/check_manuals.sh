#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The manual pages are clean, and pdc(3) has every function of pdc.h.

. "${srcdir:=.}/tests/tap.sh"

command -v mandoc >/dev/null 2>&1 || skip_all "mandoc is not installed"

lint()
{
	mandoc -Tlint -W warning "$1"
}

# missing HEADER PAGE: functions of the header that the page does not name
missing()
{
	sed -n 's/^PDC_API .*[ *]\(pdc_[a-z0-9_]*\)(.*/\1/p' "$1" |
	    while read -r name; do
		grep -q "^\.F[no] \"*$name\"*\( \|\$\)" "$2" || echo "$name"
	done
}

cat >"$tmp/bad.1" <<'END'
.Dd November 20, 2026
.Dt BAD 1
.Os
.Sh NAME
.Nm bad
.Nd a page with an error
.Bl -tag
.Foo
END
! lint "$tmp/bad.1" >/dev/null
ok $? "a bad page is found"

for page in bin/pdc/pdc.1 bin/pdc-serve/pdc-serve.8 lib/pdc.3 \
    lib/store/pdc-store.5 lib/adapter/httpd/mod_pdc.8; do
	if test -f "$srcdir/$page"; then
		is "$(lint "$srcdir/$page" 2>&1)" "" "$page is clean"
	else
		ok 1 "$page exists"
	fi
done

echo 'PDC_API int pdc_nowhere(void);' >"$tmp/pdc.h"
is "$(missing "$tmp/pdc.h" "$tmp/bad.1")" pdc_nowhere \
    "a function without a manual is found"
is "$(missing "$srcdir/include/pdc.h" "$srcdir/lib/pdc.3" 2>&1)" "" \
    "pdc(3) has every function of pdc.h"

tap_done
