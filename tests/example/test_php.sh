#!/bin/sh
# SPDX-License-Identifier: ISC
# Workers of PHP-FPM count through FFI behind an httpd: exactly, while they are
# killed.  What httpd answers for a worker that was killed was cut.

. "$srcdir/tests/tap.sh"
. "$srcdir/tests/multi/python.sh"
. "$srcdir/tests/httpd/httpd.sh"

fpm=/usr/sbin/php-fpm8.2
test -x "$fpm" || skip_all "no $fpm"
"$fpm" -n -d extension=ffi -m 2>/dev/null | grep -qx FFI ||
    skip_all "no FFI in PHP"
# It opens its extensions with RTLD_DEEPBIND.
test -z "$asan" || skip_all "PHP cannot run with a sanitizer"
why=$(httpd_why)
test -z "$why" || skip_all "$why"
. "$srcdir/tests/example/servers.sh"

mkdir "$tmp/php"
cp "$srcdir/tests/example/php/index.php" "$tmp/php"
cat >"$tmp/fpm.conf" <<CONF
[global]
daemonize = no
error_log = $tmp/fpm.log
[www]
$(test "$(id -u)" -ne 0 || printf 'user = root\ngroup = root')
listen = $tmp/fpm.socket
listen.mode = 0666
pm = static
pm.max_children = 4
catch_workers_output = yes
env[PDC_LIB] = $PDC_LIB
env[PDC_STORE] = $PDC_STORE
CONF
# Workers of root stay root, who can read the library wherever it was built.
run_fpm()
{
	root=
	test "$(id -u)" -ne 0 || root=-R
	# shellcheck disable=SC2086 # a flag or none
	exec "$fpm" $root -n -d extension=ffi -d ffi.enable=true \
	    -d display_errors=0 -y "$tmp/fpm.conf"
}

# Both listen; a request to find out would be counted.
listen()
{
	i=0
	until test -S "$tmp/fpm.socket" &&
	    grep -q 'resuming normal operations' "$tmp/logs/error"; do
		i=$((i + 1))
		test "$i" -lt 400 || return 1
		sleep 0.05
	done
}

port=$(httpd_port)
httpd_configure "$tmp" event "$port"
cat >"$tmp/more.conf" <<CONF
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_fcgi_module /usr/lib/apache2/modules/mod_proxy_fcgi.so
AliasMatch ^ "$tmp/php/index.php"
<Directory "$tmp/php">
	# Clients want Content-Length, which it believes of no script.
	SetEnvIf Request_URI ^ ap_trust_cgilike_cl
	SetHandler "proxy:unix:$tmp/fpm.socket|fcgi://localhost"
</Directory>
CONF
run_fpm 2>"$tmp/fpm.err" &
server=$!
httpd_run "$tmp" -DFOREGROUND 2>"$tmp/err" &
front=$!
listen 2>/dev/null
ok $? "PHP-FPM and httpd before it listen" || {
	diag "$(cat "$tmp/fpm.err" "$tmp/fpm.log" "$tmp/err" "$tmp/logs/error")"
	tap_done
}
round 1 cut "with workers killed"
round 1 equal "with nobody killed"
tap_done
