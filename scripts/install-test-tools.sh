#!/usr/bin/env bash
# Installs what the tests need beside Go; at once when all is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# cc: the race detector links with it. The others drive and are the browser of examples/chat/e2e.
scripts/need.sh cc=build-essential node=nodejs npm=npm chromium=chromium

scripts/install-brokers.sh

# npm writes node_modules/.package-lock.json last, so it is older than the lock file when node_modules is out of date.
cd examples/chat/e2e 2>/dev/null || exit 0
if [[ -e package-lock.json && ! node_modules/.package-lock.json -nt package-lock.json ]]; then
	npm ci --ignore-scripts --no-audit --no-fund </dev/null ||
		{ echo "npm ci failed in $PWD: the browser tests need its packages; run it by hand to see why" >&2; exit 1; }
fi
