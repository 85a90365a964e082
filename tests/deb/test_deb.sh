#!/bin/sh
# SPDX-License-Identifier: ISC
# The Debian packages, in a machine of their own with its systemd: they install,
# serve, are replaced under running processes, and go without a trace.
#
#	PDC_DEB=1	run it: some minutes, as root, with a mirror

if test -n "${PDC_DEB:-}" && test -z "${PDC_DEB_MOUNTS:-}"; then
	PDC_DEB_MOUNTS=own exec unshare -m --propagation private "$0"
fi
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/deb/machine.sh"
. "$srcdir/tests/demo/clients.sh"

test -n "${PDC_DEB:-}" || skip_all "without PDC_DEB=1"
chmod 711 "$tmp"
unset MAKEFLAGS MFLAGS MAKELEVEL
next=

cleanup()
{
	for pid in $next $client; do
		kill -KILL "$pid"
	done
	machine_end
}

# needed STATUS WORDS [FILE]: a case without which there are no others
needed()
{
	ok "$1" "$2" && return 0
	diag "$(tail -n 30 "${3:-$tmp/log}")"
	tap_done
}

# --- the packages ---

build=$top_builddir/deb
packages='libapache2-mod-pdc libpdc-dev libpdc0 pdc'
version=$(dpkg-parsechangelog -l "$srcdir/debian/changelog" -S Version)

# Of another version, and as somebody who is not root.
make_next()
{
	mkdir "$tmp/next"
	tar -xzf "$top_builddir/pdc-$version.tar.gz" -C "$tmp/next"
	cd "$tmp/next/pdc-$version" || return 1
	sed -i "s/^\(AC_INIT.*\[$version\)\]/\1+1]/" configure.ac
	sed -i "1s/($version)/($version+1)/" debian/changelog
	chown -R nobody "$tmp/next"
	alone setpriv --reuid nobody --regid nogroup --clear-groups \
	    env DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -us -uc -b
}

${MAKE:-make} -C "$top_builddir" deb >"$tmp/log" 2>&1
needed $? "make deb"
is "$(cd "$build" && ls -- *.deb | grep -v dbgsym | sed 's/_.*//' | xargs)" \
    "$packages" "makes four packages"
lintian --fail-on error,warning --allow-root "$build"/*.changes \
    >"$tmp/log" 2>&1
ok $? "lintian has no errors and no warnings" || diag "$(cat "$tmp/log")"
make_next >"$tmp/next.log" 2>&1 &
next=$!

# --- the machine ---

machine_make apache2 libc6-dev systemd-sysv >"$tmp/log" 2>&1
needed $? "a Debian of its own"
wait "$next"
needed $? "the packages of another version, by nobody" "$tmp/next.log"
next=
mkdir "$machine/srv/old" "$machine/srv/new"
cp "$build"/*.deb "$machine/srv/old"
cp "$tmp/next"/*.deb "$machine/srv/new"
rm -f "$machine"/srv/*/*-dbgsym_*

# debs old|new: as apt names files
debs()
{
	(cd "$machine" && ls "srv/$1"/*.deb | sed 's|^|/|')
}

# shellcheck disable=SC2046 # a list of words
in_machine apt-get -q -y install --download-only $(debs old) \
    >"$tmp/log" 2>&1
needed $? "apt finds what they depend on"
machine_boot >"$tmp/log" 2>&1
needed $? "its systemd is up"

# All paths, but for those of running, of logs, caches and lists, and the
# directories in which apache2 keeps who enabled what.
paths()
{
	(cd "$machine" && find . -xdev \( -path ./var/cache -o \
	    -path ./var/log -o -path ./var/lib/apt -o -path ./tmp -o \
	    -path ./run -o -path ./srv -o -path ./var/tmp \) -prune -o \
	    -type d -path './var/lib/apache2/module/*' -o -print | sort)
}

# apt WORDS ARGUMENT ...
apt()
{
	words=$1
	shift
	on apt-get -q -y "$@" >"$tmp/log" 2>&1
	needed $? "$words"
}

# get PORT PATH: the status; the body goes to $tmp/body
get()
{
	near curl -s -o "$tmp/body" -w '%{http_code}' -m 9 --noproxy '*' \
	    "http://127.0.0.1:$1$2"
}

# sample PORT KEY: of the page there
sample()
{
	get "$1" /metrics >/dev/null
	awk -v key="$2" '$1 == key { print $2 }' "$tmp/body"
}

# status FIELD: of the process of pdc-serve
status()
{
	pid=$(on systemctl show -P MainPID pdc-serve)
	on sed -n "s/^$1:[ 	]*//p" "/proc/$pid/status"
}

# --- installed ---

paths >"$tmp/before"
# shellcheck disable=SC2046 # a list of words
apt "the packages install" install $(debs old)
is "$(on pdc --version) $(on pdc-serve --version)" \
    "pdc $version pdc-serve, version $version" "the programs run"
is "$(on systemctl is-active pdc-serve.socket)" active "the socket is there"
is "$(get 19464 /metrics) $(sample 19464 pdc_up)" "200 0" \
    "pdc-serve answers, and knows of no store yet"
is "$(on stat -c '%a %U %G' /run/pdc)" "2770 root pdc" \
    "there is a directory for that"
on runuser -u pdc -- pdc inc first
is "$(sample 19464 first_total)" 1 "and serves the store of the machine"
user=$(on id -u pdc)
is "$(status Uid | cut -f 1) $(status Seccomp) $(status CapBnd)" \
    "$user 2 0000000000000000" "as pdc, filtered, without privileges"
on systemctl stop pdc-serve.service pdc-serve.socket
is "$(get 19464 /metrics)" 000 "stopped it is gone"
is "$(on find /run/pdc -name data.mdb)" /run/pdc/data.mdb "its store is not"
on systemctl start pdc-serve.socket
is "$(on systemctl is-active pdc-serve.service)" inactive \
    "there is an address only"
is "$(sample 19464 first_total)" 1 "the first to come starts it"

# --- to compile with ---

# compile SOURCE PROGRAM: with the files of the machine
compile()
{
	flags()
	{
		PKG_CONFIG_SYSROOT_DIR=$machine PKG_CONFIG_LIBDIR=$(echo \
		    "$machine"/usr/lib/*/pkgconfig) \
		    ${PKG_CONFIG:-pkg-config} "$@" libpdc
	}
	# shellcheck disable=SC2046 # a list of words
	${CC:-cc} --sysroot="$machine" -O2 -o "$machine/srv/$2" \
	    $(flags --cflags) "$1" $(flags --libs) >"$tmp/log" 2>&1
	needed $? "$2 compiles with libpdc-dev"
}

compile "$srcdir/tests/compile/use_c99.c" user
compile "$srcdir/tests/deb/count.c" count
like "$(on /srv/user /run/user-store)" '*user_calls_total{way="tried"} 3*' \
    "a user's program runs"

# --- in httpd ---

got200='http_requests_total{code="200",method="GET"}'
rm "$machine/var/www/html/index.html"
echo hello >"$machine/var/www/html/index.html"
get 80 / >/dev/null
is "$(get 80 /) $(sample 80 "$got200")" "200 2" \
    "installed, the module is enabled and counts"
is "$(on pdc -s /run/apache2/pdc get "$got200")" 2 "where it is told to"
on sh -c 'a2dismod -q pdc && systemctl restart apache2'
is "$(get 80 /metrics)" 404 "it can be disabled"

on usermod -aG pdc www-data
on sed -i 's|^PdcStore .*|PdcStore /run/pdc|' \
    /etc/apache2/mods-available/pdc.conf
on sh -c 'a2enmod -q pdc && systemctl restart apache2'
is "$(get 80 /) $(sample 80 "$got200") $(sample 19464 "$got200")" \
    "200 1 1" "and enabled for the store that pdc-serve shows"
is "$(on find /run/pdc ! -group pdc -o ! -type d ! -perm 660)" "" \
    "all in it is of the group pdc"

# --- replaced under running processes ---

# count: processes of www-data begin; counted: ask them what it was
count()
{
	on systemd-run -q --unit=count --remain-after-exit \
	    -p User=www-data -p StandardOutput=file:/run/counted \
	    /srv/count /run/pdc
	sleep 0.5
}

counted()
{
	on systemctl stop count
	on cat /run/counted
}

# mapped FILE: deleted copies of it, in processes
mapped()
{
	on sh -c 'cat /proc/[0-9]*/maps 2>/dev/null' |
	    grep -c "$1.*(deleted)"
}

total()
{
	on "$1" -s /run/pdc show | awk '
		/^counted_total/ { sum += $2 }
		END { printf "%.0f\n", sum }'
}

# Requests that the page of httpd has.
requests()
{
	get 80 /metrics >/dev/null
	awk '/^http_requests_total/ { sum += $2 } END { print sum }' "$tmp/body"
}

before=$(requests)
count
nsenter -t "$init" -n "$top_builddir/tests/demo/load" -c 4 -p 80 \
    >"$tmp/client" &
client=$!
sleep 1
was=$(on systemctl show -P MainPID pdc-serve)
# shellcheck disable=SC2046 # a list of words
apt "another version installs, while processes count" install $(debs new)
test "$(mapped libpdc.so)" -gt 0
ok $? "which have a library that is no more"
test "$(on systemctl show -P MainPID pdc-serve)" != "$was"
ok $? "pdc-serve is a new one"
is "$(on systemctl is-active pdc-serve.socket pdc-serve.service | xargs)" \
    "active active" "and its socket is there"
is "$(sample 19464 "pdc_build_info{version=\"$version+1\"}")" 1 \
    "of the new version"
sleep 1
end TERM "$client"
client=
between=$(tail -n 1 "$tmp/client" |
    sed -n 's/^answered=\([0-9]*\) cut=\([0-9]*\) .*/\1 \1+\2/p')
after=$(($(requests) - before))
test "${between% *}" -gt 1000 && test "$after" -ge "${between% *}" &&
    test "$after" -le $((${between#* }))
ok $? "httpd has counted what it answered"
diag "answered and perhaps cut $between, counted $after"
want=$(counted)
is "$(sample 19464 pdc_up) $(total pdc)" "1 $want" "all is counted"
diag "$want"
on pdc -s /run/pdc check >"$tmp/log"
ok $? "the store is sound" || diag "$(cat "$tmp/log")"

# --- removed ---

cp "$machine/usr/bin/pdc" "$machine/srv/pdc"
on dpkg -L $packages | sort -u >"$tmp/files"
count
# shellcheck disable=SC2086 # a list of words
apt "the packages are removed, while processes count" remove $packages
is "$(get 19464 /metrics) $(get 80 /metrics) $(get 80 /)" "000 404 200" \
    "httpd goes on without them"
is "$(on systemctl show -P SubState count)" running \
    "so do the processes"
want=$((want + $(counted)))
is "$(total /srv/pdc)" "$want" "and their store, which has all they count"
# shellcheck disable=SC2086 # a list of words
on dpkg --purge $packages >"$tmp/log" 2>&1
ok $? "they are purged" || diag "$(cat "$tmp/log")"
while read -r path; do
	test -d "$machine$path" || test ! -e "$machine$path" ||
	    echo "$path"
done <"$tmp/files" >"$tmp/left"
is "$(cat "$tmp/left")" "" "no file of theirs is left"
is "$(total /srv/pdc)" "$want" "but for the store"
on rm -rf /run/pdc
# shellcheck disable=SC2046 # a list of words
apt "they install again" install $(debs old)
is "$(sample 19464 pdc_up)" 0 "and serve"
# shellcheck disable=SC2086 # a list of words
on dpkg --purge $packages >"$tmp/log" 2>&1
ok $? "and are purged at once" || diag "$(cat "$tmp/log")"
is "$(on find /run -maxdepth 1 -name pdc)" "" \
    "with the directory, when no store is in it"
apt "so is what they needed" autoremove --purge
paths | diff "$tmp/before" - >"$tmp/log"
is "$(cat "$tmp/log")" "" "the machine has no other files than before"
tap_done
