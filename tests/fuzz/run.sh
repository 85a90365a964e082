#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Fuzz a parser with clang's libFuzzer and its sanitizers:
#
#	tests/fuzz/run.sh NAME [SECONDS]
#
# NAME: accept cells escape exemplar http line name page recode record ring
# tree
#
# What was found so far, tests/fuzz/NAME, is where it begins; what is new and
# reaches more is left in build/fuzz/NAME, and what ends in an error beside it,
# to be added there with the mend.

set -eu
cd -- "$(dirname -- "$0")/../.."
test -x configure || autoreconf -fi
name=$1
mkdir -p "build/fuzz/$name"
cd build/fuzz
flags='-g -O1 -fsanitize=fuzzer-no-link,address,undefined
	-fno-sanitize-recover=all'
test -f Makefile || ../../configure CC=clang CFLAGS="$flags" \
    LDFLAGS=-fsanitize=address,undefined >configure.log
make -s -j"$(nproc)" lib/libcore.la bin/pdc/libpdccmd.la \
    bin/pdc-serve/libserve.la >make.log
clang $flags -fsanitize=fuzzer -DHAVE_CONFIG_H -I. -I../../include \
    -I../../lib -I../../bin -I../../tests "../../tests/fuzz/fuzz_$name.c" \
    -o "fuzz_$name" bin/pdc/.libs/libpdccmd.a bin/pdc-serve/.libs/libserve.a \
    lib/.libs/libcore.a -llmdb -lbsd -lmicrohttpd -lz -lzstd -lm -lpthread
exec "./fuzz_$name" -max_total_time="${2:-60}" -max_len=4096 "$name" \
    "../../tests/fuzz/$name"
