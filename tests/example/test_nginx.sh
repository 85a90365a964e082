#!/bin/sh
# SPDX-License-Identifier: ISC
# nginx's workers count in a module: exactly, while they are killed.
#
#	PDC_NGINX=1	do it: nginx's configure tries a hundred things before a
#			module can be built, which takes ten seconds

. "$srcdir/tests/tap.sh"
. "$srcdir/tests/multi/python.sh"
. "$srcdir/tests/httpd/httpd.sh"

test -n "${PDC_NGINX:-}" || skip_all "without PDC_NGINX=1"
test -x /usr/sbin/nginx || skip_all "no nginx"
test -d /usr/share/nginx/src || skip_all "no nginx-dev"
. "$srcdir/tests/example/servers.sh"

here=$(cd "$srcdir" && pwd)
libs=${PDC_LIB%/*}

# With the flags of Debian's nginx, which are an array of bash.
# shellcheck disable=SC2016 # for that bash
build()
{
	cp -r /usr/share/nginx/src "$tmp/src" && cd "$tmp/src" &&
	    bash -c '. ./conf_flags &&
		exec ./configure "${NGX_CONF_FLAGS[@]}" "$@"' \
		configure --with-cc="${CC:-cc}" \
		--with-cc-opt="-I$here/include" \
		--with-ld-opt="-L$libs -Wl,-rpath,$libs" \
		--add-dynamic-module="$here/tests/example/nginx" &&
	    $MAKE -f objs/Makefile modules
}

(build) >"$tmp/build.log" 2>&1
ok $? "nginx-dev builds the module" || {
	diag "$(tail -n 30 "$tmp/build.log")"
	tap_done
}

# Workers of root stay root, for whom the store and the library are.
port=$(httpd_port)
cat >"$tmp/conf" <<CONF
$(test "$(id -u)" -ne 0 || echo 'user root;')
daemon off;
worker_processes 4;
pid $tmp/pid;
error_log stderr notice;
load_module $tmp/src/objs/ngx_http_pdc_module.so;
env PDC_STORE;
events {
}
http {
	access_log off;
	client_body_temp_path $tmp/body;
	proxy_temp_path $tmp/proxy;
	fastcgi_temp_path $tmp/fastcgi;
	uwsgi_temp_path $tmp/uwsgi;
	scgi_temp_path $tmp/scgi;
	server {
		listen 127.0.0.1:$port;
		if (\$request_method !~ ^(GET|HEAD)\$) {
			return 405;
		}
		location = / {
			return 200 hello;
		}
		location / {
			return 404;
		}
	}
}
CONF
env ${asan:+"LD_PRELOAD=$asan" "ASAN_OPTIONS=$ASAN_OPTIONS"} \
    /usr/sbin/nginx -c "$tmp/conf" -p "$tmp" -e "$tmp/early" \
    2>"$tmp/nginx.log" &
server=$!
i=0
until test "$(grep -c 'start worker process ' "$tmp/nginx.log")" -ge 4; do
	i=$((i + 1))
	test "$i" -lt 200 || break
	sleep 0.05
done
test "$i" -lt 200
ok $? "nginx starts with the module" || {
	diag "$(cat "$tmp/nginx.log" "$tmp/early")"
	tap_done
}
round 1 cut "with workers killed"
round 1 equal "with nobody killed"
tap_done
