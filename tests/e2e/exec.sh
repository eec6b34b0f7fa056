#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Programs of the host under `sublet exec`: names and addresses of the cluster's, exit status, signals, exec in exec.
. "$(dirname "$0")/lib.sh"
shared_cluster
export JAVA_TOOL_OPTIONS=-XX:-UsePerfData  # else it leaves /tmp/hsperfdata_USER, whatever TMPDIR says
x() { timeout 30 "$SUBLET" --name "$cluster" exec -n "$namespace" -- "$@"; }

pod web 'mkdir /w; echo hello > /w/index.html; httpd -f -p 8080 -h /w' --labels app=web
ready web
k expose pod web --port 80 --target-port 8080
k expose pod web --name headless --port 8080 --cluster-ip None
ip=$(k get service web -o jsonpath='{.spec.clusterIP}')
pod_ip=$(k get pod web -o jsonpath='{.status.podIP}')
eventually 20 x curl -sS -m 5 "http://$ip/"

say "every form of the name, and the addresses"
for host in web "web.$namespace" "web.$namespace.svc" "web.$namespace.svc.cluster.local"; do
  same "$(x curl -sS -m 5 "http://$host/")" hello "$host"
done
for host in "$pod_ip:8080" headless:8080 "headless.$namespace:8080"; do same "$(x curl -sS -m 5 "http://$host/")" hello "$host"; done
same "$(x getent hosts headless | awk '{ print $1 }')" "$pod_ip"
say "a name of more addresses than an answer has room for"
{ printf 'apiVersion: v1\nkind: Service\nmetadata: {name: crowd}\nspec: {clusterIP: None, ports: [{port: 80}]}\n---\n'
  printf 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: crowd-1, labels: {kubernetes.io/service-name: crowd}}\n'
  printf 'addressType: IPv4\nports: [{port: 80, name: ""}]\nendpoints:\n'; printf -- '- {addresses: [10.42.7.%s]}\n' {1..60}; } | k apply -f -
crowd() { [ "$(x getent ahostsv4 crowd | awk '{ print $1 }' | sort -u | wc -l)" -ge 25 ]; }
eventually 20 crowd
say "a Service that is made while a program waits for its name, and that goes again"
timeout 120 "$SUBLET" --name "$cluster" exec -n "$namespace" -- bash -c 'until getent hosts late; do sleep 0.05; done; while getent hosts late > /dev/null; do sleep 0.05; done; echo gone' > "$tmp/late" &
asks=$!
k create service clusterip late --tcp 80
late=$(k get service late -o jsonpath='{.spec.clusterIP}')
eventually 20 grep -q "^$late " "$tmp/late"
k delete service late
wait "$asks"
same "$(tail -n 1 "$tmp/late")" gone
say "a name that nobody has, and one of the host's own"
same "$(status_of x getent hosts no-such-name.default.svc.cluster.local)" 2
x getent hosts localhost > /dev/null
say "without exec, nobody"
[ "$(curl -sS -m 2 "http://$pod_ip:8080/" 2> /dev/null)" != hello ] || fail "the pod answers anybody"
say "sockets of both families, non-blocking ones, ones in an epoll set"
x python3 - "$ip" <<'EOS'
import select, socket, sys, threading
ip = sys.argv[1]
request = b"GET / HTTP/1.0\r\n\r\n"
def talk(s):
    s.settimeout(10)
    s.sendall(request)
    data = b""
    while part := s.recv(4096): data += part
    assert b"hello" in data, data
def dual():
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.connect(("::ffff:" + ip, 80)); talk(s)
def epoll():
    s = socket.socket(); s.setblocking(False)
    e = select.epoll(); e.register(s, select.EPOLLOUT)
    copy = s.dup()
    try: s.connect((ip, 80))
    except BlockingIOError: pass
    assert e.poll(5)[0][0] == s.fileno()
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    assert copy.getpeername() == s.getpeername() == (ip, 80)
    s.setblocking(True); talk(s)
def options():
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1); s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    s.connect((ip, 80))
    assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) and s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    talk(s)
    s = socket.socket()
    try: s.connect((ip, 81)); assert False
    except ConnectionRefusedError: pass
    except TimeoutError: assert False
dual(); epoll(); options()
failed = []
def many():
    try:
        for _ in range(50):
            s = socket.create_connection((ip, 80), 10); talk(s); s.close()
    except Exception as e: failed.append(e)
threads = [threading.Thread(target=many) for _ in range(20)]
for t in threads: t.start()
for t in threads: t.join()
assert not failed, failed
EOS
x python3 - <<'EOS'
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
s.connect(("10.43.0.10", 53))  # the cluster's name server, by its Service: UDP
s.send(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\x0akubernetes\x07default\x03svc\x07cluster\x05local\0\0\1\0\1")
answer = s.recv(512)
assert answer[:2] == b"\0\7" and answer[-4:] == bytes([10, 43, 0, 1]), answer
assert s.getpeername() == ("10.43.0.10", 53)
EOS
say "programs of other makes: static, musl's, 32-bit, Go's, Java's, c-ares's"
source=$source_dir/tests/support/programs/resolve_connect.c
made() { if "${@:2}" > "$tmp/made" 2>&1; then return; fi; echo "skipped in this test: $1"; return 1; }
for make in "glibc: gcc" "glibc, static: gcc -static" "musl, static: musl-gcc -static" "32-bit: gcc -m32"; do
  # shellcheck disable=SC2086 # words
  made "${make%%:*}" ${make#*:} -o "$tmp/client" "$source" || continue
  for host in web "web.$namespace.svc.cluster.local"; do same "$(x "$tmp/client" "$host" 80)" "$ip connected" "${make%%:*}"; done
  x "$tmp/client" headless 8080 > "$tmp/out" || fail "${make%%:*} does not reach pods: $(cat "$tmp/out")"
  same "$(status_of x "$tmp/client" no-such-name 80)" 1
done
mkdir "$tmp/go" "$tmp/java"
cat > "$tmp/go/main.go" <<'EOS'
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	c, err := net.Dial("tcp", os.Args[1]+":80")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(c.RemoteAddr())
}
EOS
if made Go env CGO_ENABLED=0 GOCACHE="$tmp/go/cache" GOFLAGS=-mod=mod GO111MODULE=off go build -o "$tmp/go/client" "$tmp/go/main.go"; then
  same "$(x "$tmp/go/client" web)" "$ip:80"
fi
printf 'class C { public static void main(String[] a) throws Exception { var s = new java.net.Socket(a[0], 80); System.out.println(s.getInetAddress().getHostAddress()); } }\n' > "$tmp/java/C.java"
if made Java javac -d "$tmp/java" "$tmp/java/C.java"; then same "$(x java -Xshare:auto -cp "$tmp/java" C web)" "$ip"; fi
if made c-ares python3 -c 'import pycares'; then
  same "$(x python3 - web."$namespace" <<'EOS'
import pycares, select, sys
found = []
channel = pycares.Channel(timeout=5, tries=2)
channel.query(sys.argv[1], pycares.QUERY_TYPE_A, lambda result, error: found.append((result, error)))
while not found:
    r, w = channel.getsock()
    if not r and not w: break
    select.select(r, w, [], channel.timeout()); [channel.process_fd(fd, pycares.ARES_SOCKET_BAD) for fd in r]
    if not r: [channel.process_fd(pycares.ARES_SOCKET_BAD, fd) for fd in w]
print(found[0][0][0].host if found[0][0] else found[0][1])
EOS
)" "$ip"
fi
say "exit status, a signal's, a missing command's"
same "$(status_of x sh -c 'exit 7')" 7
same "$(status_of x sh -c 'kill -9 $$')" 137
same "$(status_of x no-such-command)" 127
same "$(status_of x /etc/passwd)" 126
say "input, output, and what else was open"
same "$(echo through | x cat)" through
exec 7> "$tmp/seven"; x sh -c 'echo told >&7'; exec 7>&-
same "$(cat "$tmp/seven")" told
say "a signal to exec is the command's"
"$SUBLET" --name "$cluster" exec -- sh -c 'trap "echo got it; exit 9" TERM; touch "'"$tmp"'/up"; while :; do sleep 0.1; done' > "$tmp/told" &
runner=$!
eventually 10 test -e "$tmp/up"
kill -TERM "$runner"
status=0; wait "$runner" || status=$?
same "$status" 9; same "$(cat "$tmp/told")" "got it"
say "killed, it takes the command along"
"$SUBLET" --name "$cluster" exec -- sh -c 'echo $$ > "'"$tmp"'/pid"; exec sleep 1000' & runner=$!
eventually 10 test -s "$tmp/pid"
kill -KILL "$runner"
eventually 5 gone "$(cat "$tmp/pid")"
say "exec in exec: the same cluster; another namespace is refused"
same "$(x "$SUBLET" --name "$cluster" exec -n "$namespace" -- curl -sS -m 5 http://web/)" hello
same "$(status_of x "$SUBLET" --name "$cluster" exec -n other -- true)" 1
contains "$(cat "$tmp/err")" "can be under one only"
say "a cluster that is started under exec does without its bypass, and says why"
x "$SUBLET" --name under-exec up --dry-run > "$tmp/plan" 2>&1 || fail "no plan under exec: $(cat "$tmp/plan")"
contains "$(cat "$tmp/plan")" "are watched already, by \`sublet exec\`"
say "what the command leaves running is served on"
x sh -c '(sleep 1; curl -sS -m 5 http://web/ > "'"$tmp"'/late") > /dev/null 2>&1 &'
eventually 10 grep -q hello "$tmp/late"
