# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# For tests that load libpdc into Python, after tests/tap.sh: exports PDC_LIB,
# the shared library, and has with_pdc COMMAND ..., where COMMAND is a script of
# /usr/bin/python3; it ends the shell it is called in, so use a subshell or &.

# shellcheck disable=SC2154 # skip_all is that of tap.sh
test -x /usr/bin/python3 || skip_all "no /usr/bin/python3"
export PYTHONDONTWRITEBYTECODE=1
export PDC_LIB="${PDC_LIB:-$top_builddir/lib/.libs/libpdc.so}"
test -f "$PDC_LIB" || skip_all "no shared library was built"

# What is built with a sanitizer needs its library in the process from the
# start.  Python itself leaks on purpose.
asan=
case ${PDC_SAN:-} in
'')
	;;
*address*)
	asan=$(${CC:-cc} -print-file-name=libasan.so)
	test -f "$asan" || skip_all "no shared library of the sanitizer"
	ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
	;;
*)
	skip_all "Python cannot run with this sanitizer"
	;;
esac

with_pdc()
{
	exec env ${asan:+"LD_PRELOAD=$asan" "ASAN_OPTIONS=$ASAN_OPTIONS"} \
	    /usr/bin/python3 "$@"
}
