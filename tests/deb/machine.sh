# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# A machine for tests of packages: the Debian of this one in a tmpfs, and its
# systemd in namespaces of its own, after tests/tap.sh and as root in a mount
# namespace of the script alone:
#
#	machine_make PACKAGE ...	in $machine, from the mirror of apt here
#	machine_boot			its init, in $init
#	machine_end			in cleanup: nothing of it stays
#	on COMMAND ...			there
#	near COMMAND ...		a program from here, on its network
#	alone COMMAND ...		here; what it began ends with it

# shellcheck disable=SC2154 # tmp is that of tap.sh
machine=$tmp/machine
groups=$tmp/cgroup
init=
boot=

alone()
{
	setpriv --pdeathsig KILL unshare -p -f --kill-child --mount-proc "$@"
}

on()
{
	nsenter -t "$init" -a env -i DEBIAN_FRONTEND=noninteractive \
	    PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

near()
{
	nsenter -t "$init" -n "$@"
}

# mirrors FORMAT: for each index of Debian that apt knows
mirrors()
{
	apt-get indextargets --format "$1" 'Created-By: Packages' \
	    'Origin: Debian'
}

proxy()
{
	proxy=
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	echo "$proxy"
}

# Of the kernel it sees its own part, and what is for all cannot be written.
machine_mounts()
{
	cat <<'END'
set -e
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mkdir -p before
pivot_root . before
umount -l before
rmdir before
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=multi-user.target
END
}

machine_make()
{
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	test -n "$(mirrors '$(SITE)')" || apt-get -q update || return 1
	mirror=$(mirrors '$(CODENAME) $(SITE)' |
	    sed -n "s/^$release //p" | sort -u | head -n 1)
	test -n "$mirror" || {
		echo "apt knows no mirror of $release"
		return 1
	}
	mkdir -p "$machine"
	mount -t tmpfs -o mode=755 machine "$machine" || return 1
	http_proxy=$(proxy) alone debootstrap --variant=minbase "$release" \
	    "$machine" "$mirror" || return 1
	mirrors 'deb $(SITE) $(RELEASE) $(COMPONENT)' | sort -u \
	    >"$machine/etc/apt/sources.list"
	apt-config dump | grep -E '^Acquire::(.*Proxy|Check-)' \
	    >"$machine/etc/apt/apt.conf.d/99test"
	cp /etc/resolv.conf /etc/hosts "$machine/etc"
	printf '#!/bin/sh\nexit 101\n' >"$machine/usr/sbin/policy-rc.d"
	chmod +x "$machine/usr/sbin/policy-rc.d"
	in_machine apt-get -q update &&
	    in_machine apt-get -q -y --no-install-recommends install "$@" ||
	    return 1
	rm "$machine/usr/sbin/policy-rc.d"
	ln -s /dev/null "$machine/etc/systemd/system/console-getty.service"
}

# in_machine COMMAND ...: before it is booted, on the network of this one
in_machine()
{
	DEBIAN_FRONTEND=noninteractive alone chroot "$machine" "$@"
}

machine_runs()
{
	case $(on systemctl is-system-running 2>&1) in
	running | degraded) ;;
	*) return 1 ;;
	esac
}

machine_boot()
{
	mkdir -p "$groups"
	mount -t cgroup2 cgroup2 "$groups" && mkdir "$groups/pdc-test-$$" ||
	    return 1
	sh -c 'echo $$ >"$1" && cd "$2" && shift 2 && exec "$@"' sh \
	    "$groups/pdc-test-$$/cgroup.procs" "$machine" \
	    setpriv --pdeathsig KILL unshare -C -i -m -n -p -u -f --kill-child \
	    --mount-proc sh -c "$(machine_mounts)" &
	boot=$!
	i=0
	until init=$(cat "/proc/$boot/task/$boot/children") &&
	    test -n "$init" && init=${init% } && machine_runs; do
		i=$((i + 1))
		test "$i" -lt 300 || return 1
		sleep 0.1
	done
}

machine_end()
{
	if test -n "$boot"; then
		# With the first process of a machine all of it is gone.
		kill -KILL "${init:-$boot}"
		wait "$boot"
		find "$groups/pdc-test-$$" -depth -type d -exec rmdir {} \;
	fi
	for dir in "$groups" "$machine"; do
		! mountpoint -q "$dir" || umount -l "$dir"
	done
}
