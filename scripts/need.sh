#!/usr/bin/env bash
# need.sh COMMAND=PACKAGE ... sees to it that each command is there, from Debian's packages where it is missing.
set -euo pipefail

commands=()
packages=()
for pair in "$@"; do
	if ! command -v "${pair%%=*}" >/dev/null; then
		commands+=("${pair%%=*}")
		packages+=("${pair#*=}")
	fi
done
if ((${#commands[@]} == 0)); then
	exit 0
fi

fail() {
	echo "missing: ${commands[*]}: $1; install by hand and try again (Debian: apt-get install ${packages[*]})" >&2
	exit 1
}

as_root=()
if ((EUID != 0)); then
	command -v sudo >/dev/null || fail "neither root nor sudo to install with"
	as_root=(sudo)
fi
command -v apt-get >/dev/null || fail "no apt-get to install with"

# env, because sudo drops the variable. The lock's timeout: a new machine may still be upgrading itself.
apt() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null >/dev/null
}
echo "installing ${packages[*]}" >&2
# An update fails when one of many sources is down; what counts is whether the packages can be installed.
apt update || true
apt install -y --no-install-recommends "${packages[@]}" || fail "apt-get could not install them"
