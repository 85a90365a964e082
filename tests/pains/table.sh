#!/bin/sh
# SPDX-License-Identifier: ISC
#
# table.sh PROGRAM ...: run tests of pains and print a table of their rows.

for program in "$@"; do
	"$program"
	status=$?
	test "$status" -le 1 || echo "Bail out! $program: status $status"
done | awk '
	/^(not )?ok / {
		result = /# SKIP / ? "skipped" : /^not/ ? "FAILED" : "ok"
		sub(/^(not )?ok [0-9]+ (- |# SKIP )/, "")
		name = $0
		sub(/:.*/, "", name)
		sub(/^[^:]*: /, "")
		undone = sub(/, undone$/, "", name)
		if (!undone)
			printf "%s\n", name
		printf "    %-8s%-8s%s\n", undone ? "undone" : "", result, $0
		if (!(name in rows) || result == "FAILED")
			rows[name] = result
	}
	/^(#|Bail out)/ { print "    " $0 }
	/^Bail out/ { rows[$0] = "FAILED" }
	END {
		for (name in rows)
			n[rows[name]]++
		printf "%d passed, %d failed", n["ok"], n["FAILED"]
		printf n["skipped"] ? ", %d skipped\n" : "\n", n["skipped"]
		exit n["FAILED"] > 0 || n["ok"] == 0
	}'
