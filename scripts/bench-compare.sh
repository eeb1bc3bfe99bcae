#!/usr/bin/env bash
# bench-compare.sh compares the Go benchmarks of the working tree with those of another revision: BASE, or the previous commit.
# The two run in turns, COUNT times each, so that a slow moment of the machine meets both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

base=${BASE:-HEAD~1}
count=${COUNT:-8}
bench=${BENCH:-.}
benchtime=${BENCHTIME:-0.1s}
benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
packages=(websocket sender)

revision=$(git rev-parse --short --verify "$base^{commit}")
scratch=$(mktemp -d)
clean() {
	git worktree remove --force "$scratch/base" 2>/dev/null || true
	rm -rf "$scratch"
}
trap clean EXIT
git worktree add --quiet --detach "$scratch/base" "$revision"

build() { # build NAME TREE
	for package in "${packages[@]}"; do
		go test -C "$2" -c -o "$scratch/$1-$package.test" "./$package"
	done
}
build base "$scratch/base"
build tree .

run() { # run NAME TREE
	for package in "${packages[@]}"; do
		(cd "$2/$package" && "$scratch/$1-$package.test" -test.run '^$' -test.bench "$bench" -test.benchmem -test.benchtime "$benchtime") >>"$scratch/$1.txt"
	done
}
for ((round = 1; round <= count; round++)); do
	echo "round $round of $count" >&2
	run base "$scratch/base"
	run tree .
done
go run "$benchstat" "$revision=$scratch/base.txt" "tree=$scratch/tree.txt"
