#!/usr/bin/env bash
# Runs every test: each fuzz target with some thousand inputs, then the whole suite with the race detector.
# The suite comes last, so that its lines, one for each package, close the output.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A test holds 10,000 connections open. Go raises its soft limit to the hard one by itself, so only the hard one can be
# too low. Root may raise it, but not in every container.
want=65536
hard=$(ulimit -Hn)
if [[ $hard != unlimited ]] && ((hard < want)); then
	ulimit -Hn "$want" 2>/dev/null || echo "open files: the limit of $hard cannot be raised here" >&2
fi

# go list and not find: it knows what is ours. A target is "FOLDER FuzzName".
packages=$(go list -f '{{.Dir}}' ./... && go -C bench list -f '{{.Dir}}' ./...)
targets=()
while IFS= read -r dir; do
	while IFS= read -r name; do
		targets+=("$dir $name")
	done < <(find "$dir" -maxdepth 1 -name '*_test.go' -exec sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' {} +)
done <<<"$packages"

# A number of inputs and not a time: at the end of a time Go 1.26 fails now and then with "context deadline exceeded" and no
# input (golang/go#75804, mended in 1.27).
fuzztime=${FUZZTIME:-10000x}
for target in "${targets[@]}"; do
	dir=${target% *} name=${target##* }
	if ! go -C "$dir" test -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" -fuzzminimizetime 5s .; then
		# CI throws its clone away, so a new input goes into the log too.
		echo "$name failed. If go test wrote an input to $dir/testdata/fuzz/$name, commit it with the mend: it is a test from now on." >&2
		find "$dir/testdata/fuzz/$name" -type f -mmin -2 -print -exec head -c 4096 {} \; >&2 2>/dev/null || true
		exit 1
	fi
done

# The benchmarks once, so that they still run when somebody wants their figures.
go test -run '^$' -bench . -benchtime 1x ./... >/dev/null

# The other module: its programs are built and do a little of what they measure.
go -C bench test -count=1 ./...

# -count=1: the browser's tests depend on more than Go's test cache knows.
go test -race -count=1 -timeout 10m ./...
