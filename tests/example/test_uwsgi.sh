#!/bin/sh
# SPDX-License-Identifier: ISC
# uWSGI's workers count through ctypes: exactly, while they are killed.  The
# store is opened before they are forked; with PDC_LONG=1 also after, by each.

. "$srcdir/tests/tap.sh"
. "$srcdir/tests/multi/python.sh"

test -x /usr/bin/uwsgi || skip_all "no uWSGI"
. "$srcdir/tests/example/servers.sh"

for lazy in '' ${PDC_LONG:+--lazy-apps}; do
	how="${lazy:+the store opened by each worker}"
	how="${how:-the store opened before fork}"
	: >"$tmp/uwsgi.log" # or the port may be that of the one before
	# It ends each connection, and does not say so by itself.
	# shellcheck disable=SC2086 # a flag or none
	env ${asan:+"LD_PRELOAD=$asan" "ASAN_OPTIONS=$ASAN_OPTIONS"} \
	    /usr/bin/uwsgi --master --processes 4 $lazy --need-app \
	    --plugin python3 --http-socket 127.0.0.1:0 \
	    --add-header 'Connection: close' --disable-logging --die-on-term \
	    --chdir "$srcdir/tests/example" --module wsgi_app:app \
	    --no-orphans --worker-reload-mercy 1 2>"$tmp/uwsgi.log" &
	server=$!
	port=$(await "$tmp/uwsgi.log" 'bound to TCP address')
	ok $? "uWSGI listens, $how" || tap_done
	round 1 cut "with workers killed, $how"
	round 1 equal "with nobody killed, $how"
	end TERM "$server"
	server=
done
tap_done
