#!/bin/sh
# Six nodes of a Redis Cluster on this machine: three masters, each with a replica. For development and tests:
# nodes of one machine do not survive its end. Runs in docker-compose.yml, or by hand with redis-server on PATH.
#   redis-cluster.sh start FIRST_PORT FOLDER [OPTION...]    runs until it is stopped; options are redis-server's
#   redis-cluster.sh check FIRST_PORT                       succeeds if all nodes serve and all replicas follow
# With a password, set it in REDISCLI_AUTH, and give the options --requirepass and --masterauth.
set -u

settings=$(dirname "$0")
command=$1 first=$2
ports=$(seq "$first" $((first + 5)))

start() {
    mkdir -p "$1" || exit
    folder=$(cd "$1" && pwd -P)
    shift
    pids=
    trap 'stop 0' INT TERM
    for port in $ports; do
        mkdir -p "$folder/$port" || stop 1
        [ -e "$folder/formed" ] || rm -f "$folder/$port/nodes.conf" # of an attempt that was interrupted
        redis-server "$settings/redis.conf" --include "$settings/redis-cluster.conf" --port "$port" \
            --dir "$folder/$port" --bind 127.0.0.1 --cluster-announce-ip 127.0.0.1 "$@" &
        pids="$pids $!"
    done
    [ -e "$folder/formed" ] || form || stop 1
    wait # a node that ends stays down, so that a failover can be tried
}

form() {
    nodes=
    for port in $ports; do
        nodes="$nodes 127.0.0.1:$port"
        try is_own "$port" || { echo "no node of this cluster answers at port $port" >&2; return 1; }
    done
    # shellcheck disable=SC2086 # one word a node
    redis-cli --cluster create $nodes --cluster-replicas 1 --cluster-yes || return
    try check || { echo "the cluster does not serve" >&2; return 1; }
    touch "$folder/formed"
}

# Another server may have the port: then ours has ended.
is_own() {
    [ "$(redis-cli -p "$1" config get dir | tail -n 1)" = "$folder/$1" ]
}

# cluster_state alone is ok before any slot is served. Error replies, as while loading, have none of these lines.
check() {
    followers=0
    for port in $ports; do
        says "$port" cluster_state:ok cluster info || return
        says "$port" cluster_slots_ok:16384 cluster info || return
        ! says "$port" master_link_status:up info replication || followers=$((followers + 1))
    done
    [ "$followers" -eq 3 ]
}

says() {
    node=$1 line=$2
    shift 2
    redis-cli -p "$node" "$@" | tr -d '\r' | grep -qx "$line"
}

try() {
    attempts=60
    until "$@" 2>/dev/null; do
        attempts=$((attempts - 1))
        [ "$attempts" -gt 0 ] || return
        sleep 0.5
    done
}

stop() {
    trap - INT TERM
    while [ "$pids" ]; do
        running=
        for pid in $pids; do # more than once: a replica that writes its first file does not obey
            ! kill "$pid" 2>/dev/null || running="$running $pid"
        done
        pids=$running
        sleep 0.5
    done
    exit "$1"
}

case $command in
    start) shift 2; start "$@" ;;
    check) check ;;
    *) echo "unknown command: $command" >&2; exit 2 ;;
esac
