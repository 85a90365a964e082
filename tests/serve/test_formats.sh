#!/bin/sh
# SPDX-License-Identifier: ISC
# What pdc-serve answers to what is accepted, and to name[].
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

text="text/plain; version=0.0.4; charset=utf-8"
om="application/openmetrics-text; version=1.0.0; charset=utf-8"
proto="application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

# header NAME: of the answer in $tmp/headers
header()
{
	tr -d '\r' <"$tmp/headers" | sed -n "s/^$1: //Ip"
}

# get PATH [OPTION ...]: the status; headers and body are kept
get()
{
	status "$@" -D "$tmp/headers"
}

test_types()
{
	is "$(get /metrics)" 200 "a page"
	is "$(header content-type)" "$text" "is text 0.0.4"
	is "$(header vary)" "Accept, Accept-Encoding" "and varies"
	is "$(header content-encoding)" "" "and is not compressed"
	get /metrics -H 'Accept:' >/dev/null
	is "$(header content-type)" "$text" "without Accept too"
	get /metrics -H 'Accept: application/openmetrics-text' >/dev/null
	is "$(header content-type)" "$om" "OpenMetrics is had by asking"
	is "$(tail -n 1 "$tmp/body")" "# EOF" "and has its end"
	is "$(value hits_total)" 3.0 "and the values"
	grep -q '^# TYPE pdc_http_requests counter$' "$tmp/body" &&
	    grep -q '^# TYPE pdc_build info$' "$tmp/body"
	ok $? "the server's own families are in its form"
	get /metrics -H 'Accept: application/json' \
	    -H 'Accept: application/openmetrics-text;version=0.0.1' \
	    -H 'Accept: image/png' >/dev/null
	is "$(header content-type)" \
	    "application/openmetrics-text; version=0.0.1; charset=utf-8" \
	    "Accept may come in several lines"
	get /metrics -H "Accept: $proto" >/dev/null
	is "$(header content-type)" "$proto" "protobuf is had by asking"
	is "$(get /metrics -H 'Accept: image/png;q=1')" 200 "nothing is a 406"
	is "$(header content-type)" "$text" "but text 0.0.4"
	is "$(get / -H 'Accept-Encoding: gzip')" 200 "another page"
	is "$(header content-encoding):$(header vary)" ":" "does not vary"
	curl -s -I -H 'Accept: application/openmetrics-text' \
	    -H 'Accept-Encoding: gzip' "$url/metrics" >"$tmp/headers"
	is "$(header content-type)" "$om" "HEAD negotiates too"
	is "$(header content-encoding)" gzip "and has the coding"
}

# coding ACCEPTED WANTED: how the page comes, and that it is one
coding()
{
	get /metrics -H "Accept-Encoding: $1" >/dev/null
	is "$(header content-encoding)" "$2" "$1 gives ${2:-identity}"
	case $2 in
	gzip) gzip -dc "$tmp/body" >"$tmp/page" ;;
	zstd)
		unzstd <"$tmp/body" >"$tmp/page"
		;;
	*) cp "$tmp/body" "$tmp/page" ;;
	esac
	grep -q '^hits_total 3$' "$tmp/page"
	ok $? "and what it was made of"
}

test_codings()
{
	coding gzip gzip
	coding 'gzip, zstd' gzip
	coding 'zstd;q=1, gzip;q=0.5' zstd
	coding '*' ""
	coding identity ""
	coding 'gzip;q=0' ""
	coding br ""
	get '/metrics?name[]=nothing' -H 'Accept-Encoding: gzip' >/dev/null
	is "$(gzip -dc "$tmp/body" | wc -c)" 0 "an empty page is compressed"
	test "$(get /nothing -H 'Accept-Encoding: gzip')" = 404
	is "$?:$(header content-encoding)" 0: "an error is not compressed"
}

# names QUERY: the families of the page
names()
{
	get "/metrics?$1" >/dev/null
	sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$tmp/body" | tr '\n' ' '
}

test_names()
{
	is "$(names 'name[]=hits_total')" "hits_total " "one family by name"
	is "$(names 'name%5B%5D=hits_total&name%5B%5D=i_info')" \
	    "hits_total i_info " "two, with escapes"
	is "$(names 'name[]=pdc_up&name[]=temp&x=y')" "temp pdc_up " \
	    "one of ours"
	is "$(names 'name[]=pdc_checkpoints_total')" "pdc_checkpoints_total " \
	    "and a counter of ours"
	is "$(names 'name[]=nothing')" "" "an unknown name gives an empty page"
	is "$(header content-type):$(wc -c <"$tmp/body")" "$text:0" "of text"
	is "$(names 'name[]=&name[]')" "" "no name is no family's"
	get '/metrics?name[]=nothing' \
	    -H 'Accept: application/openmetrics-text' >/dev/null
	is "$(body)" "# EOF" "and in OpenMetrics its end"
	get '/metrics?name[]=hits' \
	    -H 'Accept: application/openmetrics-text' >/dev/null
	is "$(body)" "# TYPE hits counter
hits_total 3.0
# EOF" "a counter is named there without _total"
}

"$PDC" -s "$store" inc hits_total 3
"$PDC" -s "$store" set temp 1.5
"$PDC" -s "$store" declare info i --labels=v
start
test_types
test_codings
test_names
stop
tap_done
