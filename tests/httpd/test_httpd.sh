#!/bin/sh
# SPDX-License-Identifier: ISC
# Apache httpd with mod_pdc: what is counted, where it is not, and that totals
# are exact while workers are killed, restarted and replaced, with each MPM.
#
#	PDC_LONG=1	worker, too, and restarts with all, not with prefork alone

. "$srcdir/tests/tap.sh"
. "$srcdir/tests/httpd/httpd.sh"
. "$srcdir/tests/demo/clients.sh"

why=$(httpd_why)
test -z "$why" || skip_all "$why"
test -x /usr/bin/python3 || skip_all "no /usr/bin/python3"
export PYTHONDONTWRITEBYTECODE=1

"$PDC" -s "$tmp/probe" inc x
rings=$("$PDC" -s "$tmp/probe" stat | grep '^rseq in this process *yes')
httpd=
store=$tmp/store

cleanup()
{
	test -z "$client" || end TERM "$client"
	test -z "$httpd" || end TERM "$httpd"
}

# get PATH ...: the status; the body goes to $tmp/body
get()
{
	path=$1
	shift
	curl -s -o "$tmp/body" -w '%{http_code}' --noproxy '*' "$@" \
	    "http://127.0.0.1:$port$path"
}

page()
{
	get /metrics >/dev/null
	grep -v '^#' "$tmp/body"
}

# sample KEY: its value on the page of httpd itself
sample()
{
	page | awk -v key="$1" '$1 == key { print $2 }'
}

# await COMMAND ...: until it succeeds, 20 s
await()
{
	i=0
	until "$@"; do
		i=$((i + 1))
		test "$i" -lt 400 || return 1
		sleep 0.05
	done
}

answers()
{
	test "$(get /metrics)" = 200
}

begin()
{
	httpd_run "$tmp" -DFOREGROUND 2>"$tmp/err" &
	httpd=$!
	await answers && return 0
	diag "port $port: $(tail -n 5 "$tmp/err" "$tmp/logs/error" 2>&1)"
	return 1
}

finish()
{
	end TERM "$httpd"
	httpd=
}

# configure MPM [LINE ...]: afresh
configure()
{
	mpm=$1
	shift
	port=$(httpd_port)
	rm -rf "$store" "$tmp/logs" "$tmp"/state*
	rm -f "$tmp/hosts.conf"
	printf '%s\n' "PdcStore $store" "$@" >"$tmp/more.conf"
	httpd_configure "$tmp" "$mpm" "$port"
}

workers()
{
	cat "/proc/$httpd/task/$httpd/children" 2>/dev/null ||
	    pgrep -P "$httpd"
}

# round cut|equal WORDS COMMAND: it is done while clients ask
round()
{
	clients -c 8 -p "$port"
	"$3"
	judge "$1" "$2, $mpm" "http://127.0.0.1:$port/metrics"
	kill -0 "$httpd" || diag "$(cat "$tmp/err" "$tmp/logs/error")"
}

kill_workers()
{
	n=5
	while test "$n" -gt 0; do
		sleep 0.2
		victim=$(workers | tr ' ' '\n' | grep . | shuf -n 1)
		test -z "$victim" || kill -KILL "$victim"
		n=$((n - 1))
	done
}

# restarted N: so often has it said so
restarted()
{
	test "$(grep -c 'resuming normal operations' "$tmp/logs/error")" -ge "$1"
}

# restart SIGNAL: told while it restarts it may end
restart()
{
	n=$(grep -c 'resuming normal operations' "$tmp/logs/error")
	kill "-$1" "$httpd"
	await restarted $((n + 1))
	sleep 0.7
}

restart_gracefully()
{
	sleep 0.3
	restart USR1
	restart USR1
}

restart_hard()
{
	sleep 0.3
	restart HUP
}

# --- what is counted, and where ---

configure prefork \
    "ErrorDocument 404 /index.html" \
    "<Location /private>" "PdcMetrics Off" "</Location>"
cat >"$tmp/hosts.conf" <<END
<VirtualHost *>
ServerName here
</VirtualHost>
<VirtualHost *>
ServerName quiet
PdcMetrics Off
<Location /loud>
PdcMetrics On
</Location>
</VirtualHost>
END
head -c 3000000 /dev/zero >"$tmp/docs/big"
begin
ok $? "httpd starts" || {
	diag "$(cat "$tmp/err" "$tmp/logs/error")"
	tap_done
}
is "$(get /) $(get /) $(get / -I) $(get /missing) $(get /denied/)" \
    "200 200 200 404 403" "it answers"
is "$(get / -d x) $(get / -X BREW) $(get /big) $(get /big -r 0-9)" \
    "405 405 200 206" "other methods, too"
is "$(get / -H 'Host: a b') $(get / -H 'X:' -H "Y;" --http1.0)" "400 200" \
    "and what is no request"
is "$(get / -X OPTIONS -A 'x (internal dummy connection)' \
    --request-target '*')" 200 "and to itself"
is "$(page | grep ^http_requests_total | sort)" \
'http_requests_total{code="200",method="GET"} 4
http_requests_total{code="200",method="HEAD"} 1
http_requests_total{code="206",method="GET"} 1
http_requests_total{code="400",method="GET"} 1
http_requests_total{code="403",method="GET"} 1
http_requests_total{code="404",method="GET"} 1
http_requests_total{code="405",method="POST"} 1
http_requests_total{code="405",method="other"} 1' \
    "each is counted where it is to be, and once"
is "$(sample 'http_request_duration_seconds_count{method="GET"}')" 7 \
    "the durations of what was understood"
is "$(sample http_response_size_bytes_count)" 11 "the sizes"
is "$(printf "%.0f" "$(sample http_response_size_bytes_sum)")" \
    "$(awk '{ sum += $3 } END { printf "%.0f", sum }' \
    "$tmp/logs/access")" "their sum is that of httpd's own log"
is "$(get / -H 'Host: quiet') $(get /private/x) $(get /loud -H 'Host: quiet')" \
    "200 404 404" "some where nothing is to be counted"
is "$(sample http_response_size_bytes_count)" 12 \
    "but one for which a location differs from its host"
is "$(sample http_requests_in_progress)" 0 "none is going on"

# A request whose body does not come, and then its worker dies.
cat >"$tmp/stall.py" <<'END'
import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\n12")
time.sleep(60)
END
/usr/bin/python3 "$tmp/stall.py" "$port" &
client=$!
in_progress()
{
	test "$(sample http_requests_in_progress)" = "$1"
}
await in_progress 1
ok $? "a request is in progress"
# shellcheck disable=SC2046 # a list of pids
kill -KILL $(workers)
await in_progress 0
ok $? "and goes with its worker"
end KILL "$client" 2>/dev/null
client=

is "$(get /metrics -d x)" 405 "a page is not posted to"
is "$(get /metrics -I)" 200 "HEAD has no body"
get /metrics -D "$tmp/head" >/dev/null
like "$(tr -d '\r' <"$tmp/head")" \
    '*Content-Type: text/plain; version=0.0.4*' "the type of a page"
get /metrics -D "$tmp/head" -H 'Accept: application/openmetrics-text' >/dev/null
like "$(tr -d '\r' <"$tmp/head")" \
    '*Vary: Accept*Content-Type: application/openmetrics-text; version=1.0.0*' \
    "and of another that was asked for"
if test "$(id -u)" -eq 0; then
	is "$(find "$store" ! -user www-data)" "" \
	    "the store belongs to the server's User"
fi
was=$(page | grep ^http_requests_total)
"$PDC" -s "$store" check >"$tmp/check"
ok $? "the store is sound while it is in use" || diag "$(cat "$tmp/check")"
finish
begin
is "$(page | grep ^http_requests_total)" "$was" \
    "stopped and started again it goes on"

# --- bad configuration ---

printf 'PdcStore %s/docs/index.html/x\n' "$tmp" >"$tmp/more.conf"
kill -HUP "$httpd"
gone()
{
	test "$(get /metrics)" = 503
}
await gone
ok $? "a restart with a bad store goes on without metrics"
is "$(get /)" 200 "and serves"
like "$(cat "$tmp/logs/error")" "*PdcStore: *docs/index.html/x*nothing is*" \
    "and says what is wrong"
finish
(httpd_run "$tmp" -DFOREGROUND) 2>"$tmp/err" &
! wait $!
ok $? "a start with it is refused"
printf '<VirtualHost *>\nPdcStore /x\n</VirtualHost>\n' >"$tmp/more.conf"
like "$( (httpd_run "$tmp" -t) 2>&1)" "*PdcStore*" \
    "a store is of the whole server"
: >"$tmp/more.conf"
httpd_run "$tmp" -DFOREGROUND 2>"$tmp/err" &
httpd=$!
await gone
is "$(get /) $(get /metrics)" "200 503" "without a store nothing is counted"
finish

# --- exact ---

total()
{
	"$PDC" -s "$store" show |
	    awk '/^http_requests_total/ { sum += $2 } END { print sum }'
}

undisturbed()
{
	sleep 0.3
}

# Without restartable sequences what a worker counted in a series that could not
# be made yet waits in it for its next request, and goes with it.
if test -z "$rings"; then
	skip "no rings without restartable sequences"
	tap_done
fi

for mpm in prefork event ${PDC_LONG:+worker}; do
	configure "$mpm"
	begin
	ok $? "$mpm: httpd starts" || continue
	round cut "with workers killed" kill_workers
	if test "$mpm" = prefork || test -n "${PDC_LONG:-}"; then
		round cut "with graceful restarts" restart_gracefully
		round cut "with a hard restart" restart_hard
	fi
	round equal "with nothing of that" undisturbed
	finish
	configure "$mpm" "MaxConnectionsPerChild 10"
	begin
	ok $? "$mpm: httpd starts" || continue
	get '/?[1-100]' -H 'Connection: close' >/dev/null
	finish
	is "$(total)" 100 "$mpm: workers end after ten connections, no count"
	"$PDC" -s "$store" check >"$tmp/check"
	ok $? "$mpm: the store is sound after all" ||
	    diag "$(cat "$tmp/check")"
done
tap_done
