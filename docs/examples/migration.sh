#!/usr/bin/env bash
# Runs the commands of docs/migration.md one after the other, and compares what they write with the document.
#
#   docs/examples/migration.sh <caddy binary>
#   UPDATE=1 docs/examples/migration.sh <caddy binary>   writes what they wrote into the document
#
# In a block that begins with ```console a line "$ " holds a command, lines "> " continue it, and other lines are the expected output. All commands run in one empty folder. Needs bash, curl and Go,
# and uses ports 8080, 8081 and 2019 of the loopback.
set -euo pipefail

[ $# = 1 ] || { echo "usage: $0 <caddy binary>" >&2; exit 2; }
[ -f "$1" ] && [ -x "$1" ] || { echo "migration: $1 is not a program" >&2; exit 2; }
caddy=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
document=$PWD/docs/migration.md

for port in 8080 8081 2019; do
	if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
		echo "migration: port $port is busy: stop what listens there, and run this again" >&2
		exit 1
	fi
done

state=$(mktemp -d)
mkdir "$state/bin" "$state/work"
ln -s "$caddy" "$state/bin/caddy"
trap '"$caddy" stop >/dev/null 2>&1 || true; rm -rf "$state"' EXIT

# The log is made as the document says.
generate=$(grep -m 1 '^go run ./internal/trafficlog/generate .* > access.log$' "$document")
bash -c "${generate%access.log}\"$state/work/access.log\"" 2>/dev/null

# Neither Caddy nor curl reads or writes anything in the user's home, and no proxy stands between them.
export HOME=$state XDG_CONFIG_HOME=$state XDG_DATA_HOME=$state CURL_HOME=$state no_proxy='*' NO_PROXY='*' PATH=$state/bin:$PATH LC_ALL=C.UTF-8

cd "$state/work"
status=0 passed=0 block=false command= expected=
: >"$state/document"
finish() { # runs the command that has been read, if there is one
	local output
	[ -n "$command" ] || return 0
	output=$(bash -c "(exit $status)"$'\n'"$command" </dev/null 2>&1) && status=0 || status=$?
	# A line end at the end of the output, or none, is the same.
	if [ -n "$output" ]; then printf '%s\n' "$output" >>"$state/document"; fi
	if [ "$output" = "$expected" ]; then
		passed=$((passed + 1))
	elif [ -z "${UPDATE-}" ]; then
		printf 'FAIL %s\n' "$command"
		diff -u --label docs/migration.md <(printf '%s\n' "$expected") --label output <(printf '%s\n' "$output") || true
		failed=$((failed + 1))
	fi
	command= expected=
}
failed=0
while IFS= read -r line; do
	if ! $block; then
		printf '%s\n' "$line" >>"$state/document"
		if [ "$line" = '```console' ]; then block=true; fi
		continue
	fi
	case $line in
	'```') finish; block=false; printf '%s\n' "$line" >>"$state/document" ;;
	'$ '*) finish; command=${line#\$ }; printf '%s\n' "$line" >>"$state/document" ;;
	'> '*) command+=$'\n'${line#> }; printf '%s\n' "$line" >>"$state/document" ;;
	*) expected+=${expected:+$'\n'}$line ;;
	esac
done <"$document"

if [ -n "${UPDATE-}" ]; then
	cat "$state/document" >"$document"
	exit
fi
echo "migration: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
