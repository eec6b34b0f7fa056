#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real servers, each on the host and in a pod behind a port of the host (bypass/doors.h): the same client run against
# both, from another host, sees the same, and the server knows the client by its own address.
#   bypass_servers.sh POD_UP [PATTERN]     (only servers of such a name)
set -euo pipefail
self=$(realpath "$0")
root=${self%/tests/*}
# shellcheck source=scripts/lib/other-host.sh
. "$root/scripts/lib/other-host.sh"
client=$other_host
export JAVA_TOOL_OPTIONS=-XX:-UsePerfData  # else it leaves /tmp/hsperfdata_USER, whatever TMPDIR says

skip() { echo "skipped: $*"; exit 77; }

# ---- the servers: words of a shell, on $port; and of the client, on the other host ----

# server NAME NEEDS HANDED SCRIPT CLIENT: NEEDS as in bypass_programs.sh, HANDED how many connections at least are the
# pod's own accepts' (not relayed). The client's words say $url, $host and $port. What both print holds $client.
servers() {
  # Twenty in turn, then eight at once.
  # shellcheck disable=SC2016 # the client's
  local web='curl -sS "$url/[1-20]" | sort | uniq -c; curl -sS --parallel --parallel-immediate --no-progress-meter "$url/[1-8]" | sort | uniq -c'
  # shellcheck disable=SC2016 # the server's
  {
    server nginx nginx 8 'cat > $work/nginx.conf <<END
daemon off; user root; worker_processes 2; pid nginx.pid; error_log stderr crit;
events { }
http { access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server { listen $port reuseport; keepalive_timeout 0; location / { return 200 "hello \$remote_addr\n"; } } }
END
      exec nginx -p $work -c $work/nginx.conf' "$web"
    server 'nginx, deferred' nginx 8 'cat > $work/nginx.conf <<END
daemon off; user root; worker_processes 2; pid nginx.pid; error_log stderr crit;
events { multi_accept on; }
http { access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server { listen [::]:$port ipv6only=off deferred; location / { return 200 "hello \$remote_addr\n"; } } }
END
      exec nginx -p $work -c $work/nginx.conf' "$web"
    server Redis 'redis-server redis-cli' 3 'exec redis-server --port $port --bind 0.0.0.0 --protected-mode no --save "" --dir $work' \
      'printf "set a 1\nincr a\nincr a\n" | redis-cli -h $host -p $port; redis-cli -h $host -p $port client list | grep -o "addr=[0-9.]*"
       redis-benchmark -h $host -p $port -q -t set -n 2000 -c 20 | grep -c "requests per second"'
    server PostgreSQL 'psql initdb' 2 'exec unshare --user --map-user=65534 --map-group=65534 sh -c "
        [ -d $work/postgres ] || { initdb -D $work/postgres -U somebody -A trust -N --no-locale > /dev/null && echo host all all all trust >> $work/postgres/pg_hba.conf; }
        exec postgres -D $work/postgres -p $port -h \* -k \"\" -c fsync=off -c dynamic_shared_memory_type=mmap"' \
      'psql -h $host -p $port -U somebody -AtF, -c "select inet_client_addr(), count(*) from generate_series(1, 100000)" postgres
       for i in 1 2 3 4 5; do psql -h $host -p $port -U somebody -Atc "select $i * inet_client_port() > 0" postgres; done'
    server 'Python, http.server' python3 8 'mkdir -p $work/www; echo hello > $work/www/index.html; cd $work/www; exec python3 -u -m http.server $port 2>> $work/log' \
      'curl -sS "$url/?[1-20]" | sort | uniq -c; grep -ac "^$client .*GET" $work/log'
    server 'Python, asyncio' python3 8 'exec python3 -c "
import asyncio
async def talk(reader, writer):
    await reader.readline()
    writer.write(b\"HTTP/1.0 200 OK\r\n\r\nhello %s\n\" % writer.get_extra_info(\"peername\")[0].encode())
    await writer.drain()
    writer.close()
async def main():
    async with await asyncio.start_server(talk, \"0.0.0.0\", $port) as server:
        await server.serve_forever()
asyncio.run(main())"' "$web"
    server 'Node, http' node 8 'exec node -e "require(\"http\").createServer((q, a) => a.end(\"hello \" + q.socket.remoteAddress + \"\n\")).listen($port)"' "$web"
    server 'Node, cluster' node 8 'cat > $work/cluster.js <<END
const cluster = require("cluster");
if (cluster.isPrimary) for (let i = 0; i < 3; i++) cluster.fork();
else require("http").createServer((q, a) => a.end("hello " + q.socket.remoteAddress + "\n")).listen($port)
END
      exec node $work/cluster.js' "$web"
    server Go "$work/http_server" 8 'exec $work/http_server $port' "$web"
    server Java java 8 'exec java -XX:TieredStopAtLevel=1 $support/HttpServer.java $port' "$web"
    server 'gunicorn, pre-fork' gunicorn 8 'printf "def app(e, start):\n  start(\"200 OK\", [])\n  return [b\"hello \" + e[\"REMOTE_ADDR\"].encode() + b\"\\\\n\"]\n" > $work/hello.py
      exec gunicorn --workers 4 --bind 0.0.0.0:$port --chdir $work --log-level error hello:app' "$web"
    server 'socat, a child each' socat 8 'exec socat TCP-LISTEN:$port,fork,reuseaddr SYSTEM:"head -n 1 > /dev/null; echo HTTP/1.0 200 OK; echo; echo hello \\\$SOCAT_PEERADDR"' \
      'for i in 1 2 3 4 5 6 7 8 9 10; do curl -sS "$url/$i"; done | sort | uniq -c'
    server iperf3 iperf3 8 'exec iperf3 -s -p $port >> $work/log' \
      'iperf3 -c $host -p $port -P 4 -n 8M -J | grep -c "\"sum_received\""; sleep 0.5; iperf3 -c $host -p $port -R -n 8M -J | grep -c "\"sum_received\""; grep -ao "connection from $client" $work/log | sort -u'
  }
}

# ---- both hosts ----

bad=0 skipped=0 good=0
# run_client PORT WORDS: against the host's port, once the server answers there. (The port itself is there before.)
run_client() {
  timeout 60 nsenter --target "$other" --net -- env port="$1" host=192.0.2.1 url="http://192.0.2.1:$1" client=$client work="$work" bash -c "
    for ((i = 0; i < 200; ++i)); do $ready && break; sleep 0.1; done > /dev/null 2>&1
    sleep 0.1
    : > \$work/log
    $2" 2>&1
}
server() {
  local name=$1 needs=$2 handed=$3 script=$4 words=$5 native inside report=$work/report pid need count
  # shellcheck disable=SC2053 # a pattern
  [[ $name == $only ]] || return 0
  for need in $needs; do
    command -v "$need" > /dev/null && continue
    echo "skipped: $name: $need is not installed"
    skipped=$((skipped + 1))
    return
  done
  # shellcheck disable=SC2016 # the client's
  case $name in
    PostgreSQL) ready='pg_isready -q -h $host -p $port' ;;
    Redis) ready='redis-cli -h $host -p $port ping' ;;
    iperf3) ready='iperf3 -c $host -p $port -n 1' ;;
    *) ready='curl -sf $url/' ;;
  esac
  setsid env port=9000 work="$work" support="$support" sh -c "$script" > "$work/out" 2>&1 & pid=$!
  native=$(run_client 9000 "$words") || native+=" [exit status $?]"
  kill -KILL -- -$pid 2> /dev/null || true
  wait $pid 2> /dev/null || true
  rm -f "$work"/postgres/postmaster.pid
  setsid env port=8000 work="$work" support="$support" timeout 60 "$pod_up" --bypass --cluster 10.0.2.0/24 --door 9001:8000 --status "$report" \
    --until "$work/stop" -- sh -c "$script" > "$work/out" 2>&1 & pid=$!
  inside=$(run_client 9001 "$words") || inside+=" [exit status $?]"
  : > "$work/stop"
  wait $pid 2> /dev/null || true
  rm -f "$work"/postgres/postmaster.pid "$work/stop"
  count=$(grep -o '"total":.*"handed":[0-9]*' "$report" 2> /dev/null | grep -o '[0-9]*$') || true
  rm -f "$report"
  if [ "$native" = "$inside" ] && [[ $native == *$client* || $name == *http.server ]] && [ "${count:-0}" -ge "$handed" ]; then
    good=$((good + 1))
    return
  fi
  bad=$((bad + 1))
  printf 'WRONG: %s: %s connections handed over, of %s\n--- host\n%s\n--- pod\n%s\n%s\n' "$name" "${count:-no}" "$handed" "$native" "$inside" "$(tail -n 5 "$work/out")"
}

inside() {
  pod_up=$1 only=$2
  PATH=$PATH:$(compgen -G '/usr/lib/postgresql/*/bin' | tail -n 1 || true)
  work=$(mktemp -d)
  support=$root/tests/support/programs
  export work support TMPDIR=$work
  trap 'kill -- $(jobs -p) 2> /dev/null || true; rm -rf "$work"' EXIT
  make_other_host
  # shellcheck disable=SC2053 # a pattern
  if [[ Go == $only ]] && command -v go > /dev/null; then
    CGO_ENABLED=0 GOCACHE=${GOCACHE:-$HOME/.cache/go-build} GOPATH=$work/path GOFLAGS=-mod=mod go build -o "$work/http_server" "$support/http_server.go" || true
  fi
  servers
  echo "$good servers alike, $bad not, $skipped skipped"
  [ "$bad" -eq 0 ] && [ "$good" -gt 0 ]
}

if [ "${1-}" = --inside ]; then
  shift
  inside "$@"
  exit
fi
unshare -Urn true 2> /dev/null || skip 'no user namespaces'
command -v curl > /dev/null || skip 'curl, which is the client, is not installed'
# A process namespace as well: whatever is left ends with it.
exec unshare -Urnpf --mount-proc --kill-child "$self" --inside "$(realpath "$1")" "${2:-*}"
