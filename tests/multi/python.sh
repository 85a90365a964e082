# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# For tests that load libpdc into Python, after tests/tap.sh: sets $python, and
# exports PDC_LIB, the shared library.

# shellcheck disable=SC2154 # skip_all and $tmp are those of tap.sh
python=/usr/bin/python3
test -x "$python" || skip_all "no $python"
export PYTHONDONTWRITEBYTECODE=1
export PDC_LIB="${PDC_LIB:-$top_builddir/lib/.libs/libpdc.so}"
test -f "$PDC_LIB" || skip_all "no shared library was built"

# What is built with a sanitizer needs its library in the process from the
# start.  Python itself leaks on purpose.
case ${PDC_SAN:-} in
'')
	;;
*address*)
	asan=$(${CC:-cc} -print-file-name=libasan.so)
	test -f "$asan" || skip_all "no shared library of the sanitizer"
	export LD_PRELOAD="$asan"
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
	;;
*)
	skip_all "Python cannot run with this sanitizer"
	;;
esac
