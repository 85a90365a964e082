#!/bin/sh
# SPDX-License-Identifier: ISC
# gunicorn's workers count through ctypes: exactly, while they are killed, and
# whether the store is opened before they are forked or after.

. "$srcdir/tests/tap.sh"
. "$srcdir/tests/multi/python.sh"

test -x /usr/bin/gunicorn || skip_all "no gunicorn"
. "$srcdir/tests/example/servers.sh"

for preload in '' --preload; do
	how="${preload:+the store opened before fork}"
	how="${how:-the store opened by each worker}"
	: >"$tmp/gunicorn.log" # or the port may be that of the one before
	# shellcheck disable=SC2086 # a flag or none
	with_pdc /usr/bin/gunicorn -w 4 -b 127.0.0.1:0 $preload \
	    --chdir "$srcdir/tests/example" --worker-tmp-dir "$tmp" \
	    wsgi_app:app 2>"$tmp/gunicorn.log" &
	server=$!
	port=$(await "$tmp/gunicorn.log" 'Listening at')
	ok $? "gunicorn listens, $how" || tap_done
	round 1 cut "with workers killed, $how"
	round 1 equal "with nobody killed, $how"
	end TERM "$server"
	server=
done
tap_done
