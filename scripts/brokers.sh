#!/usr/bin/env bash
# brokers.sh up [KIND ...] runs redis, rabbitmq, kafka and rocketmq, or the kinds given, on their usual ports in the background.
# brokers.sh down ends them and removes their data.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
	echo "usage: $0 up [redis|rabbitmq|kafka|rocketmq ...] | down" >&2
	exit 2
}

command=${1:-}
kinds=("${@:2}")
((${#kinds[@]} > 0)) || kinds=(redis rabbitmq kafka rocketmq)
for kind in "${kinds[@]}"; do
	[[ $kind =~ ^(redis|rabbitmq|kafka|rocketmq)$ ]] || usage
done

state=.tools/brokers
mkdir -p "$state"
exec 9>"$state/lock" # two that come at once take turns
flock 9

pid=$(cat "$state/up.pid" 2>/dev/null || true)
if [[ -n $pid ]] && [[ $(ps -o comm= -p "$pid") != brokers-up ]]; then
	pid=
fi

case $command in
up)
	if [[ -z $pid ]]; then
		scripts/install-brokers.sh
		go build -o "$state/brokers-up" ./internal/brokers/cmd
		: >"$state/up.log"
		setsid "$state/brokers-up" "${kinds[@]}" >"$state/up.log" 2>&1 </dev/null 9>&- &
		pid=$!
		echo "$pid" >"$state/up.pid"
	fi
	until grep -qx ready "$state/up.log"; do
		kill -0 "$pid" 2>/dev/null || { cat "$state/up.log" >&2; exit 1; }
		sleep 0.2
	done
	cat "$state/up.log"
	for kind in "${kinds[@]}"; do
		grep -q "^$kind " "$state/up.log" ||
			{ echo "$kind does not run: these were started without it, so end them first (make brokers-down)" >&2; exit 1; }
	done
	;;
down)
	if [[ -n $pid ]]; then
		kill "$pid"
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	fi
	rm -f "$state/up.pid"
	;;
*)
	usage
	;;
esac
