#!/bin/sh
# SPDX-License-Identifier: ISC
# Every command and every error of pdc(1).  PDC_CLI_TRIES=N: so many increments
# of each of four processes.
. "$srcdir/tests/tap.sh"

: "${PDC:=$top_builddir/bin/pdc/pdc}"
store=$tmp/store
unset PDC_STORE

# What is said of a case: the words on one line, without "#".
words()
{
	printf '%s' "$*" | tr '\n#' '  '
}

# answer STATUS OUTPUT WORD ...: nothing on the standard error
answer()
{
	want=$1:$2
	shift 2
	got=$("$PDC" -s "$store" "$@" 2>"$tmp/err")
	got=$?:$got$(cat "$tmp/err")
	is "$got" "$want" "pdc $(words "$@")"
}

# trouble PATTERN WORD ...: status 2, one line that begins with "pdc: "
trouble()
{
	pattern=$1
	shift
	got=$("$PDC" -s "$store" "$@" 2>"$tmp/err")
	got=$?:$got:$(wc -l <"$tmp/err" | tr -d ' '):$(cat "$tmp/err")
	like "$got" "2::1:pdc: $pattern" "refused: pdc $(words "$@")"
}

# has PATTERN WORD ...: status 0 and this in the output
has()
{
	pattern=$1
	shift
	got=$("$PDC" -s "$store" "$@" 2>&1)
	like "$?:$got" "0:$pattern" "pdc $(words "$@") shows $(words "$pattern")"
}

# fresh: a store of which nobody knows
fresh()
{
	rm -rf "$store"
	store=$tmp/store$((${store##*store} + 1))
}

nl='
'

test_usage()
{
	got=$("$PDC" --help 2>&1)
	like "$?:$got" "0:usage: pdc *" "--help prints the usage"
	got=$("$PDC" declare counter x -h 2>&1)
	like "$?:$got" "0:usage: pdc *" "-h prints the usage"
	test ! -e "$store"
	ok $? "and makes no store"
	for command in declare inc dec set setnx observe get reset remove \
	    clear keys show log event measure logs events measures stat check \
	    compare; do
		like "$got" "*[ |]$command[ |
]*" "the usage has $command"
	done
	got=$("$PDC" --version 2>&1)
	like "$?:$got" "0:pdc [0-9]*.*" "--version prints the version"
	got=$("$PDC" 2>&1)
	like "$?:$got" "2:pdc: no command*" "no command is trouble"
	trouble "unknown command 'frob'*" frob
	trouble "unknown command ''*" ''
	trouble "unknown option '--frob'*" inc --frob x
	trouble "unknown option '--frob'*" inc x --frob=1
	trouble "unknown option '-q'*" -q inc x
	trouble "unknown option '-hs'*" -hs inc x
	trouble "unknown option '--stor'*" --stor=y inc x
	trouble "unknown option '--hel'*" declare counter x --hel=y
	trouble "unknown command '--?x'*" -- '--
x'
	trouble "inc takes no option --unit" inc x --unit=s
	trouble "get takes no option --help" get x --help=s
	trouble "option --store needs a value" inc x --store
	trouble "option --store needs a value" inc x -s
	trouble "option --unit needs a value" declare counter x --unit
	trouble "the name of the store is empty" --store= inc x
	trouble "inc takes NAME*" inc
	trouble "inc takes NAME*" inc x 1 2
	trouble "set takes NAME NUMBER*" set x
	trouble "setnx takes NAME NUMBER*" setnx x
	trouble "observe takes NAME NUMBER*" observe x
	trouble "declare takes TYPE NAME*" declare counter
	trouble "get takes*" get
	trouble "show takes*" show x
	trouble "stat takes*" stat x
	trouble "check takes*" check x
	trouble "repair takes STORE NEWSTORE*" repair x
	trouble "keys takes*" keys x y
	trouble "log takes LEVEL MESSAGE*" log
	trouble "log takes no option --since" log --since=1 x y z
	trouble "event takes NAME*" event
	trouble "measure takes NAME NUMBER*" measure x
	trouble "logs takes no operand*" logs x
	test ! -e "$store"
	ok $? "a wrong command line makes no store"
}

test_missing_store()
{
	for command in keys show stat check 'get x' logs events measures; do
		# shellcheck disable=SC2086 # words
		trouble "*$store*" $command
	done
	test ! -e "$store"
	ok $? "reading makes no store"
	got=$(PDC_STORE='' "$PDC" --store "$tmp/a/b/c" keys 2>&1)
	like "$?:$got" "2:pdc: *$tmp/a/b/c*" "a missing parent is told by path"
	: >"$tmp/file"
	got=$("$PDC" -s "$tmp/file" inc x 2>&1)
	like "$?:$got" "2:pdc: *$tmp/file*" "a store that is a file is refused"
	mkdir -m 0700 "$tmp/foreign"
	echo 'no database' >"$tmp/foreign/data.mdb"
	chmod 0600 "$tmp/foreign/data.mdb"
	got=$("$PDC" -s "$tmp/foreign" inc x 2>&1)
	like "$?:$got" "2:pdc: *$tmp/foreign*" "a foreign database is refused"
	is "$(cat "$tmp/foreign/data.mdb")" 'no database' "and left alone"
}

test_store_option()
{
	answer 0 '' inc where 1
	got=$(PDC_STORE=$store "$PDC" get where)
	is "$?:$got" "0:1" "PDC_STORE names the store"
	got=$(PDC_STORE=$tmp/other "$PDC" get where --store "$store")
	is "$?:$got" "0:1" "--store goes before PDC_STORE, and stands anywhere"
	got=$("$PDC" get "-s$store" where)
	is "$?:$got" "0:1" "-s takes its value in one word"
	got=$("$PDC" get "--store=$store" -- where)
	is "$?:$got" "0:1" "-- ends the options"
	got=$("$PDC" -s "$tmp/other" get where -s "$store")
	is "$?:$got" "0:1" "the last --store counts"
}

test_counter()
{
	answer 0 '' inc hits
	answer 1 '' get hit
	answer 1 '' get 'hit_total{a="b"}'
	answer 0 1 get hits_total
	answer 0 1 get hits
	answer 0 '' inc hits_total 2.5
	answer 0 3.5 get hits_total
	answer 0 '' inc hits 0
	answer 0 3.5 get hits
	answer 0 '' inc hits 1e6
	answer 0 1.0000035e+06 get hits
	trouble "hits is a counter; inc needs a finite*" inc hits -1
	trouble "hits is a counter; inc needs a finite*" inc hits -.5
	trouble "hits is a counter; inc needs a finite*" inc hits +Inf
	trouble "hits is a counter; inc needs a finite*" inc hits NaN
	trouble "hits is a counter; dec needs a gauge" dec hits
	trouble "hits is a counter; observe needs*" observe hits 1
	trouble "hits is a counter; observe needs*" observe hits_total 1
	trouble "not a number: '5x'" inc hits 5x
	trouble "not a number: ''" inc hits ''
	trouble "not a number: ' 5'" inc hits ' 5'
	trouble "not a number: '0x10'" inc hits 0x10
	trouble "not a number: '1e999'" inc hits 1e999
	trouble "not a number: '-5x'" inc hits -5x
	answer 0 1.0000035e+06 get hits
	answer 0 '' inc late_total 2
	answer 0 2 get late_total
	answer 0 2 get late
	has "*# TYPE late_total counter${nl}late_total 2*" show
	created=$("$PDC" -s "$store" keys late | sed -n 's/.*_created//p')
	answer 0 '' set late 7
	answer 0 7 get late_total
	test "$created" != \
	    "$("$PDC" -s "$store" keys late | sed -n 's/.*_created//p')"
	ok $? "a counter that is set has a new created time"
	trouble "late is a counter; set needs a finite*" set late -7
	answer 1 '' setnx late 8
	answer 1 '' setnx late_total 8
	answer 0 7 get late
	trouble "never is a counter; inc needs a finite*" inc never -1
	answer 1 '' keys never
	answer 1 '' get never
	# Created times are seconds of now.
	got=$("$PDC" -s "$store" get hits_created)
	like "$?:$got" "0:1.*e+09" "a counter has a created time"
}

test_gauge()
{
	answer 0 '' set temp 35.6
	answer 0 35.6 get temp
	answer 0 '' set temp -5
	answer 0 -5 get temp
	answer 0 '' set temp -.5
	answer 0 -0.5 get temp
	answer 0 '' set temp -Inf
	answer 0 -Inf get temp
	answer 0 '' set temp inf
	answer 0 +Inf get temp
	answer 0 '' set temp NaN
	answer 0 NaN get temp
	answer 0 '' set temp 1.5
	answer 0 '' inc temp
	answer 0 2.5 get temp
	answer 0 '' inc temp -1
	answer 0 1.5 get temp
	answer 0 '' dec temp 3
	answer 0 -1.5 get temp
	answer 0 '' dec temp -3
	answer 0 1.5 get temp
	answer 0 '' dec below
	answer 0 -1 get below
	trouble "*temp_total*" observe temp_total 1
	trouble "temp is a gauge; observe needs a histogram*" observe temp 1
	answer 1 '' get temp_total
	answer 1 '' get temp_created
	answer 1 '' get temp_sum
	answer 0 '' setnx once 1
	answer 1 '' setnx once 2
	answer 0 1 get once
	answer 0 '' setnx 'once2{a="1"}' -2
	answer 0 '' setnx 'once2{a="2"}' -3
	answer 1 '' setnx 'once2{a="1"}' 4
	answer 0 -2 get 'once2{a="1"}'
	answer 0 '' set odd_total 5
	answer 0 5 get odd_total
	has "*# TYPE odd_total gauge${nl}odd_total 5*" show
	answer 0 '' inc odd_total
	answer 0 6 get odd_total
}

test_observe()
{
	trouble "lat is not declared; observe needs*pdc declare*" observe lat 1
	trouble "unknown type 'frob'" declare frob lat
	trouble "empty word in '1,,2'" declare histogram lat --buckets=1,,2
	trouble "not a number: 'x'" declare histogram lat --buckets=1,x
	trouble "--buckets needs a finite bound" declare histogram lat \
	    --buckets=
	trouble "--buckets needs a finite bound" declare histogram lat \
	    --buckets=+Inf
	trouble "*" declare histogram lat --buckets=2,1
	answer 0 '' declare histogram lat --buckets=0.5,1,1e6,+Inf \
	    --labels=z,a --help='How long.'
	answer 0 '' declare histogram lat --buckets=0.5,1,1e6 --labels=a,z
	trouble "*lat*" declare histogram lat --buckets=0.5,1 --labels=a,z
	trouble "*lat*" declare histogram lat --buckets=0.5,1,1e6 --labels=a
	trouble "*lat*" declare gauge lat --labels=a,z
	answer 0 '' observe 'lat{a="1",z="2"}' 0.5
	answer 0 '' observe 'lat{z="2",a="1"}' 0.75
	answer 0 '' observe 'lat{z="2",a="1"}' 1e9
	answer 0 '' observe 'lat{z="2",a="1"}' -1
	answer 0 4 get 'lat_count{a="1",z="2"}'
	answer 0 1.00000000025e+09 get 'lat_sum{a="1",z="2"}'
	answer 0 2 get 'lat_bucket{a="1",z="2",le="0.5"}'
	answer 0 3 get 'lat_bucket{a="1",z="2",le="1.0"}'
	answer 0 3 get 'lat_bucket{a="1",z="2",le="1"}'
	answer 0 3 get 'lat_bucket{le="1e+06",a="1",z="2"}'
	answer 0 4 get 'lat_bucket{a="1",z="2",le="+Inf"}'
	answer 1 '' get 'lat_bucket{a="1",z="2",le="7"}'
	answer 1 '' get 'lat_count{a="1",z="3"}'
	trouble "lat is a histogram; get needs*_bucket*" get lat
	trouble "lat is a histogram; inc needs*" inc 'lat{a="1",z="2"}'
	trouble "*NaN*" observe 'lat{a="1",z="2"}' NaN
	trouble "*le*" get 'lat_bucket{a="1",z="2"}'
	trouble "*le*" get 'lat_bucket{a="1",z="2",le="x"}'
	trouble "*z*" observe 'lat{a="1"}' 1
	trouble "*" observe 'lat{a="1",z="2",le="1"}' 1
	has "*# HELP lat How long.${nl}# TYPE lat histogram${nl}*" show
	has "*lat_bucket{a=\"1\",z=\"2\",le=\"0.5\"} 2${nl}*" show
	has "*lat_bucket{a=\"1\",z=\"2\",le=\"+Inf\"} 4${nl}lat_sum*" show
	has "*lat  _bucket:{\"a\":\"1\",\"le\":\"0.5\",\"z\":\"2\"}  2*" keys
	answer 0 '' declare summary size
	answer 0 '' observe size 5
	answer 0 '' observe size 2.5
	answer 0 2 get size_count
	answer 0 7.5 get size_sum
	answer 1 '' get size_bucket
	answer 1 '' get size_total
	got=$("$PDC" -s "$store" get size_created)
	like "$?:$got" "0:1.*e+09" "a summary has a created time"
	trouble "size is a summary; set needs*" set size 1
	trouble "size is a summary; get needs*" get size
}

test_declare()
{
	answer 0 '' declare counter jobs --help='All "jobs" \ of
it.' --labels=host
	answer 0 '' declare counter jobs_total --labels=host
	has '*# HELP jobs_total All "jobs" \\\\ of\\nit.*' show
	has "*# TYPE jobs_total counter*" show
	trouble "*jobs*" declare gauge jobs
	trouble "*" declare counter "$(printf 'a\377')"
	trouble "*" declare counter ''
	trouble "*" declare counter pdc.x
	trouble "*" declare counter good --labels="$(printf 'a\377')"
	trouble "empty word in 'a,'" declare counter good --labels=a,
	trouble "empty word in ','" declare counter good --labels=,
	trouble "*" declare counter good --labels=a,a
	trouble "*" declare counter good --labels=__a
	trouble "*" declare histogram good --labels=le
	trouble "*" declare counter good --buckets=1,2
	trouble "*" declare gauge good --unit=seconds
	trouble "unknown mode 'frob'" declare gauge good --mode=frob
	trouble "*" declare gauge good --ttl=4e9
	trouble "not a number: '1m'" declare gauge good --ttl=1m
	trouble "*" declare stateset good
	trouble "*" declare stateset good --states=a,a
	trouble "empty word in 'a,'" declare stateset good --states=a,
	trouble "*" declare gauge good --states=a
	answer 0 '' declare gauge good_seconds --unit seconds --mode=shared \
	    --ttl=0 --labels= --help=
	answer 1 '' keys good
	answer 1 '' get good
	# The exposition must not get two families that share a sample.
	answer 0 '' declare summary taken
	trouble "*" declare gauge taken_sum
	trouble "*" declare gauge taken_count
}

test_states()
{
	answer 0 '' declare stateset door --states=open,locked --labels=house
	answer 0 '' declare stateset door --states=open,locked --labels=house
	trouble "*(open,shut) here, (open,locked) in the store" \
	    declare stateset door --states=open,shut --labels=house
	trouble "*" declare stateset bad --states=open --labels=bad
	answer 1 '' get 'door{house="a",door="open"}'
	answer 0 '' set 'door{house="a",door="open"}' 1
	answer 0 1 get 'door{house="a",door="open"}'
	answer 0 0 get 'door{door="locked",house="a"}'
	answer 1 '' get 'door{door="shut",house="a"}'
	answer 0 '' set 'door{house="a",door="locked"}' 1
	answer 0 '' set 'door{house="a",door="open"}' 0
	answer 0 "# TYPE door gauge
door{house=\"a\",door=\"open\"} 0
door{house=\"a\",door=\"locked\"} 1" show
	answer 0 'door  :{"door":"open","house":"a"}  0  expires never
door  :{"door":"locked","house":"a"}  1  expires never' keys door
	trouble "door: a state is 0 or 1" set 'door{house="a",door="open"}' 2
	trouble "door: it has no such*" set 'door{house="a",door="shut"}' 1
	trouble "*door is missing" set 'door{house="a"}' 1
	trouble "*inc needs a counter*" inc 'door{house="a",door="open"}'
	trouble "*setnx needs*" setnx 'door{house="a",door="open"}' 1
	trouble "*" remove 'door{house="a",door="open"}'
	answer 0 '' remove 'door{house="a"}'
	answer 1 '' get 'door{house="a",door="locked"}'
}

test_info()
{
	answer 0 '' declare info build_info --labels=v
	answer 0 '' declare info build --labels=v
	answer 1 '' get 'build_info{v="1"}'
	answer 0 '' set 'build_info{v="1"}' 1
	answer 0 1 get 'build_info{v="1"}'
	answer 0 1 get 'build{v="1"}'
	answer 1 '' setnx 'build_info{v="1"}' 1
	answer 0 '' setnx 'build_info{v="2"}' 1
	answer 0 'build  _info:{"v":"1"}  1  expires never
build  _info:{"v":"2"}  1  expires never' keys build_info
	has "# TYPE build_info gauge*build_info{v=\"2\"} 1" show
	trouble "build: an info is 1*" set 'build_info{v="1"}' 0
	trouble "*inc needs a counter*" inc 'build_info{v="1"}'
	trouble "*" declare gauge build_info
	trouble "*" declare info x_s --unit=s
	answer 0 '' remove 'build_info{v="1"}'
	answer 1 '' get 'build_info{v="1"}'
}

test_names()
{
	answer 0 '' set 'n{ a = "x" , b="y", }' 1
	answer 0 1 get 'n{b="y",a="x"}'
	answer 0 1 get ' n {b="y",	a="x" } '
	answer 0 '' set 'm{}' 2
	answer 0 2 get m
	answer 0 '' set 'a:b' 3
	answer 0 3 get 'a:b'
	answer 0 '' inc '{"my.hits_total", "a.b"="x", c="y"}' 2
	answer 0 2 get '{"my.hits",c="y","a.b"="x"}'
	answer 0 '' declare gauge 'my temp'
	answer 0 '' set '{"my temp"}' 1
	answer 0 1 get '{"my temp"}'
	answer 0 '' check
	trouble "no metric name at position 1 of '1x'" set 1x 1
	trouble "no metric name at position 1 of ''" set '' 1
	trouble "no metric name at position 8 of '{a=\"b\"}'" set '{a="b"}' 1
	trouble "'=' is missing*" set '{"a","b"}' 1
	trouble "no metric name*" set '{}' 1
	trouble "closing*" set '{"a' 1
	trouble "'=' is missing*" set 'a{"b"}' 1
	trouble "unexpected character at position 2 of 'x-y'" set x-y 1
	trouble "unexpected character at position 3 of 'x y'" set 'x y' 1
	trouble "*position 9 of*" set 'x{a="b"}y' 1
	trouble "no label name at position 3 of 'x{'" set 'x{' 1
	trouble "no label name at position 3*" set 'x{,}' 1
	trouble "no label name at position 3*" set 'x{1="b"}' 1
	trouble "'=' is missing at position 4*" set 'x{a:b="b"}' 1
	trouble "'=' is missing at position 4*" set 'x{a}' 1
	trouble "'=' is missing at position 4*" set 'x{a' 1
	trouble "'\"' is missing at position 5*" set 'x{a=b}' 1
	trouble "closing '\"' is missing at position 7*" set 'x{a="b' 1
	trouble "',' or '}' is missing at position 8*" set 'x{a="b"' 1
	trouble "',' or '}' is missing at position 9*" set 'x{a="b" c="d"}' 1
	trouble "escape other than*position 7*" set 'x{a="\t"}' 1
	# shellcheck disable=SC1003 # a backslash at the end
	trouble "escape other than*position 7*" set 'x{a="\' 1
	trouble "label given twice at position 9*" set 'x{a="b",a="c"}' 1
	trouble "*n*" set 'n{a="x"}' 1
	trouble "*n*" set 'n{a="x",c="y"}' 1
	trouble "*n*" set n 1
	trouble "*4096*" set "g{a=\"$(printf '%05000d' 0)\"}" 1
	trouble "*400*" set "$(printf '%0500d' 0 | tr 0 x)" 1
	answer 1 '' get 'n{a="x",b="z"}'
	answer 1 '' get "$(printf '%0500d' 0 | tr 0 x)"
}

# What goes in comes out, through the exposition's escapes.
test_escapes()
{
	value='q\"b\\n\n{},= #é	tab'
	answer 0 '' set "esc{a=\"$value\"}" 1
	answer 0 1 get "esc{a=\"$value\"}"
	has "*esc{a=\"q\\\\\"b\\\\\\\\n\\\\n{},= \#é	tab\"} 1*" show
	line=$("$PDC" -s "$store" show | grep '^esc')
	is "$line" "esc{a=\"$value\"} 1" "show gives the label as it came"
	answer 0 '' inc "${line% *}" 2
	answer 0 3 get "${line% *}"
	line=$("$PDC" -s "$store" keys esc)
	is "$line" 'esc  :{"a":"q\"b\\n\n{},= #\u00e9\ttab"}  3  expires never' \
	    "keys gives it as JSON"
	answer 0 '' set "esc{a=\"two
lines\"}" 5
	answer 0 5 get 'esc{a="two\nlines"}'
	answer 0 '' set "esc{a=\"$(printf 'a\377b')\"}" 7
	answer 0 7 get "esc{a=\"$(printf 'a\377b')\"}"
	answer 0 7 get 'esc{a="a�b"}'
	answer 0 '' set 'esc{a=""}' 6
	answer 0 6 get 'esc{a=""}'
}

test_keys()
{
	answer 0 '' keys
	answer 1 '' keys a
	answer 0 '' inc 'http_requests{method="GET"}' 5
	answer 0 '' set 'temp{a="b"}' 35.6
	answer 0 'temp  :{"a":"b"}  35.6  expires never' keys temp
	got=$("$PDC" -s "$store" keys http_requests_total)
	like "$?:$got" "0:http_requests  _total:{\"method\":\"GET\"}  5  \
expires never${nl}http_requests  _created:{\"method\":\"GET\"}  \
1[0-9][0-9]*  expires never" "keys of a counter, by the name with _total"
	is "$("$PDC" -s "$store" keys | wc -l | tr -d ' ')" 3 "keys shows all"
	answer 1 '' keys temp_total
	trouble "keys takes a metric without labels" keys 'temp{a="b"}'
	trouble "no metric name*" keys 1
}

test_show()
{
	answer 0 '# TYPE g gauge' show
	answer 0 '' set g 1
	answer 0 "# TYPE g gauge${nl}g 1" show
	answer 0 "# TYPE g gauge${nl}g 1" show --format=text
	answer 0 "# TYPE g gauge${nl}g 1" show --format=text1
	answer 0 "# TYPE g gauge${nl}g 1.0${nl}# EOF" show --format=openmetrics
	"$PDC" -s "$store" show --format=protobuf >"$tmp/proto"
	is "$?:$(od -An -tx1 "$tmp/proto" | tr -d '\n')" \
	    "0: 12 0a 01 67 18 01 22 0b 12 09 09 00 00 00 00 00 00 f0 3f" \
	    "show writes protobuf"
	trouble "unknown format 'frob'" show --format frob
	trouble "--textfile needs a path" show --textfile=
	trouble "$tmp/no/x: No such file*" show "--textfile=$tmp/no/x"
	mkdir "$tmp/dir"
	(umask 077 && "$PDC" -s "$store" show "--textfile=$tmp/dir/x.prom")
	ok $? "show writes a text file"
	is "$(cat "$tmp/dir/x.prom")" "# TYPE g gauge${nl}g 1" "with the page"
	# shellcheck disable=SC2012 # a known name
	like "$(ls -l "$tmp/dir/x.prom")" "-rw-r--r--*" "and the mode 0644"
	answer 0 '' set g 2
	ln "$tmp/dir/x.prom" "$tmp/old"
	answer 0 '' show --textfile "$tmp/dir/x.prom"
	is "$(sed -n 2p "$tmp/dir/x.prom")" "g 2" "a new page takes its place"
	is "$(sed -n 2p "$tmp/old")" "g 1" "and the old one stays whole"
	trouble "$tmp/dir: *" show "--textfile=$tmp/dir"
	is "$(ls "$tmp/dir")" "x.prom" "nothing else is left"
	got=$(ulimit -f 0 && "$PDC" -s "$store" show \
	    "--textfile=$tmp/dir/x.prom" 2>&1)
	like "$?:$got" "2:pdc: $tmp/dir/x.prom: *" "a full disk is told"
	is "$(sed -n 2p "$tmp/dir/x.prom")" "g 2" "and the page of before stays"
	is "$(ls "$tmp/dir")" "x.prom" "and nothing else"
	test -z "$(find "$tmp" -maxdepth 1 -name 'dir.*')"
	ok $? "nor after a failure"
}

test_output_errors()
{
	for command in show keys stat 'get g' --help --version; do
		if test -w /dev/full; then
			# shellcheck disable=SC2086 # words
			"$PDC" -s "$store" $command >/dev/full 2>"$tmp/err"
			like "$?:$(cat "$tmp/err")" \
			    "2:pdc: standard output: No space*" \
			    "$command tells of a full disk"
		else
			skip "no /dev/full"
		fi
		# shellcheck disable=SC2086 # words
		"$PDC" -s "$store" $command >&- 2>"$tmp/err"
		like "$?:$(cat "$tmp/err")" "2:pdc: standard output: *" \
		    "$command tells of a closed output"
		# shellcheck disable=SC2086 # words
		{
			trap '' PIPE
			sleep 0.2
			"$PDC" -s "$store" $command 2>"$tmp/err"
			echo $? >"$tmp/status"
		} | :
		like "$(cat "$tmp/status"):$(cat "$tmp/err")" \
		    "2:pdc: standard output: Broken pipe" \
		    "$command tells of a closed pipe"
	done
	"$PDC" -s "$store" set g 3 <&- >&- 2>&-
	is "$?" 0 "writing needs no standard files"
	answer 0 3 get g
}

test_modes()
{
	fresh
	answer 0 '' declare gauge jobs --mode=sum --labels=host
	answer 0 '' declare gauge peak --mode=max
	answer 0 '' declare gauge each --mode=all
	answer 0 '' declare gauge busy --mode=livesum
	answer 0 '' declare gauge last --mode=mostrecent
	trouble "declare peak: of mode min here, max in the store" \
	    declare gauge peak --mode=min
	trouble "*the label name slot is reserved" \
	    declare gauge other --mode=liveall --labels=slot
	trouble "*mode 7 is not for this type" declare counter c --mode=sum
	answer 0 '' set 'jobs{host="a"}' 3
	answer 0 '' inc 'jobs{host="a"}' 2
	answer 0 '' dec 'jobs{host="a"}' 1
	answer 0 4 get 'jobs{host="a"}'
	answer 1 '' get 'jobs{host="b"}'
	answer 0 '' set peak 5
	answer 0 '' set peak 3
	answer 0 5 get peak
	trouble "peak: a gauge of mode max has a value of each process*" \
	    setnx peak 1
	trouble "each: a gauge of mode all *" set each 1
	trouble "each: a gauge of mode all *" set 'each{slot="0"}' 1
	trouble "each: a gauge of mode all *" get each
	answer 1 '' get 'each{slot="0"}'
	answer 1 '' get 'each{slot="x"}'
	trouble "busy: a gauge of mode livesum *" inc busy
	trouble "last: a gauge of mode mostrecent is set*" inc last
	answer 0 '' set last 7
	answer 0 7 get last
	answer 0 'jobs  :{"host":"a"}  4  expires never' keys jobs
	has "*${nl}jobs{host=\"a\"} 4${nl}*" show
	answer 0 '' remove 'jobs{host="a"}'
	answer 1 '' get 'jobs{host="a"}'
	trouble "jobs: no such series" remove 'jobs{host="a"}'
}

test_stat()
{
	has "PID *SLOT *SINCE *COMMAND" stat --who
	trouble "option --who takes no value" stat --who=x
	trouble "show takes no option --who" show --who
	has "store  *$store${nl}*" stat
	has "*${nl}families  *1${nl}*" stat
	has "*${nl}series  *1${nl}*" stat
	has "*${nl}uuid  *-*-*-*-*" stat
	has "*${nl}rseq  *" stat
	bad=$("$PDC" -s "$store" stat |
	    grep -Ev '^[a-z_ ]{20}[a-z ]  *[^ ].*$|^[a-z ]+  +[^ ].*$')
	is "$bad" "" "each line is a key and a value"
}

# number OFFSET FILE: 8 bytes of it
number()
{
	od -An -t u8 -j "$1" -N 8 "$2" | tr -d ' '
}

test_check()
{
	answer 0 '' check
	answer 0 '' inc 'checked{l="x"}'
	answer 0 '' remove 'checked{l="x"}'
	answer 0 '' check
	# The hint of the first ring, in the cells file.
	cells=$(ls "$store"/pdc-*)
	hint=$(($(number 136 "$cells") + 64))
	printf '\010' | dd of="$cells" bs=1 seek=$hint conv=notrunc 2>/dev/null
	got=$("$PDC" -s "$store" check 2>&1)
	is "$?:$got" "1:R 1: position of ring 0 is 0, expected 8 to 0" \
	    "pdc check tells what is wrong, and its status is 1"
	printf '\0' | dd of="$cells" bs=1 seek=$hint conv=notrunc 2>/dev/null
	answer 0 '' check
	printf x | dd of="$cells" bs=1 seek=32 conv=notrunc 2>/dev/null
	trouble "*$cells*" check
}

# repairs STATUS:OUTPUT FROM TO [--force]
repairs()
{
	want=$1
	shift
	got=$("$PDC" repair "$@" 2>&1)
	like "$?:$got" "$want" "pdc repair$([ $# -gt 2 ] && echo " $3")"
}

test_repair()
{
	answer 0 '' inc 'saved{l="x"}' 3
	answer 0 '' inc other
	answer 0 '' log info "a line"
	repairs '0:saved 2 families, 2 series, 1 lines; left out 0' \
	    "$store" "$tmp/saved"
	got=$("$PDC" -s "$tmp/saved" get 'saved_total{l="x"}' 2>&1)
	is "$?:$got" 0:3 "the new store has the number"
	got=$("$PDC" -s "$tmp/saved" check 2>&1)
	is "$?:$got" 0: "and is whole"
	repairs "2:pdc: $tmp/saved: it is there already" "$store" "$tmp/saved"
	repairs "2:pdc: *$tmp/none*" "$tmp/none" "$tmp/saved2"
	test ! -e "$tmp/saved2"
	ok $? "nothing is made of nothing"
	# The value of the label, but not as it is rendered.
	LC_ALL=C sed -i 's/x\x00l="x"/q\x00l="x"/g' "$store/data.mdb"
	repairs "1:S *: its values are not those that are rendered${nl}saved 2 \
families, 1 series, 1 lines; left out 1" "$store" "$tmp/saved2" --force
	got=$("$PDC" -s x repair x y 2>&1)
	is "$?:$got" "2:pdc: repair takes no option --store" \
	    "both stores are operands"
}

# The blocks of EXAMPLES in the manual, run one after the other.
test_examples()
{
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$srcdir/bin/pdc/pdc.1" |
	    sed -n '/^\.Bd/,/^\.Ed/{/^\.[BE]d/d;p;}' |
	    sed 's/\\(aq/'\''/g; s/\\(dq/"/g; s/\\e/\\/g' >"$tmp/examples.sh"
	test "$(grep -c pdc "$tmp/examples.sh")" -ge 8
	ok $? "the manual has examples"
	mkdir "$tmp/bin"
	ln -s "$PDC" "$tmp/bin/pdc"
	got=$(cd "$tmp" && PDC_STORE=$store PATH=$tmp/bin:$PATH \
	    sh -e ./examples.sh 2>&1)
	is "$?:$got" "0:1${nl}-3.5${nl}setting up" "and they work"
	like "$(cat "$tmp/pdc.prom")" "*${nl}room_celsius -3.5${nl}*" \
	    "up to the text file"
}

# Four processes at once: no increment is lost or counted twice.
test_concurrency()
{
	tries=${PDC_CLI_TRIES:-100}
	test -z "$PDC_CHECK_SHORT" || tries=20
	for process in 1 2 3 4; do
		(
			i=0
			while test $i -lt $tries; do
				i=$((i + 1))
				"$PDC" -s "$store" inc "many{p=\"x\"}" ||
				    echo "inc $?"
				"$PDC" -s "$store" inc "each{p=\"$process\"}" 2 ||
				    echo "inc $?"
			done
		) >>"$tmp/failures" 2>&1 &
	done
	wait
	is "$(cat "$tmp/failures")" "" "no inc of four processes fails"
	answer 0 $((4 * tries)) get 'many{p="x"}'
	for process in 1 2 3 4; do
		answer 0 $((2 * tries)) get "each{p=\"$process\"}"
	done
}

test_remove()
{
	"$PDC" -s "$store" inc 'r{a="1"}' 5
	"$PDC" -s "$store" inc 'r{a="2"}' 6
	"$PDC" -s "$store" set g 7
	answer 0 "" reset 'r_total{a="1"}'
	answer 0 0 get 'r{a="1"}'
	answer 0 6 get 'r{a="2"}'
	answer 0 "" remove 'r{a="1"}'
	answer 1 "" get 'r{a="1"}'
	trouble "r: no such series" remove 'r{a="1"}'
	trouble "nothing: no such metric" remove nothing
	trouble "g: a gauge is set, not reset" reset g
	trouble "r: the label a is missing" remove 'r{b="1"}'
	"$PDC" -s "$store" inc 'r{a="3"}' 8
	answer 0 "" reset r
	answer 0 0 get 'r{a="2"}'
	answer 0 0 get 'r{a="3"}'
	answer 0 "" remove r
	answer 1 "" get 'r{a="2"}'
	answer 1 "" keys r
	answer 0 7 get g
	"$PDC" -s "$store" inc 'r{a="2"}'
	answer 0 1 get 'r{a="2"}'
	answer 0 "" clear
	answer 0 "" show
	answer 1 "" get g
	"$PDC" -s "$store" declare counter g
	answer 0 "" inc g
	answer 0 1 get g_total
}

# Real time, so only that it is there, ends at last and begins anew.
test_ttl()
{
	"$PDC" -s "$store" declare counter e --ttl=.2
	"$PDC" -s "$store" inc e 5
	has "*e  _total:{}  5  expires 20??-??-??T??:??:??Z*" keys e
	i=0
	while "$PDC" -s "$store" get e >/dev/null && test $i -lt 300; do
		sleep .1
		i=$((i + 1))
	done
	answer 1 "" get e
	answer 1 "" keys e
	answer 0 "" show
	"$PDC" -s "$store" declare counter never --ttl=-1
	"$PDC" -s "$store" inc never
	has "*expires never*" keys never
}

# One of many wins a setnx.
test_setnx_race()
{
	: >"$tmp/won"
	for process in 1 2 3 4 5 6 7 8; do
		(
			"$PDC" -s "$store" setnx race $process
			echo $? >>"$tmp/won"
		) &
	done
	wait
	is "$(sort "$tmp/won" | tr -d '\n')" 01111111 "one setnx of eight wins"
}

test_usage
test_missing_store
test_store_option
fresh
test_counter
fresh
test_gauge
fresh
test_observe
fresh
test_declare
fresh
test_remove
fresh
test_ttl
fresh
test_states
fresh
test_info
fresh
test_names
fresh
test_escapes
fresh
"$PDC" -s "$store" declare gauge g && test_keys
fresh
"$PDC" -s "$store" declare gauge g && test_show
test_output_errors
test_modes
test_stat
test_check
fresh
test_repair
fresh
test_examples
fresh
test_concurrency
test_setnx_race
tap_done
