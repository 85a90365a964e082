# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# Servers for the tests of pdc-serve: . "$srcdir/tests/serve/serve.sh" after
# tap.sh.
#
#	start [FLAG ...]	run one on a free port; sets pid, url, port
#	stop			end it with SIGTERM; sets status
#	status PATH [OPTION ...] the status curl gets; the body is in $tmp/body
#	value SERIES		of the page in $tmp/body, "" if it is not there
#	until_true SECONDS COMMAND ...	wait for it
#	unzstd			standard input to output
#	lock_store SECONDS	hold the write lock of $store in the background
#
# $log has what the server writes, $store is a directory that is not there yet.

: "${PDC:=$top_builddir/bin/pdc/pdc}"
: "${PDC_SERVE:=$top_builddir/bin/pdc-serve/pdc-serve}"
export PDC PDC_SERVE
unset PDC_STORE
store=$tmp/store
log=$tmp/log
pid=
lock_pid=

command -v curl >/dev/null 2>&1 || skip_all "curl is not installed"

python=
for py in python3 /usr/bin/python3; do
	if "$py" -c 'import prometheus_client' 2>/dev/null; then
		python=$py
		break
	fi
done
test -n "$python" || skip_all "python3-prometheus-client is not installed"

cleanup()
{
	test -z "$pid" || kill -KILL "$pid" 2>/dev/null
	test -z "$lock_pid" || kill -KILL "$lock_pid" 2>/dev/null
}

until_true()
{
	tries=$(($1 * 20))
	shift
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		test "$tries" -gt 0 || return 1
		sleep 0.05
	done
}

start()
{
	: >"$log"
	"$PDC_SERVE" --store="$store" --web.listen-address=127.0.0.1:0 "$@" \
	    2>"$log" &
	pid=$!
	until_true 10 grep -q 'listening.*127\.0\.0\.1:[1-9]' "$log" || {
		diag "the server does not listen"
		diag "$(cat "$log")"
		return 1
	}
	port=$(sed -n 's/.*listening.*127\.0\.0\.1:\([0-9]*\).*/\1/p' "$log")
	url=http://127.0.0.1:$port
}

stop()
{
	kill -TERM "$pid"
	wait "$pid"
	status=$?
	pid=
}

status()
{
	path=$1
	shift
	: >"$tmp/body"
	answer='%{method} %{http_code} %header{content-encoding} %{content_type}'
	curl -s -m 20 -g --path-as-is -o "$tmp/body" \
	    -w "%{http_code}%{stderr}$answer" "$@" "$url$path" 2>"$tmp/answer"
	case $?$path in
	0/metrics*) keep_page ;; # not one that was broken off
	esac
}

# For test_pages.sh, as pages.c does it.
keep_page()
{
	test -n "${PDC_PAGES:-}" && test -s "$tmp/body" || return 0
	test -n "${PDC_PAGES_ALL:-}" ||
	    test "$(wc -c <"$tmp/body")" -le 65536 || return 0
	case $(cat "$tmp/answer") in
	"GET 200  "*protobuf*allow-utf-8*) form=proto.utf8 ;;
	"GET 200  "*protobuf*) form=proto ;;
	"GET 200  "*allow-utf-8*) form=utf8 ;;
	"GET 200  "*openmetrics*) form=om ;;
	"GET 200  "*) form=text ;;
	*) return 0 ;;
	esac
	mkdir -p "$PDC_PAGES"
	name=${0##*/}
	name=${name%.sh}-$(cksum <"$tmp/body" | tr ' ' -).$form
	cp "$tmp/body" "$PDC_PAGES/$name"
}

body()
{
	cat "$tmp/body"
}

value()
{
	awk -v series="$1" '$1 == series { print $2 }' "$tmp/body"
}

# is_status WANT PATH [OPTION ...]
is_status()
{
	want=$1
	shift
	test "$(status "$@")" = "$want"
}

# By the library that the server itself has.
unzstd()
{
	"$python" -c '
import ctypes, sys
z = ctypes.CDLL("libzstd.so.1")
data = sys.stdin.buffer.read()
out = ctypes.create_string_buffer(1 << 25)
z.ZSTD_decompress.restype = ctypes.c_size_t
n = z.ZSTD_decompress(out, ctypes.c_size_t(1 << 25), data,
    ctypes.c_size_t(len(data)))
sys.stdout.buffer.write(out.raw[:n])
'
}

lock_store()
{
	"$python" -c '
import fcntl, sys, time
f = open(sys.argv[1], "r+b")
fcntl.lockf(f, fcntl.LOCK_EX)
open(sys.argv[2], "w").close()
time.sleep(float(sys.argv[3]))
' "$store/write.lock" "$tmp/locked" "$1" &
	lock_pid=$!
	until_true 10 test -e "$tmp/locked"
}

unlock_store()
{
	kill -KILL "$lock_pid"
	wait "$lock_pid" 2>/dev/null
	lock_pid=
	rm -f "$tmp/locked"
}
