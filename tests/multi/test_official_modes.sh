#!/bin/sh
# SPDX-License-Identifier: ISC
# What Debian's python3-prometheus-client shows of gauges in its multiprocess
# modes is what libpdc shows, of dead workers, too.  PDC_OPERATIONS=N: longer.

. "$srcdir/tests/tap.sh"
. "$srcdir/tests/multi/python.sh"

/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null ||
    skip_all "no prometheus_client"
export TMPDIR="$tmp"
(with_pdc "$srcdir/tests/multi/test_official_modes.py")
