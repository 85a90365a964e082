# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# A real httpd with mod_pdc, for tests and the demonstration, after
# $top_builddir and $srcdir are set:
#
#	httpd_why			why there can be none here, or nothing
#	httpd_configure DIR MPM PORT	DIR/conf, DIR/docs, logs; its store DIR/store
#	httpd_run DIR ARGUMENT ...	httpd itself, in place of this shell
#	httpd_port			a port that nobody has now
#
# More lines of configuration go to DIR/more.conf and DIR/hosts.conf.

HTTPD=${HTTPD:-}
httpd_built=$top_builddir/lib/adapter/httpd

httpd_why()
{
	if test -z "$HTTPD" || ! test -x "$HTTPD"; then
		echo "no httpd"
	elif ! test -f "$httpd_built/mod_pdc.la"; then
		echo "mod_pdc was not built"
	elif ! test -f /usr/lib/apache2/modules/mod_mpm_prefork.so; then
		echo "no modules of httpd where Debian has them"
	else
		case ${PDC_SAN:-} in
		*thread*) echo "httpd cannot run with this sanitizer" ;;
		esac
	fi
}

# A copy: while libtool installs the module, there is none in the build tree.
httpd_module()
{
	for httpd_try in 1 2 3 4 5 6 7 8 9; do
		cp "$httpd_built/.libs/mod_pdc.so" "$1" 2>/dev/null && break
		sleep 1
	done
}

# Not one of those that the system gives to whoever names none.
httpd_port()
{
	/usr/bin/python3 -c 'import random, socket
while True:
    port = random.randrange(20000, 30000)
    try:
        socket.socket().bind(("127.0.0.1", port))
        break
    except OSError:
        pass
print(port)'
}

# Children of a root's httpd are somebody else, and get through.
httpd_user()
{
	test "$(id -u)" -eq 0 || return 0
	chmod 711 "$1"
	echo "User www-data"
	echo "Group www-data"
}

httpd_mpm()
{
	case $1 in
	prefork)
		cat <<CONF
StartServers 8
MinSpareServers 8
MaxSpareServers 16
ServerLimit 32
MaxRequestWorkers 32
CONF
		;;
	*)
		# With all threads of a process busy, event closes connections
		# that are kept alive, and clients cannot tell why.
		cat <<CONF
StartServers 3
ThreadsPerChild 16
MinSpareThreads 32
MaxSpareThreads 128
ServerLimit 8
MaxRequestWorkers 128
CONF
		;;
	esac
}

httpd_configure()
{
	modules=/usr/lib/apache2/modules
	mkdir -p "$1/docs/denied" "$1/logs"
	echo hello >"$1/docs/index.html"
	: >>"$1/more.conf"
	: >>"$1/hosts.conf"
	httpd_module "$1/mod_pdc.so"
	cat >"$1/conf" <<CONF
ServerRoot "$1"
ServerName localhost
Listen 127.0.0.1:$3
PidFile logs/pid
ErrorLog logs/error
LogLevel warn
LoadModule mpm_$2_module $modules/mod_mpm_$2.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule mime_module $modules/mod_mime.so
LoadModule dir_module $modules/mod_dir.so
LoadModule alias_module $modules/mod_alias.so
LoadModule setenvif_module $modules/mod_setenvif.so
LoadModule allowmethods_module $modules/mod_allowmethods.so
LoadModule pdc_module $1/mod_pdc.so
TypesConfig /dev/null
DocumentRoot "$1/docs"
LogFormat "%m %>s %B" plain
CustomLog logs/access plain env=!quiet
SetEnvIf Request_URI ^/metrics quiet
SetEnvIf User-Agent "internal dummy connection" quiet
KeepAlive On
MaxKeepAliveRequests 0
GracefulShutdownTimeout 10
$(httpd_user "$1")
$(httpd_mpm "$2")
<Directory "$1/docs">
	AllowMethods GET HEAD
</Directory>
<Directory "$1/docs/denied">
	Require all denied
</Directory>
<Location /metrics>
	SetHandler pdc-metrics
	PdcMetrics Off
</Location>
Include more.conf
IncludeOptional hosts.conf
CONF
}

httpd_run()
{
	dir=$1
	shift
	asan=
	case ${PDC_SAN:-} in
	*address*)
		asan=$(${CC:-cc} -print-file-name=libasan.so)
		;;
	esac
	# What is built with a sanitizer needs its library from the start.
	# It kills its process group in the end.
	exec setsid env ${asan:+"LD_PRELOAD=$asan" "ASAN_OPTIONS=detect_leaks=0"} \
	    "$HTTPD" -f "$dir/conf" "$@"
}
