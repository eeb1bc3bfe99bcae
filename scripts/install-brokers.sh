#!/usr/bin/env bash
# Installs the brokers that the drivers' tests run (see internal/brokers); at once when all is there.
# Redis and RabbitMQ are Debian's packages; their services are not left running: the tests run brokers of their own.
# Kafka and RocketMQ are jars from Maven Central, kept in .tools/brokers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kafka=4.1.0
rocketmq=5.3.3
jars=.tools/brokers

# quietly runs need.sh so that Debian starts no service it installs, and does not at the next boot either.
quietly() {
	local policy=/usr/sbin/policy-rc.d service as_root=()
	((EUID == 0)) || as_root=(sudo)
	if [[ ! -e $policy ]] && "${as_root[@]}" install -m 755 /dev/stdin "$policy" <<<$'#!/bin/sh\nexit 101' 2>/dev/null; then
		trap '"${as_root[@]}" rm -f "$policy"' RETURN EXIT
	fi
	scripts/need.sh "$@"
	if [[ -d /run/systemd/system ]]; then
		for service; do
			"${as_root[@]}" systemctl disable --now --quiet "${service#*=}" || true
		done
	fi
}
for pair in redis-server=redis-server rabbitmq-server=rabbitmq-server; do
	command -v "${pair%%=*}" >/dev/null || quietly "$pair"
done
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
	# Another run may have been faster.
	mv -T "$work" "$folder" 2>/dev/null || rm -rf "$work"
}
copy_jars "kafka-$kafka" "org.apache.kafka:kafka_2.13:$kafka" org.slf4j:slf4j-simple:1.7.36
copy_jars "rocketmq-$rocketmq" "org.apache.rocketmq:rocketmq-namesrv:$rocketmq" "org.apache.rocketmq:rocketmq-broker:$rocketmq"
