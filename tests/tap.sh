# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# The Test Anything Protocol for scripts: . "$srcdir/tests/tap.sh"
#
#	ok STATUS DESCRIPTION		passes if STATUS is 0: ok $? "it works"
#	is GOT WANT DESCRIPTION
#	like GOT PATTERN DESCRIPTION	a pattern of case
#	skip REASON	skip_all REASON	diag WORDS ...
#	tap_done			last: the plan, and exit
#
# $tmp is a directory of this script alone, removed at exit; what must be ended
# before goes into a function named cleanup.

: "${srcdir:=.}" "${top_builddir:=.}"
tap_cases=0
tap_failed=0

tap_exit()
{
	tap_status=$?
	trap - EXIT
	if command -v cleanup >/dev/null 2>&1; then
		cleanup
	fi
	rm -rf "$tmp"
	exit "$tap_status"
}

if test -w /dev/shm; then
	tmp=$(mktemp -d /dev/shm/pdc-test-XXXXXX) || exit 99
else
	tmp=$(mktemp -d) || exit 99
fi
trap tap_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 141' PIPE

ok()
{
	tap_cases=$((tap_cases + 1))
	if test "$1" -eq 0; then
		echo "ok $tap_cases - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_cases - $2"
		return 1
	fi
}

is()
{
	test "$1" = "$2"
	ok $? "$3" && return 0
	diag "got  $1"
	diag "want $2"
	return 1
}

like()
{
	# shellcheck disable=SC2254 # a pattern
	case $1 in
	$2)
		ok 0 "$3"
		;;
	*)
		ok 1 "$3"
		diag "got  $1"
		diag "want $2"
		return 1
		;;
	esac
}

skip()
{
	tap_cases=$((tap_cases + 1))
	echo "ok $tap_cases # SKIP $1"
}

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

tap_done()
{
	echo "1..$tap_cases"
	test "$tap_failed" -eq 0
	exit
}
