#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The demonstration: a preforking server that counts with libpdc, its workers
# killed all the time, and totals that are exact.

set -u

usage()
{
	cat <<USAGE
usage: run.sh BUILD_DIR [--httpd | --example] [--seconds N] [--no-kill]

Starts a server with 8 workers on a store of its own, pdc-serve and a Prometheus
that scrapes it every second, and clients that count; kills a worker with
SIGKILL every 100 ms, for N seconds or until Ctrl-C; compares what was counted
with what was answered; then the same for a third of N seconds (3 after Ctrl-C)
without kills.

--httpd      the server is Apache httpd with mod_pdc, restarted gracefully once
             in the middle of the kills; so it is if nothing is said and mod_pdc
             was built
--example    the server is tests/example/httpd
--no-kill    the first part without kills, only
USAGE
	exit 2
}

die()
{
	echo "demo: $*" >&2
	exit 1
}

# --- processes: all are ours, none survives us ---

pids=()

# start NAME COMMAND ...: its output goes to $tmp/NAME, its pid to $started.  In
# a session of its own it does not get the Ctrl-C that is meant for us.
start()
{
	local name=$1

	shift
	: >"$tmp/$name"
	setsid "$@" >"$tmp/$name" 2>&1 </dev/null &
	started=$!
	pids+=("$started")
}

# stop SIGNAL PID: bounded; then SIGKILL.  Returns the status it ended with.
stop()
{
	local i

	kill "-$1" "$2" 2>/dev/null
	for ((i = 0; i < 250; i++)); do
		kill -0 "$2" 2>/dev/null || break
		sleep 0.02
	done
	kill -KILL "$2" 2>/dev/null
	wait "$2" 2>/dev/null
}

cleanup()
{
	local i

	trap - EXIT
	trap '' INT TERM HUP
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		stop TERM "${pids[i]}"
	done
	rm -rf "$tmp"
}

# address NAME PATTERN: wait for host:port in a line of $tmp/NAME.
address()
{
	local i

	for ((i = 0; i < 200; i++)); do
		sed -n "/$2/s/.*\(127\.0\.0\.1:[0-9][0-9]*\).*/\1/p" \
		    "$tmp/$1" | grep -m 1 . && return
		sleep 0.05
	done
	sed 's/^/  /' "$tmp/$1" >&2
	return 1
}

# --- the parts ---

# The pids of the server's workers.
workers()
{
	local children=/proc/$httpd/task/$httpd/children

	if test -r "$children"; then
		cat "$children"
	else
		pgrep -P "$httpd"
	fi
}

kill_workers()
{
	local all

	while sleep 0.1; do
		mapfile -t -d ' ' all < <(workers | tr '\n' ' ')
		((${#all[@]} > 0)) || continue
		kill -KILL "${all[RANDOM % ${#all[@]}]}" &&
		    echo killed >>"$tmp/kills"
	done 2>/dev/null
}

# Prometheus makes its first scrape about 5 seconds after it started.
write_config()
{
	cat >"$tmp/prometheus.yml" <<CONFIG
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
- job_name: httpd
  static_configs:
  - targets: ['$serve_at']
CONFIG
}

start_example()
{
	start httpd.log "$build/tests/example/httpd" -n 8 -s "$tmp/store"
	httpd=$started
	httpd_at=$(address httpd.log listening) || die "no httpd"
}

# Its own log is a third witness.
start_httpd()
{
	local i port

	port=$(httpd_port)
	echo "PdcStore $tmp/store" >"$tmp/more.conf"
	httpd_configure "$tmp" prefork "$port"
	httpd_run "$tmp" -DFOREGROUND >"$tmp/httpd.log" 2>&1 </dev/null &
	httpd=$!
	pids+=("$httpd")
	httpd_at=127.0.0.1:$port
	witness=$tmp/logs/access
	for ((i = 0; i < 200; i++)); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
		sleep 0.05
	done
	cat "$tmp/httpd.log" "$tmp/logs/error" >&2
	die "no httpd"
}

start_servers()
{
	start serve.log "$build/bin/pdc-serve/pdc-serve" \
	    --store="$tmp/store" --web.listen-address=127.0.0.1:0
	serve_at=$(address serve.log msg=listening) || die "no pdc-serve"
	write_config
	start prometheus.log prometheus --config.file="$tmp/prometheus.yml" \
	    --storage.tsdb.path="$tmp/prometheus" \
	    --web.listen-address=127.0.0.1:0
	prometheus_at=$(address prometheus.log 'Listening on') ||
	    die "no Prometheus"
	"start_$server"
	cat <<ADDRESSES
server      http://$httpd_at/
pdc-serve   http://$serve_at/metrics
Prometheus  http://$prometheus_at/graph?g0.expr=rate(http_requests_total%5B10s%5D)&g0.tab=0&g0.range_input=5m
files       $tmp
ADDRESSES
}

# pause SECONDS: or until Ctrl-C; 0 is for ever.
pause()
{
	local end=$((SECONDS + $1))

	while ((interrupts == 0 && ($1 == 0 || SECONDS < end))); do
		sleep 0.2
	done
}

# verdict cut|equal FILE ...: in the background, where Ctrl-C is not for it.
verdict()
{
	local judge ret

	"$python" "$srcdir/pages.py" verdict "http://$serve_at/metrics" \
	    "http://$prometheus_at" "$witness" "$tmp/state" "$@" </dev/null &
	judge=$!
	pids+=("$judge")
	while :; do
		wait "$judge"
		ret=$?
		# A signal to us ends wait, too.
		((ret > 128)) && kill -0 "$judge" 2>/dev/null || return "$ret"
	done
}

# Until the watcher has taken its first page: a busy machine starts it late.
watched()
{
	local i

	for ((i = 0; i < 500 && interrupts == 0; i++)); do
		test -e "$tmp/state.watched" && break
		sleep 0.02
	done
}

# run SECONDS kills|equal: load, kills or none, and the verdict.
run()
{
	local client watcher killer='' wrk='' status=0 files=("$tmp/client")

	: >"$tmp/kills"
	rm -f "$tmp/state.watched"
	start client "$build/tests/demo/load" -c 12 -p "${httpd_at#*:}"
	client=$started
	setsid "$python" "$srcdir/pages.py" watch "http://$serve_at/metrics" \
	    "$tmp/state" "$tmp/client" </dev/null &
	watcher=$!
	pids+=("$watcher")
	watched
	if test "$2" = kills; then
		kill_workers &
		killer=$!
		pids+=("$killer")
		if command -v wrk >/dev/null; then
			start wrk wrk -t 1 -c 2 -d 1000h \
			    "http://$httpd_at/missing"
			wrk=$started
			files+=("$tmp/wrk")
		fi
	fi
	if test "$2$server" = killshttpd; then
		pause $((($1 + 1) / 2 + ($1 == 0) * 5))
		kill -USR1 "$httpd" && echo "  restarted gracefully"
		pause $(($1 / 2))
	else
		pause "$1"
	fi
	test -z "$killer" || stop TERM "$killer"
	test -z "$wrk" || stop INT "$wrk"
	stop TERM "$client" || status=1
	stop TERM "$watcher" || status=1
	echo "  $(wc -l <"$tmp/kills") workers killed"
	verdict "${2/kills/cut}" "${files[@]}" || status=1
	((status == 0)) || failed=1
}

# --- main ---

test $# -ge 1 || usage
build=$(cd "$1" && pwd) || exit 1
shift
seconds=0
kills=kills
server=
witness=
while test $# -gt 0; do
	case $1 in
	--seconds=*)
		seconds=${1#*=}
		;;
	--seconds)
		test $# -ge 2 || usage
		seconds=$2
		shift
		;;
	--httpd | --example)
		server=${1#--}
		;;
	--no-kill)
		kills=equal
		;;
	*)
		usage
		;;
	esac
	shift
done
[[ $seconds =~ ^[0-9]{1,6}$ ]] || usage
srcdir=$(cd "$(dirname "$0")" && pwd) || exit 1
python=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1
for program in "$python" prometheus setsid "$build/tests/demo/load" \
    "$build/tests/example/httpd" "$build/bin/pdc-serve/pdc-serve"; do
	command -v "$program" >/dev/null || die "there is no $program"
done

top_builddir=$build
HTTPD=$(sed -n 's/^HTTPD = //p' "$build/Makefile")
# shellcheck source=tests/httpd/httpd.sh
. "$srcdir/../httpd/httpd.sh"
why=$(httpd_why)
if test "$server" = httpd && test -n "$why"; then
	die "$why"
fi
test -n "$server" || server=$(test -z "$why" && echo httpd || echo example)

shm=/dev/shm
test -w "$shm" || shm=${TMPDIR:-/tmp}
tmp=$(mktemp -d "$shm/pdc-demo.XXXXXX") || exit 1
trap cleanup EXIT
interrupts=0
trap 'interrupts=1; trap "exit 130" INT TERM' INT TERM
trap 'exit 129' HUP
failed=0

start_servers
((seconds > 0)) || echo "Ctrl-C ends it; exact figures come at the end"
if test "$kills" = kills; then
	echo "with kills:"
else
	echo "without kills:"
fi
run "$seconds" "$kills"
if test "$kills" = kills; then
	rest=3
	if ((seconds > 0 && interrupts == 0)); then
		rest=$(((seconds + 2) / 3))
	fi
	interrupts=0
	echo "without kills, $rest s:"
	run "$rest" equal
fi
((failed == 0)) || die "NOT exact"
echo exact
