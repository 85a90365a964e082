#!/bin/sh
# SPDX-License-Identifier: ISC
#
# clang-format decides how C looks; 80 columns with tabs of 8.

. "${srcdir:=.}/tests/tap.sh"

command -v clang-format-14 >/dev/null 2>&1 ||
    skip_all "clang-format-14 is not installed"

# What git has or would have; without git, what the tarball has.
sources()
{
	cd "$srcdir" || exit
	if test -e .git && command -v git >/dev/null 2>&1; then
		git ls-files -co --exclude-standard '*.c' '*.h' '*.cc' |
		    grep -v '/config\.h$'
	else
		find include lib bin tests bench -name '*.[ch]' -o -name '*.cc'
	fi | sort -u | while read -r file; do
		test ! -f "$file" || echo "$file"
	done
}

# wide FILE ...: lines of more than 80 columns
wide()
{
	awk '
		{
			wide = 0
			rest = $0
			while ((n = index(rest, "\t")) > 0) {
				wide += n - 1
				wide += 8 - wide % 8
				rest = substr(rest, n + 1)
			}
			wide += length(rest)
			if (wide > 80)
				print FILENAME ":" FNR ": " wide " columns"
		}' "$@"
}

unformatted()
{
	clang-format-14 --style=file --dry-run -Werror "$@" 2>&1 |
	    sed -n 's/: error: .*//p'
}

cp "$srcdir/.clang-format" "$tmp"
printf 'int main(void) { return 0; }\n' >"$tmp/bad.c"
like "$(unformatted "$tmp/bad.c")" "*bad.c:1:*" "bad form is found"
printf '/*%s\t*/\n' "$(printf '%76s' x)" >"$tmp/wide.c"
like "$(wide "$tmp/wide.c")" "*wide.c:1: 82 columns" "a wide line is found"

files=$(sources)
cd "$srcdir" || exit
test -n "$files"
ok $? "there are files"
# shellcheck disable=SC2086 # a list of words
is "$(unformatted $files)" "" "clang-format would change nothing"
# shellcheck disable=SC2086 # a list of words
is "$(wide $files)" "" "no line is wider than 80 columns"

tap_done
