#!/bin/sh
# SPDX-License-Identifier: ISC
# Stores that come, go and fail while pdc-serve serves them.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

# The server may make new cells in the very directory that is being removed.
remove()
{
	tries=0
	until rm -rf "$1" 2>/dev/null; do
		tries=$((tries + 1))
		test "$tries" -lt 500 || return 1
		sleep 0.01
	done
}

# serves SERIES VALUE
serves()
{
	status /metrics >/dev/null
	test "$(value "$1")" = "$2"
}

test_before_the_store()
{
	start "$@"
	is "$(status /metrics)" 200 "a page without a store"
	is "$(value pdc_up)" 0 "pdc_up is 0"
	is "$(grep -c '^pdc_build_info' "$tmp/body")" 1 "its own are there"
	is "$(grep -c '^pdc_families' "$tmp/body")" 0 "the store's are not"
	is "$(status /-/ready)" 503 "/-/ready is 503"
	like "$(body)" "pdc-serve is Not Ready*" "and says so"
	is "$(status /-/healthy)" 200 "/-/healthy is 200"
	test ! -e "$store"
	ok $? "and it makes no store"
	mkdir -m 700 "$store"
	is "$(status /metrics)" 200 "an empty directory is no store"
	is "$(value pdc_up)" 0 "pdc_up is 0"
	is "$(find "$store" -mindepth 1 | wc -l | tr -d ' ')" 0 \
	    "and stays empty"
	"$PDC" -s "$store" inc x_total 3
	is "$(status /metrics)" 200 "the store has appeared"
	is "$(value pdc_up)" 1 "pdc_up is 1"
	is "$(value x_total)" 3 "its metrics are there"
	is "$(status /-/ready)" 200 "/-/ready is 200"
}

test_tick_opens()
{
	start
	"$PDC" -s "$store" inc x_total
	until_true 5 grep -q 'store opened' "$log"
	ok $? "a tick finds the store"
	stop
}

test_replacement()
{
	"$PDC" -s "$tmp/new" inc x_total 50
	mv "$store" "$tmp/old"
	mv "$tmp/new" "$store"
	is "$(status /metrics)" 200 "a replaced store"
	is "$(value x_total)" 50 "is the new one at once"
	"$PDC" -s "$store" inc x_total
	status /metrics >/dev/null
	is "$(value x_total)" 51 "and lives"
	remove "$store"
	is "$(status /metrics)" 200 "a removed store"
	is "$(value pdc_up):$(value x_total)" 0: "is not served any more"
	is "$(status /-/ready)" 503 "nor ready"
	"$PDC" -s "$store" inc x_total 9
	is "$(status /-/ready)" 200 "a new one is"
	status /metrics >/dev/null
	is "$(value x_total)" 9 "and served"
}

# opened_more N: the store was opened more than N times
opened_more()
{
	test "$(grep -c 'store opened' "$log")" -gt "$1"
}

test_hup()
{
	n=$(grep -c 'store opened' "$log")
	kill -HUP "$pid"
	until_true 5 grep -q 'reopening' "$log"
	until_true 5 opened_more "$n"
	until_true 5 serves x_total 9
	ok $? "SIGHUP opens the store anew"
	test "$(grep -c 'store opened' "$log")" -eq $((n + 1))
	ok $? "once"
	kill -HUP "$pid"
	kill -HUP "$pid"
	is_status 200 /metrics
	ok $? "two of them do no harm"
}

test_not_a_store()
{
	mv "$store" "$tmp/aside"
	mkdir -m 700 "$store"
	echo "no database" >"$store/data.mdb"
	is "$(status /metrics)" 500 "a file that is no database is 500"
	like "$(body)" "?*" "with words"
	is "$(status /-/ready)" 503 "and not ready"
	remove "$store"
	mv "$tmp/aside" "$store"
	is "$(status /metrics)" 200 "the store is back"
	is "$(value x_total)" 9 "as it was"
}

# fails_more N: more than N checkpoints have failed
fails_more()
{
	status /metrics >/dev/null
	test "$(value pdc_checkpoint_errors_total)" -gt "$1"
}

test_lock_held()
{
	lock_store 60
	is "$(status /metrics -m 5)" 200 "a page while the lock is held"
	is "$(value x_total)" 9 "has all numbers"
	until_true 9 fails_more "$(value pdc_checkpoint_errors_total)"
	ok $? "and counts the failed checkpoints"
	n=$(grep -c 'store opened' "$log")
	kill -HUP "$pid"
	until_true 5 grep -q reopening "$log"
	sleep 0.2
	is "$(status /metrics)" 200 "SIGHUP meanwhile"
	is "$(value x_total)" 9 "takes nothing away"
	unlock_store
	until_true 5 opened_more "$n"
	ok $? "and is done when the lock is free"
}

test_churn()
{
	(
		i=0
		while test "$i" -lt 15; do
			remove "$tmp/n"
			"$PDC" -s "$tmp/n" inc x_total 9
			remove "$store"
			mv "$tmp/n" "$store"
			kill -HUP "$pid"
			i=$((i + 1))
		done
	) &
	churn=$!
	: >"$tmp/codes"
	while kill -0 "$churn" 2>/dev/null; do
		status /metrics >>"$tmp/codes"
		echo >>"$tmp/codes"
	done
	wait "$churn"
	is "$(grep -v '200\|503\|500' "$tmp/codes")" "" \
	    "no scrape is lost while stores come and go"
	until_true 5 serves x_total 9
	ok $? "and the last one is served"
}

test_read_only()
{
	if test "$(id -u)" -ne 0 || ! command -v setpriv >/dev/null 2>&1; then
		skip "not root, or no setpriv"
		return
	fi
	chmod 755 "$tmp"
	chmod 770 "$store"
	chgrp -R 65534 "$store"
	chmod 640 "$store"/*
	chmod 660 "$store"/*lock*
	: >"$log"
	as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
	serve=$PDC_SERVE
	$as_nobody test -x "$serve" || {
		cp "$serve" "$tmp/pdc-serve"
		serve=$tmp/pdc-serve
	}
	$as_nobody "$serve" --store="$store" --web.listen-address=127.0.0.1:0 \
	    2>"$log" &
	pid=$!
	until_true 10 grep -q listening "$log"
	port=$(sed -n 's/.*listening.*:\([0-9]*\).*/\1/p' "$log")
	url=http://127.0.0.1:$port
	is "$(status /metrics)" 200 "a page for one who may only read"
	is "$(value x_total)" 9 "has the numbers"
	is "$(value pdc_checkpoint_errors_total)" 0 "and no errors"
	like "$(cat "$log")" "*mode=read-only*" "the log says so"
	stop
}

test_before_the_store
stop
remove "$store"
test_tick_opens
remove "$store"
test_before_the_store --checkpoint.interval=0
test_replacement
test_hup
stop
start --checkpoint.interval=0.2
test_not_a_store
test_lock_held
test_churn
stop
is "$status" 0 "SIGTERM ends it with status 0"
test_read_only
tap_done
