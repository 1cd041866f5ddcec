#!/usr/bin/env bash
# Runs the commands of docs/getting-started.md in an empty folder, and compares what they print.
#
#   docs/examples/getting-started.sh <caddy binary>
#
# Blocks that begin with ```sh are run. In blocks that begin with ```console each line "$ " is run, and the lines behind it are what it prints, apart from the command that builds
# Caddy. Needs bash and curl. Uses the ports 2019, 8080 and 9000 of the loopback.
set -euo pipefail

[ $# = 1 ] || { echo "usage: $0 <caddy binary>" >&2; exit 2; }
[ -f "$1" ] && [ -x "$1" ] || { echo "getting-started: $1 is not a program" >&2; exit 2; }
caddy=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
document=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/getting-started.md

for port in 2019 8080 9000; do
	if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
		echo "getting-started: port $port is busy: stop what listens there, and run this again" >&2
		exit 1
	fi
done

# Neither Caddy nor curl reads or writes anything in the user's home, and no proxy stands between them.
folder=$(mktemp -d)
export HOME=$folder XDG_CONFIG_HOME=$folder XDG_DATA_HOME=$folder CURL_HOME=$folder no_proxy='*' NO_PROXY='*'
cd "$folder"
ln -s "$caddy" caddy
trap './caddy stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT

passed=0 failed=0
run() { # command, expected output
	local output
	output=$(bash -c "$1" 2>&1 </dev/null) || output+=" (status $?)"
	if [ "$output" = "$2" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	printf 'FAIL %s\n' "$1"
	diff -u --label getting-started.md <(printf '%s\n' "$2") --label output <(printf '%s\n' "$output") || true
}
finish() { # the command that was read last, if any
	if [ -n "$command" ] && [ "$command" != ./xcaddy.sh ]; then run "$command" "$expected"; fi
	command= expected=
}

kind= command= expected=
while IFS= read -r line; do
	case $kind:$line in
	':```sh' | ':```console') kind=${line#'```'} ;;
	'sh:```') kind=; bash -eu -c "$command" >/dev/null </dev/null || { echo "FAIL $command"; exit 1; }; command= ;;
	'console:```') kind=; finish ;;
	sh:*) command+=$line$'\n' ;;
	'console:$ '*) finish; command=${line#\$ } ;;
	console:*) expected+=${expected:+$'\n'}$line ;;
	esac
done <"$document"

echo "getting-started: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 5 ]
