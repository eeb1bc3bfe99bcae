#!/usr/bin/env bash
# Installs the brokers that the drivers' tests run (see internal/brokers); at once when all is there.
# Redis and RabbitMQ are Debian's packages; their services are not left running: the tests run brokers of their own.
# Kafka and RocketMQ are jars from Maven Central, kept in .tools/brokers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kafka=4.1.0
rocketmq=5.3.3
jars=.tools/brokers

# Debian starts the services that it installs, and enables them. Those installed here are not wanted.
PATH=$PATH:/usr/sbin
services=()
for service in redis-server rabbitmq-server; do
	command -v "$service" >/dev/null || services+=("$service")
done
if ((${#services[@]} > 0)); then
	as_root=()
	((EUID == 0)) || as_root=(sudo)
	policy=/usr/sbin/policy-rc.d
	if [[ ! -e $policy ]] && "${as_root[@]}" install -m 755 /dev/stdin "$policy" <<<$'#!/bin/sh\nexit 101'; then
		trap '"${as_root[@]}" rm -f "$policy"' EXIT
	fi
	for service in "${services[@]}"; do
		scripts/need.sh "$service=$service"
		if [[ -d /run/systemd/system ]]; then
			"${as_root[@]}" systemctl disable --now --quiet "$service" || true
		fi
	done
fi
scripts/need.sh java=default-jre-headless

# copy_jars FOLDER GROUP:ARTIFACT:VERSION ... fills the folder with the artifacts and all they depend on.
# The folder appears when it is complete, so that an interrupted run leaves none that looks so.
copy_jars() {
	local folder=$jars/$1 artifact group name version work
	shift
	if [[ -d $folder ]]; then
		return
	fi
	scripts/need.sh mvn=maven
	echo "downloading $*" >&2
	mkdir -p "$jars"
	work=$(mktemp -d "$jars/.new.XXXXXX")
	{
		echo '<project><modelVersion>4.0.0</modelVersion><groupId>none</groupId><artifactId>none</artifactId><version>0</version><dependencies>'
		for artifact; do
			IFS=: read -r group name version <<<"$artifact"
			echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId><version>$version</version></dependency>"
		done
		echo '</dependencies></project>'
	} >"$work/pom.xml"
	if ! mvn -q -B -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory=lib </dev/null >&2; then
		rm -rf "$work"
		echo "Maven could not download $*: the tests of this broker need them" >&2
		return 1
	fi
	chmod 755 "$work" # mktemp makes it private
	# Another run may have been faster.
	mv -T "$work" "$folder" 2>/dev/null || rm -rf "$work"
}
copy_jars "kafka-$kafka" "org.apache.kafka:kafka_2.13:$kafka" org.slf4j:slf4j-simple:1.7.36
copy_jars "rocketmq-$rocketmq" "org.apache.rocketmq:rocketmq-namesrv:$rocketmq" "org.apache.rocketmq:rocketmq-broker:$rocketmq"
