#!/usr/bin/env bash
# Runs the commands of README.md against Caddyfile.example, and compares the answers.
#
#   docs/examples/readme.sh <caddy binary>
#
# Each block that begins with ```console holds a line "$ " with a command, and the expected output. Of an HTTP answer the status line and
# the body must be equal, and every header that the block shows must be there; other headers may differ. Needs bash and curl. Uses ports 8080 and 8081 of
# the loopback.
set -euo pipefail

[ $# = 1 ] || { echo "usage: $0 <caddy binary>" >&2; exit 2; }
[ -f "$1" ] && [ -x "$1" ] || { echo "readme: $1 is not a program" >&2; exit 2; }
caddy=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# open <port>: something listens there.
open() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

for port in 8080 8081; do
	if open "$port"; then
		echo "readme: port $port is busy: stop what listens there, and run this again" >&2
		exit 1
	fi
done

# Neither Caddy nor curl reads or writes anything in the user's home, and no proxy stands between them.
state=$(mktemp -d)
export HOME=$state XDG_CONFIG_HOME=$state XDG_DATA_HOME=$state CURL_HOME=$state no_proxy='*' NO_PROXY='*'

"$caddy" run --config Caddyfile.example --adapter caddyfile >"$state/caddy.log" 2>&1 </dev/null &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$state"' EXIT

for ((tries = 0; ; tries++)); do
	if open 8080 && open 8081; then break; fi
	if ! kill -0 "$pid" 2>/dev/null || [ "$tries" -ge 100 ]; then
		cat "$state/caddy.log"
		echo 'readme: Caddy does not answer' >&2
		exit 1
	fi
	sleep 0.1
done

# seen <answer> <expected>: the answer without the headers that the expectation leaves out.
seen() {
	local line place=status wanted=$'\n'
	while IFS= read -r line && [ -n "$line" ]; do wanted+=$line$'\n'; done <<<"$2"
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $place in
		status) [[ $line == HTTP/* ]] && place=headers || place=body ;;
		headers)
			if [ -z "$line" ]; then
				place=body
			elif [[ $wanted != *$'\n'"$line"$'\n'* ]]; then
				continue
			fi
			;;
		esac
		printf '%s\n' "$line"
	done <<<"$1"
}

passed=0 failed=0
check() { # command, expected output
	local answer output expected
	answer=$(bash -c "$1" 2>"$state/error" </dev/null) || answer+=$(cat "$state/error")
	output=$(seen "$answer" "$2")
	expected=$(printf '%s' "$2") # without final line ends, which the output has lost as well
	if [ "$output" = "$expected" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	printf 'FAIL %s\n' "$1"
	printf '%s\n' "$expected" >"$state/README.md"
	printf '%s\n' "$output" >"$state/answer"
	diff -u --label README.md "$state/README.md" --label answer "$state/answer" || true
}

block=false command= expected=
while IFS= read -r line; do
	case $line in
	'```console') block=true command= expected= ;;
	'```')
		if $block && [ -n "$command" ]; then check "$command" "$expected"; fi
		block=false
		;;
	'$ '*) if $block; then command=${line#\$ }; fi ;;
	*) if $block; then expected+=${expected:+$'\n'}$line; fi ;;
	esac
done <README.md

echo "readme: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
