#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make bench-check, as a test: make check TESTS=bench/check.sh

unset MAKEFLAGS MFLAGS MAKELEVEL
"${MAKE:-make}" -s -C "$top_builddir" bench-check || exit 1
