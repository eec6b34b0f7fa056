#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real programs, each behind the tap alone and behind the bypass: the same output, and with the bypass as many of their
# connections taken as they make (so that nothing passes by not being bypassed).
#   bypass_programs.sh POD_UP [COMPONENTS]     (COMPONENTS: where kubectl, a static Go client, may be)
set -euo pipefail
export JAVA_TOOL_OPTIONS=-XX:-UsePerfData  # else it leaves /tmp/hsperfdata_USER, whatever TMPDIR says
self=$(realpath "$0")
root=${self%/tests/*}
# shellcheck source=scripts/lib/other-host.sh
. "$root/scripts/lib/other-host.sh"
server=$other_host
server6=2001:db8::2

skip() { echo "skipped: $*"; exit 77; }

# ---- the programs: words of a shell inside of the pod ----

# program NAME NEEDS CONNECTIONS EXPECTED SCRIPT: NEEDS is what has to be installed (commands, modules of Debian's python as
# py:NAME, files), EXPECTED what a line of the output is.
programs() {
  local web="http://$server:8000"
  program curl curl 1 hello "curl -sS $web/"
  program 'curl, IPv6' curl 1 hello "curl -sS 'http://[$server6]:8000/'"
  program 'curl, much' curl 1 '* 120000' "curl -sS $web/large | cksum"
  program 'curl, many at once' curl 8 200,200,200,200,200,200,200,200, "curl -sS --parallel --parallel-max 8 --no-progress-meter \
    --parallel-immediate $(printf -- "-o /dev/null -w %%{http_code}, $web/large %.0s" 1 2 3 4 5 6 7 8)"
  program 'curl, refused' curl 1 7 "curl -s http://$server:8001/; echo \$?"
  program 'curl, happy eyeballs' curl 2 hello \
    "curl -sS --happy-eyeballs-timeout-ms 100 --resolve 'two.example:8000:[2001:db8::dead],$server' http://two.example:8000/"
  program 'curl, connect timeout' curl 1 28 "curl -s --connect-timeout 0.5 http://192.0.2.66:8000/; echo \$?"
  program 'curl, read timeout' curl 1 28 "curl -s -m 0.5 http://$server:9000/; echo \$?"
  program wget wget 1 hello "wget -qO- $web/"
  program 'wget, refused' wget 1 4 "wget -q --tries=1 -O- http://$server:8001/; echo \$?"
  program 'Go (kubectl)' kubectl 1 hello "HOME=\$work kubectl --server $web get --raw /"
  program 'Python, urllib' python3 1 "b'hello*" "python3 -c '
import urllib.request
print(urllib.request.urlopen(\"$web/\", timeout=5).read())'"
  program 'Python, asyncio' python3 20 111 "python3 -c '
import asyncio
async def get():
    reader, writer = await asyncio.open_connection(\"$server\", 8000)
    writer.write(b\"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n\")
    text = await reader.read()
    writer.close()
    return text.split(b\"\r\n\")[-1]
async def main():
    print(await asyncio.gather(*[get() for _ in range(20)]))
    try:
        await asyncio.open_connection(\"$server\", 8001)
    except OSError as error:
        print(error.errno)
asyncio.run(main())'"
  program 'Node, http' node 5 ECONNREFUSED "node -e '
const http = require(\"http\");
const agent = new http.Agent({keepAlive: false});
let left = 5;
for (let i = 0; i < 5; i++) http.get({host: \"$server\", port: 8000, agent}, (answer) => {
  answer.on(\"data\", (data) => process.stdout.write(data)); answer.on(\"end\", () => { if (--left == 0)
    http.get(\"http://$server:8001\").on(\"error\", (error) => console.log(error.code)); }); });'"
  program 'Java, HttpClient' java 1 hello "cat > \$work/Get.java <<'END'
import java.net.URI;
import java.net.http.*;
class Get { public static void main(String[] words) throws Exception {
  System.out.print(HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(\"$web/\")).build(),
    HttpResponse.BodyHandlers.ofString()).body()); } }
END
    java -XX:TieredStopAtLevel=1 \$work/Get.java"
  program 'nginx, upstream with keepalive' nginx 1 hello "cat > \$work/nginx.conf <<'END'
daemon off; user root; master_process off; pid nginx.pid; error_log stderr crit;
events { }
http { access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  upstream outside { server $server:8000; keepalive 4; }
  server { listen 127.0.0.1:8080; location / { proxy_pass http://outside; proxy_http_version 1.1; proxy_set_header Connection \"\"; } } }
END
    nginx -p \$work -c \$work/nginx.conf & nginx=\$!
    curl -s --retry 20 --retry-delay 0 --retry-max-time 5 --retry-connrefused 'http://127.0.0.1:8080/[1-5]'
    kill \$nginx; wait"
  # shellcheck disable=SC2154  # made by prepare
  {
    program 'Netty, NIO' "java javac $netty_jar" 4 hello "java -XX:TieredStopAtLevel=1 -cp \$work/netty:$netty NettyClient nio $server 8000 3 2> /dev/null"
    program 'Netty, epoll' "java javac $netty_jar $netty_native" 4 hello \
      "java -XX:TieredStopAtLevel=1 -cp \$work/netty:$netty:$netty_native NettyClient epoll $server 8000 3 2> /dev/null"
  }
  program Asio 'c++ /usr/include/asio.hpp' 11 'Connection refused' "\$work/asio_client $server 8000"
  program 'Asio, IPv6' 'c++ /usr/include/asio.hpp' 11 hello "\$work/asio_client $server6 8000"
  program 'psql (libpq)' 'psql initdb' 1 42,100000 "psql -h $server -U somebody -AtF, -c 'select 6 * 7, count(*) from generate_series(1, 100000)' postgres"
  program 'psql, refused' 'psql initdb' 1 2 "psql -h $server -p 8001 -U somebody postgres 2> /dev/null; echo \$?"
  program gRPC py:grpc 4 StatusCode.UNAVAILABLE "/usr/bin/python3 $support/peers_client.py grpc $server 2> /dev/null"
  program ZeroMQ py:zmq 3 "b'HELLO'" "/usr/bin/python3 $support/peers_client.py zmq $server"
  program 'c-ares, TCP' py:pycares 1 "?'192.0.2.99'? None" "/usr/bin/python3 $support/peers_client.py cares $server"
  program 'c-ares, UDP' py:pycares 0 "?'192.0.2.99'? None" "/usr/bin/python3 $support/peers_client.py cares-udp $server"
  # Ranks that find one another by the pod's address: all of it is the pod's own.
  program 'Open MPI over TCP' 'mpirun mpicc' 0 '4 ranks, ring 6, megabytes 10' "cd \$work && OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
    HOME=\$work mpirun --oversubscribe -np 4 --mca plm isolated --mca btl tcp,self --mca btl_tcp_if_include tap0 --mca oob_tcp_if_include tap0 ./mpi_ring"
  program redis-cli redis-cli 1 2 "printf 'set a 1\nincr a\n' | redis-cli -h $server"
  program 'ssh, banner' ssh-keyscan 1 '*SSH-2.0-somebody' "ssh-keyscan -T 2 -p 2222 $server 2>&1 | head -n 1"
  program socat socat 1 hell "echo GET / | socat -t 1 - TCP:$server:8000,keepalive,nodelay | head -n 1 | cut -c 1-4"
  program iperf3 iperf3 2 1 "iperf3 -c $server -n 4M -J | tr -d ' \t' | grep -c '^\"sum_received\"'"
  program 'iperf3, four streams, reverse' iperf3 5 1 "iperf3 -c $server -P 4 -R -n 4M -J | grep -c '\"sum_received\"'"
  # It binds before it connects, and what is bound is the pod's.
  program 'dig, TCP' dig 0 192.0.2.99 "dig @$server +tcp +short +tries=1 host.example"
  program 'dig, UDP' dig 0 192.0.2.99 "dig @$server +short +tries=1 host.example"
}

# ---- outside of the pod ----

bad=0 skipped=0 good=0
is_there() {
  case $1 in
    py:*) /usr/bin/python3 -c "import ${1#py:}" 2> /dev/null ;;
    /*) [ -e "$1" ] ;;
    *) command -v "$1" > /dev/null ;;
  esac
}
# shellcheck disable=SC2016  # the pod's shell knows $work
program() {
  local name=$1 needs=$2 connections=$3 expected=$4 script=$5 tap with report taken line need found=no
  for need in $needs; do
    is_there "$need" && continue
    echo "skipped: $name: ${need/py:/python3-} is not installed"
    skipped=$((skipped + 1))
    return
  done
  tap=$(work=$work timeout 60 "$pod_up" -- sh -c "$script" 2>&1) || tap+=" [exit status $?]"
  report=$work/report
  with=$(work=$work timeout 60 "$pod_up" --bypass --ipv6 --cluster 10.0.2.0/24 --status "$report" -- sh -c "$script" 2>&1) || with+=" [exit status $?]"
  taken=$(grep -o '"total":{"connections":[0-9]*' "$report" 2> /dev/null | grep -o '[0-9]*$') || true
  rm -f "$report"
  # shellcheck disable=SC2053  # a pattern
  while read -r line; do if [[ $line == $expected ]]; then found=yes; fi; done <<< "$with"
  if [ "$tap" = "$with" ] && [ $found = yes ] && [ "${taken:-0}" -ge "$connections" ]; then
    good=$((good + 1))
    return
  fi
  bad=$((bad + 1))
  printf 'WRONG: %s: %s connections taken, of %s\n--- tap\n%s\n--- bypass\n%s\n' "$name" "${taken:-no}" "$connections" "$tap" "$with"
}

# Programs that are compiled, as far as what they need is there.
prepare() {
  netty_jar=/usr/share/java/netty-transport.jar
  netty=$(printf '%s:' /usr/share/java/netty-{transport,common,buffer,resolver,transport-native-epoll,transport-native-unix-common}.jar)
  # Of Netty's own version, as `mvn dependency:get -Dartifact=io.netty:netty-transport-native-epoll:VERSION:jar:linux-x86_64` fetches it.
  netty_native=$(compgen -G "${NETTY_NATIVE:-$HOME/.m2/repository/io/netty/netty-transport-native-epoll/*/*-linux-*.jar}" | head -n 1) ||
    netty_native=/netty-transport-native-epoll-linux.jar
  if is_there javac && is_there $netty_jar; then javac -cp "$netty" -d "$work/netty" "$support/NettyClient.java"; fi
  if is_there c++ && is_there /usr/include/asio.hpp; then c++ -std=c++17 -pthread -o "$work/asio_client" "$support/asio_client.cc"; fi
  if is_there mpicc; then mpicc -o "$work/mpi_ring" "$support/mpi_ring.c"; fi
}

# PostgreSQL refuses to run as root, so it is somebody whom /etc/passwd knows, in a user namespace of its own.
far_side() {
  there sh -c 'iperf3 -s > /dev/null 2>&1 &
    if command -v initdb > /dev/null; then
      unshare --user --map-user=65534 --map-group=65534 sh -c "initdb -D $1/postgres -U somebody -A trust -N --no-locale > $1/initdb.log 2>&1 &&
        echo host all all all trust >> $1/postgres/pg_hba.conf &&
        exec postgres -D $1/postgres -h \"*\" -k \"\" -c fsync=off -c dynamic_shared_memory_type=mmap > $1/postgres.log 2>&1" &
    fi
    /usr/bin/python3 "$0/peers_server.py" 2> /dev/null &
    python3 "$0/server.py"' "$support" "$work"
}

inside() {
  pod_up=$1
  PATH=$2:$PATH:$(compgen -G '/usr/lib/postgresql/*/bin' | tail -n 1 || true)
  work=$(mktemp -d)
  support=$root/tests/support/programs
  trap 'kill -- $(jobs -p) 2> /dev/null || true; rm -rf "$work"' EXIT
  make_other_host
  ip address add 2001:db8::1/64 dev eth0 nodad
  there ip address add $server6/64 dev eth1 nodad
  ip route add default via $server6
  ip neigh add 192.0.2.66 lladdr 02:00:00:00:00:66 dev eth0 nud permanent
  ip neigh add 2001:db8::dead lladdr 02:00:00:00:00:66 dev eth0 nud permanent
  coproc far { far_side; }
  prepare
  # Each says when it is up; PostgreSQL by answering.
  local heard='' word
  until [[ $heard == *ready* && $heard == *peers* ]]; do
    read -r -t 30 word <&"${far[0]}"
    heard+=" $word"
  done
  if is_there initdb; then timeout 60 sh -c "until pg_isready -q -h $server; do sleep 0.1; done"; fi
  programs
  echo "$good programs alike, $bad not, $skipped skipped"
  [ "$bad" -eq 0 ] && [ "$good" -gt 0 ]
}

if [ "${1-}" = --inside ]; then
  shift
  inside "$@"
  exit
fi
unshare -Urn true 2> /dev/null || skip 'no user namespaces'
command -v python3 > /dev/null || skip 'python3, which is the server, is not installed'
# A process namespace as well: whatever is left ends with it.
exec unshare -Urnpf --mount-proc --kill-child "$self" --inside "$(realpath "$1")" "${2:-/nonexistent}"
