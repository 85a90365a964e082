#!/bin/sh
# SPDX-License-Identifier: ISC
# The command line of pdc-serve, its addresses and its log.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

# refused PATTERN FLAG ...: status 2, one line on the standard error
refused()
{
	pattern=$1
	shift
	got=$("$PDC_SERVE" --store="$store" "$@" 2>"$tmp/err" </dev/null)
	got=$?:$got:$(wc -l <"$tmp/err" | tr -d ' '):$(cat "$tmp/err")
	like "$got" "2::1:pdc-serve: $pattern" \
	    "refused: $(printf '%s' "$*" | tr '\n#' '  ')"
}

test_words()
{
	got=$("$PDC_SERVE" --help 2>&1)
	like "$?:$got" "0:usage: pdc-serve *--web.listen-address=*" \
	    "--help prints the flags"
	is "$("$PDC_SERVE" -h 2>&1)" "$got" "-h does too"
	for flag in store web.listen-address web.telemetry-path \
	    web.disable-exporter-metrics web.max-requests \
	    checkpoint.interval exposition.created log.level log.format \
	    version help; do
		like "$got" "*--*$flag*" "--help has $flag"
	done
	got=$("$PDC_SERVE" --version 2>&1)
	like "$?:$got" "0:pdc-serve, version [0-9]*.*" "--version"
}

test_bad_flags()
{
	refused "*unknown flag '--frob'*" --frob
	refused "*unknown flag '--frob'*" --frob=1
	refused "*unknown flag '--web.listen'*" --web.listen=127.0.0.1:0
	refused "*unknown flag '--no-log.level'*" --no-log.level
	refused "*unexpected argument 'x'*" x
	refused "*unexpected argument '-s'*" -s x
	refused "*unexpected argument '--'*" --
	refused "*unexpected argument ''*" ''
	refused "*--web.max-requests needs a value*" --web.max-requests
	refused "*--web.max-requests cannot be repeated*" \
	    --web.max-requests=1 --web.max-requests=2
	refused "*--store cannot be repeated*" --store=x
	refused "*--exposition.created takes no value*" \
	    --exposition.created=true
	refused "*--web.max-requests: '-1'*" --web.max-requests=-1
	refused "*--web.max-requests: '1.5'*" --web.max-requests=1.5
	refused "*--web.max-requests: 'x'*" --web.max-requests x
	refused "*--web.max-requests: ''*" --web.max-requests=
	for bad in -1 x nan inf 1s 1e9 ''; do
		refused "*--checkpoint.interval: '$bad'*" \
		    --checkpoint.interval "$bad"
	done
	refused "*--log.level: 'loud'*" --log.level=loud
	refused "*--log.format: 'xml'*" --log.format xml
	for bad in metrics '' /-/ready '/a?b' '/a b'; do
		refused "*--web.telemetry-path: '$bad'*" \
		    --web.telemetry-path="$bad"
	done
	for bad in '' x 127.0.0.1 127.0.0.1: :x :65536 :-1 ::1:0 '[::1:0' \
	    '[]:0' ':0x10'; do
		refused "*--web.listen-address: '$bad'*" \
		    --web.listen-address="$bad"
	done
	nl='
'
	refused "*--log.level: 'a?b'" "--log.level=a${nl}b"
	test ! -e "$store"
	ok $? "and no store was made"
}

# addresses PATTERN FLAG ...: the server listens and says where
addresses()
{
	pattern=$1
	shift
	start "$@"
	until_true 1 listens 2
	like "$(grep listening "$log")" "$pattern" "listens: $*"
	stop
	is "$status" 0 "SIGTERM ends it with status 0"
}

# listens N: on so many addresses
listens()
{
	test "$(grep -c listening "$log")" -eq "$1"
}

test_addresses()
{
	nl='
'
	addresses "*address=127.0.0.1:[1-9]*"
	addresses "*127.0.0.1:[1-9]*${nl}*address=127.0.0.1:[1-9]*" \
	    --web.listen-address=localhost:0
	addresses "*127.0.0.1:[1-9]*${nl}*address=*:[1-9]*" \
	    --web.listen-address :0
	if test -e /proc/net/if_inet6 && grep -q ' lo$' /proc/net/if_inet6
	then
		start --web.listen-address='[::1]:0'
		until_true 5 listens 2
		v6=$(sed -n 's/.*address=\(\[::1\]:[0-9]*\).*/\1/p' "$log")
		is "$(curl -s -g -m 9 "http://$v6/-/healthy")" \
		    "pdc-serve is Healthy." "answers on [::1]"
		is "$(curl -s -m 9 "$url/-/healthy")" \
		    "pdc-serve is Healthy." "and on 127.0.0.1"
		stop
	else
		skip "no IPv6 here"
	fi
	# shellcheck disable=SC2046 # words
	start $(for i in 1 2 3 4 5; do
		echo --web.listen-address=127.0.0.1:0
	done)
	until_true 5 listens 6
	is "$(grep -c listening "$log")" 6 "six addresses, a line each"
	for port in $(sed -n 's/.*address=.*:\([0-9]*\)$/\1/p' "$log"); do
		curl -s -m 9 "http://127.0.0.1:$port/-/healthy"
	done >"$tmp/all"
	is "$(grep -c Healthy "$tmp/all")" 6 "each answers"
	stop
}

test_address_in_use()
{
	start
	"$PDC_SERVE" --store="$store" --web.listen-address="127.0.0.1:$port" \
	    2>"$tmp/err"
	is $? 1 "an address in use is status 1"
	like "$(cat "$tmp/err")" \
	    "*level=error*address=127.0.0.1:$port*in use*" "and named"
	stop
	"$PDC_SERVE" --store="$store" --web.listen-address=192.0.2.1:0 \
	    2>"$tmp/err"
	is $? 1 "an address of somebody else is status 1"
	like "$(cat "$tmp/err")" "*address=192.0.2.1:0*" "and named"
	"$PDC_SERVE" --store="$store" --web.listen-address=nowhere.invalid:0 \
	    2>"$tmp/err"
	is $? 1 "a host that is none is status 1"
	like "$(cat "$tmp/err")" "*address=nowhere.invalid:0*" "and named"
}

test_log()
{
	store="$tmp/a \"b"
	start --log.level=debug
	status '/x%22%0ay%fez' >/dev/null
	"$PDC" -s "$store" inc a
	status /metrics >/dev/null
	stop
	is "$(grep -cvE '^ts=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z level=[a-z]+ msg=("|[a-z])' "$log")" \
	    0 "each line of logfmt has ts, level and msg"
	like "$(cat "$log")" "*path=\"/x\\\\\"\\\\ny*z\"*" \
	    "a value is quoted and escaped"
	like "$(cat "$log")" "*dir=*/a \\\\\"b\"*" "a directory too"
	start --log.level=debug --log.format=json
	status '/x%22%0ay%fez' >/dev/null
	status /metrics >/dev/null
	stop
	"$python" -c '
import json, sys
for line in open(sys.argv[1], "rb"):
    o = json.loads(line)
    assert list(o)[:3] == ["ts", "level", "msg"], o
    if o["msg"] == "request" and "x" in o["path"]:
        assert o["path"] == "/x\"\ny\ufffdz", o
        print("found")
' "$log" >"$tmp/out" 2>&1
	is "$(cat "$tmp/out")" found "json is one object a line"
	"$PDC_SERVE" --store="$store" --web.listen-address=127.0.0.1:0 \
	    --log.level=error 2>"$log" &
	pid=$!
	sleep 0.5
	stop
	is "$status:$(cat "$log")" 0: "at log.level error all is quiet"
}

test_words
test_bad_flags
test_addresses
test_address_in_use
test_log
tap_done
