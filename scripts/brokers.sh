#!/usr/bin/env bash
# brokers.sh up [KIND ...] runs redis, rabbitmq, kafka and rocketmq, or the kinds given, on their usual ports in the background.
# brokers.sh down ends them and removes their data.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

state=.tools/brokers
pid=$(cat "$state/up.pid" 2>/dev/null || true)
if [[ -n $pid ]] && [[ $(ps -o comm= -p "$pid") != brokers-up ]]; then
	pid=
fi

case ${1:-} in
up)
	if [[ -z $pid ]]; then
		scripts/install-brokers.sh
		go build -o "$state/brokers-up" ./internal/brokers/cmd
		: >"$state/up.log"
		setsid "$state/brokers-up" "${@:2}" >"$state/up.log" 2>&1 </dev/null &
		pid=$!
		echo "$pid" >"$state/up.pid"
	fi
	until grep -qx ready "$state/up.log"; do
		kill -0 "$pid" 2>/dev/null || { cat "$state/up.log" >&2; exit 1; }
		sleep 0.2
	done
	cat "$state/up.log"
	;;
down)
	if [[ -n $pid ]]; then
		kill "$pid"
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	fi
	rm -f "$state/up.pid"
	;;
*)
	echo "usage: $0 up [KIND ...] | down" >&2
	exit 2
	;;
esac
