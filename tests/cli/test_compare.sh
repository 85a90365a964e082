#!/bin/sh
# SPDX-License-Identifier: ISC
#
# pdc compare: two pages, of files, of a server, of client_python, and what is
# no page.

. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

# compared STATUS OUTPUT FILE FILE [OPTION]
compared()
{
	want=$1:$2 words="compare of $3 and $4${5:+, $5}"
	shift 2
	got=$(cd "$tmp" && "$PDC" compare "$@" 2>"$tmp/err")
	got=$?:$got$(cat "$tmp/err")
	is "$got" "$want" "$words"
}

# refused PATTERN FILE FILE [OPTION]
refused()
{
	pattern=$1
	shift
	got=$(cd "$tmp" && "$PDC" compare "$@" 2>&1)
	like "$?:$got" "2:pdc: $pattern" "refused: $pattern"
}

same()
{
	printf '%s equal, 0 different, 0 only in the first, %s' "$1" \
	    "0 only in the second"
}

test_files()
{
	cat >"$tmp/a" <<'PAGE'
# HELP x_total of all
# TYPE x_total counter
x_total{a="1",b="q\"{} "} 3
x_total{b="2",a=""} 4 1700000000000
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 2
h_sum 2.5
h_count 2
# TYPE g untyped
g NaN
h_created 1.7e9
PAGE
	cat >"$tmp/b" <<'PAGE'
# TYPE h histogram
h_bucket{le="1.0"} 1.0
h_bucket{le="+Inf"} 2 # {trace_id="7"} 3.5 1700000000.5
h_count 2
h_sum 2.5
h_created 5
# TYPE x counter
# HELP x of all
x_total{b="q\"{} ",a="1"} 3.0
x_total{b="2"} 4.0
# TYPE g unknown
g nan
# EOF
PAGE
	compared 0 "$(same 10)" a b
	sed 's/x_total{b="2"} 4.0/x_total{b="2"} 5/; s/TYPE g unknown/TYPE g gauge/
	    s/^h_count 2/h_n 2/' "$tmp/b" >"$tmp/c"
	compared 1 '! TYPE g unknown gauge
< h_count 2
> h_n 2
! x_total{b="2"} 4 5
7 equal, 2 different, 1 only in the first, 1 only in the second' a c
	compared 1 '! TYPE g unknown gauge
< h_count 2
> h_n 2
8 equal, 1 different, 1 only in the first, 1 only in the second' a c \
	    --tolerance=0.2
	: >"$tmp/empty"
	compared 0 "$(same 0)" empty empty
	got=$("$PDC" compare - "$tmp/b" <"$tmp/a")
	is "$?:$got" "0:$(same 10)" "standard input is a page"
}

test_bad()
{
	refused 'nothere: No such file*' nothere a
	refused 'standard input is one page only' - -
	printf 'x 1\ny{a=} 1\n' >"$tmp/bad"
	refused "bad: line 2: *'\"' is missing at position 5*" bad a
	printf 'x\n' >"$tmp/bad"
	refused "bad: line 1: not a number: ''" bad a
	printf 'x 1\nz 2\nx{} 1\n' >"$tmp/bad"
	refused 'bad: x comes twice' bad a
	refused '*not a number*' a a --tolerance=much
	refused '*from 0 up' a a --tolerance=-1
	got=$("$PDC" compare http://127.0.0.1:1/ "$tmp/a" 2>&1)
	like "$?:$got" '2:curl: *pdc: http://127.0.0.1:1/: curl could not*' \
	    "what curl says is told"
	got=$(PATH=/nowhere && "$PDC" compare http://127.0.0.1:1/ "$tmp/a" 2>&1)
	like "$?:$got" '2:pdc: http://127.0.0.1:1/: there is no curl*' \
	    "without curl that is told"
}

# What a server has, and what the same program had from client_python.
test_migration()
{
	"$PDC" -s "$store" declare counter jobs --labels=kind --help=Jobs.
	"$PDC" -s "$store" declare histogram took_seconds --unit=seconds \
	    --buckets=0.1,1 --help=Took.
	"$PDC" -s "$store" inc 'jobs{kind="a b"}' 3
	"$PDC" -s "$store" observe took_seconds 0.25
	"$python" - >"$tmp/python" <<-'PYTHON'
		import prometheus_client as c
		r = c.CollectorRegistry()
		c.Counter('jobs', 'Jobs.', ['kind'], registry=r).labels('a b').inc(3)
		h = c.Histogram('took_seconds', 'Took.', buckets=(.1, 1), registry=r)
		h.observe(.25)
		print(c.generate_latest(r).decode(), end='')
	PYTHON
	start
	got=$("$PDC" compare "$tmp/python" "$url/metrics" 2>&1)
	# client_python calls the created times a gauge of their own.
	like "$got" '*8 equal, 0 different, * only in the first, *' \
	    "client_python has what pdc has"
	is "$(printf '%s\n' "$got" | grep -c '^[<!]' | tr -d ' ')" \
	    "$(printf '%s\n' "$got" | grep -c '^< TYPE [a-z_]*_created gauge')" \
	    "but for the types of its created times"
	stop
}

test_files
test_bad
test_migration
tap_done
