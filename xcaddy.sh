#!/bin/sh
# Builds Caddy with this module.
#
#   ./xcaddy.sh       builds ./caddy
#   ./xcaddy.sh run   builds ./caddy if it is missing or older than the sources, then runs it with Caddyfile.example
#
# CADDY_VERSION   the version of Caddy to build; default: the one in go.mod
# OUTPUT          where the binary goes; default: ./caddy beside this script
# PGO_PROFILE     a profile of processor time that guides the compiler, or off; default: caddymodule/caddy.pgo beside this script
set -eu

case "$#:${1-}" in
0: | 1:run) ;;
*)
	echo "usage: $0 [run]" >&2
	exit 2
	;;
esac

caller=$PWD
cd "$(dirname "$0")"
case "${OUTPUT:=./caddy}" in
./caddy | /*) ;;
*) OUTPUT=$caller/$OUTPUT ;;
esac
case "${PGO_PROFILE:=$PWD/caddymodule/caddy.pgo}" in
off | /*) ;;
*) PGO_PROFILE=$caller/$PGO_PROFILE ;;
esac
export GOWORK=off

build() {
	module=$(go list -m)
	version=${CADDY_VERSION:-$(go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)}
	# The variable replaces the flags of xcaddy, so they are repeated. It splits them as a shell does.
	flags="-ldflags '-w -s' -trimpath -tags nobadger,nomysql,nopgx"
	if [ "$PGO_PROFILE" != off ]; then
		flags="$flags '-pgo=$PGO_PROFILE'"
	fi
	export XCADDY_GO_BUILD_FLAGS="${XCADDY_GO_BUILD_FLAGS:-$flags}"
	# With "|" any answer of the proxy falls through, so a version of this module that is not published is no
	# error and the replacement is used.
	GOPROXY="$(go env GOPROXY | cut -d, -f1)|off" \
		go run github.com/caddyserver/xcaddy/cmd/xcaddy@v0.4.5 build "$version" \
		--with "$module/caddymodule" --replace "$module=$PWD" --output "$OUTPUT"
}

# Succeeds if a source file is newer than the binary.
stale() {
	[ -n "$(find . \( -path './.*' -o -path ./bench -o -path ./docs -o -path ./e2e -o -name testdata \) -prune \
		-o -type f \( -name '*.go' -o -name go.mod -o -name go.sum -o -name '*.html' -o -name '*.pgo' \) ! -name '*_test.go' \
		-newer "$OUTPUT" -print)" ]
}

if [ $# -eq 0 ]; then
	build
	exit
fi
if [ ! -x "$OUTPUT" ] || stale; then
	build
fi
exec "$OUTPUT" run --config Caddyfile.example --adapter caddyfile
