#!/bin/sh
# SPDX-License-Identifier: ISC
# A store whose data.mdb is damaged while pdc-serve has it open: the server
# stays, answers, and serves what is on good pages.
#
#	test_damaged.sh [ROUNDS [SEED]]
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

# A damaged number is served as it is, and a parser may not take such buckets.
unset PDC_PAGES

rounds=${1:-12}
seed=${2:-$(date +%s)}

# damage FILE SEED: change some of its pages, by a mapping
damage()
{
	"$python" -c '
import mmap, random, sys
rnd = random.Random(int(sys.argv[2]))
with open(sys.argv[1], "r+b") as f:
    m = mmap.mmap(f.fileno(), 0)
    for _ in range(3):
        page = rnd.randrange(2, len(m) // 4096) * 4096
        kind = rnd.randrange(4)
        if kind == 0:
            m[page:page + 4096] = bytes(4096)
        elif kind == 1:
            m[page + rnd.randrange(4096)] ^= 1 << rnd.randrange(8)
        elif kind == 2:
            m[page + rnd.randrange(16)] ^= 1 << rnd.randrange(8)
        else:
            other = rnd.randrange(2, len(m) // 4096) * 4096
            m[page:page + 4096] = m[other:other + 4096]
' "$@"
}

# Round by round another damage, on the same store as it was before.
answers()
{
	round=0
	while test "$round" -lt "$rounds"; do
		damage "$store/data.mdb" $((seed + round)) || return 1
		for path in /metrics '/logs?limit=5' '/events?limit=5' \
		    /measures/latest /-/healthy; do
			case $(status "$path") in
			2?? | 4?? | 5??) ;;
			*)
				diag "round $round: $path: no answer"
				return 1
				;;
			esac
		done
		kill -0 "$pid" || return 1
		dd if="$tmp/good" of="$store/data.mdb" bs=64k conv=notrunc \
		    2>/dev/null
		round=$((round + 1))
	done
}

diag "seed $seed"
"$top_builddir/tests/serve/fill" "$store" 100 &&
    "$PDC" -s "$store" log info "a line" &&
    "$PDC" -s "$store" event started &&
    "$PDC" -s "$store" measure speed 1
ok $? "a store"
start
is "$(status /metrics)" 200 "a page of the whole store"
kill -STOP "$pid"
cp "$store/data.mdb" "$tmp/good"
kill -CONT "$pid"
answers
ok $? "the server answers while its store is damaged"
is "$(status /-/healthy)" 200 "and lives"
stop
is "$status" 0 "and ends well"
tap_done
