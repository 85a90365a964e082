#!/bin/sh
# SPDX-License-Identifier: ISC
# pdc-serve on sockets that are passed to it, and its units.

. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

command -v systemd-socket-activate >/dev/null 2>&1 ||
    skip_all "no systemd"
"$PDC" -s "$store" inc served

free_port()
{
	/usr/bin/python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# --- sockets ---

one=$(free_port)
two=$(free_port)
systemd-socket-activate -l "127.0.0.1:$one" -l "127.0.0.1:$two" \
    -E PDC_SAN "$PDC_SERVE" --store="$store" --web.systemd-socket 2>"$log" &
pid=$!
answers()
{
	curl -s -m 9 --noproxy '*' "http://127.0.0.1:$1/metrics" >"$tmp/body"
}
until_true 10 answers "$one"
ok $? "the first connection starts it"
like "$(cat "$tmp/body")" "*served_total 1*" "and is answered"
answers "$two"
like "$(cat "$tmp/body")" "*served_total 1*" "so is one to the other socket"
is "$(grep -c "msg=listening address=127.0.0.1:[0-9]" "$log")" 2 \
    "it says on what it listens"
kill -TERM "$pid"
wait "$pid"
is $? 0 "SIGTERM ends it with status 0"
pid=

# refused PATTERN COMMAND ...
refused()
{
	pattern=$1
	shift
	"$@" >"$tmp/err" 2>&1 </dev/null
	like "$?:$(cat "$tmp/err")" "$pattern" "refused: $pattern"
}

refused '1:*cannot listen*no socket was passed*' \
    "$PDC_SERVE" --store="$store" --web.systemd-socket
refused '2:*--web.systemd-socket and --web.listen-address exclude*' \
    "$PDC_SERVE" --web.systemd-socket --web.listen-address=:0
# Its own pid is in the environment, but no socket is there.
refused '1:*cannot listen*descriptor 3: *' env LISTEN_FDS=1 sh -c \
    'LISTEN_PID=$$ exec "$@" 3</dev/null' sh \
    "$PDC_SERVE" --store="$store" --web.systemd-socket
refused '1:*cannot listen*no socket was passed*' env LISTEN_FDS=x sh -c \
    'LISTEN_PID=$$ exec "$@"' sh \
    "$PDC_SERVE" --store="$store" --web.systemd-socket
refused '1:*cannot listen*99 sockets*' env LISTEN_FDS=99 sh -c \
    'LISTEN_PID=$$ exec "$@"' sh \
    "$PDC_SERVE" --store="$store" --web.systemd-socket

# --- units ---

units=$tmp/units
mkdir "$units"
cp "$srcdir/bin/pdc-serve/pdc-serve.socket" "$units"
like "$(grep '^ExecStart=' \
    "$top_builddir/bin/pdc-serve/pdc-serve.service")" \
    "ExecStart=/*/sbin/pdc-serve --store=/run/pdc --web.systemd-socket" \
    "the service runs what was installed"
sed "s|^ExecStart=[^ ]*|ExecStart=$PDC_SERVE|" \
    "$top_builddir/bin/pdc-serve/pdc-serve.service" >"$units/pdc-serve.service"
# That of the manual pages would be looked for where they are installed.
is "$(SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --man=no \
    "$units/pdc-serve.service" "$units/pdc-serve.socket" 2>&1 |
    grep 'pdc-serve')" "" "systemd finds nothing wrong with the units"
got=$(systemd-analyze security --offline=yes --threshold=20 --no-pager \
    "$units/pdc-serve.service" 2>&1)
ok $? "an exposure of less than 2.0 of 10" || diag "$got"
diag "$(printf '%s' "$got" | grep 'Overall')"
grep -q '^RuntimeDirectory=' "$units/pdc-serve.service"
is $? 1 "a stop deletes no store"

if test "$(id -u)" -eq 0; then
	root=$tmp/root
	mkdir -p "$root/etc" "$root/run" "$root/usr/lib"
	cp -R "$srcdir/bin/pdc-serve/sysusers.d" \
	    "$srcdir/bin/pdc-serve/tmpfiles.d" "$root/usr/lib"
	systemd-sysusers --root="$root" pdc.conf
	like "$(cat "$root/etc/group")" "*pdc:*" "there is a group pdc"
	systemd-tmpfiles --root="$root" --create pdc.conf
	gid=$(sed -n 's/^pdc:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/group")
	is "$(stat -c '%a %u %g' "$root/run/pdc")" "2770 0 $gid" \
	    "and a directory for it"
else
	skip "not root"
fi
tap_done
