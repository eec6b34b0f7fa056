#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `sublet exec` between the host and a cluster that starts and ends: names of the host's own resolver, a terminal, no cluster.
. "$(dirname "$0")/lib.sh"

say "a cluster that is still starting is none to exec into"
at_end+=('"$SUBLET" down --name "$scenario"')
sublet up > "$tmp/up" 2>&1 &
launcher=$!
eventually 20 sublet status
if [ "$(sublet status --json | jq -r .state)" = starting ]; then
  same "$(status_of sublet exec -- true)" 4
  contains "$(cat "$tmp/err")" "is still starting"
fi
eventually 100 grep -q "is ready" "$tmp/up"
running=yes
same "$(status_of sublet exec -- true)" 0
same "$(status_of "$SUBLET" --name no-such-cluster exec -- true)" 3

say "the host's name server answers for all that the cluster does not have: one on loopback, and one elsewhere"
cat > "$tmp/names" <<'EOS'
set -e
ip link set lo up
ip address add 192.0.2.53/32 dev lo
printf '%s {\n bind 127.0.0.1 192.0.2.53\n template IN A {\n  answer "{{ .Name }} 60 IN A 192.0.2.%s"\n }\n}\n' . 7 > "$1/Corefile"
"$COREDNS" -conf "$1/Corefile" > /dev/null & server=$!
trap 'kill $server' EXIT
x() { "$SUBLET" --name "$CLUSTER" exec -- "$@"; }
for address in 127.0.0.1 192.0.2.53; do
  printf 'nameserver %s\nsearch example.org\n' $address > "$1/resolv.conf"
  mount --bind "$1/resolv.conf" /etc/resolv.conf
  for i in 1 2 3 4 5 6 7 8 9 10; do getent ahostsv4 up.example.org > /dev/null && break; sleep 0.2; done
  [ "$(x getent ahostsv4 elsewhere.example.org | awk '{ print $1; exit }')" = 192.0.2.7 ] || { echo "no name of the host's by $address"; exit 1; }
  [ "$(x getent ahostsv4 elsewhere | awk '{ print $1; exit }')" = 192.0.2.7 ] || { echo "no short name of the host's by $address"; exit 1; }
  [ "$(x getent ahostsv4 kubernetes | awk '{ print $1; exit }')" = 10.43.0.1 ] || { echo "no name of the cluster's by $address"; exit 1; }
  # Another name server than resolv.conf's is asked itself.
  [ "$(x dig +short +time=2 +tries=1 @192.0.2.53 a.b.c.d.example.org)" = 192.0.2.7 ] || { echo "not the server that was asked"; exit 1; }
  [ "$(x dig +short +time=2 +tries=1 @192.0.2.53 kubernetes.default)" = 10.43.0.1 ] || { echo "not the cluster's name"; exit 1; }
  umount /etc/resolv.conf
done
EOS
components=$(sublet status --json | jq -r .components)
SUBLET=$SUBLET CLUSTER=$cluster COREDNS=$components/coredns timeout 60 unshare --user --map-current-user --keep-caps --net --mount \
  bash "$tmp/names" "$tmp" || fail "names of the host"

say "a terminal's ^C is the command's once, and it is stopped as a shell's job"
SUBLET=$SUBLET CLUSTER=$cluster timeout 60 python3 - <<'EOS'
import os, pty, signal, subprocess
def under_terminal(*command):
    pid, terminal = pty.fork()
    if pid == 0: os.execv(os.environ["SUBLET"], ["sublet", "--name", os.environ["CLUSTER"], "exec", "--", *command])
    return pid, terminal
def read_until(terminal, text):
    data = b""
    while text not in data: data += os.read(terminal, 1024)
    return data
pid, terminal = under_terminal("sh", "-c", 'trap "n=\\$((n + 1)); echo interrupted \\$n" INT; echo up; while [ -z "$n" ]; do sleep 0.1; done; sleep 0.5; exit 5')
read_until(terminal, b"up")
os.write(terminal, b"\x03")
read_until(terminal, b"interrupted 1")
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
# In a process group of its own, as a shell with job control starts it.
job = subprocess.Popen([os.environ["SUBLET"], "--name", os.environ["CLUSTER"], "exec", "--", "sh", "-c", "echo up; read line; echo got $line"],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=lambda: os.setpgid(0, 0))
assert job.stdout.readline() == b"up\n"
os.kill(job.pid, signal.SIGTSTP)
assert os.WIFSTOPPED(os.waitpid(job.pid, os.WUNTRACED)[1])
os.kill(job.pid, signal.SIGCONT)
job.stdin.write(b"it\n"); job.stdin.close()
assert job.stdout.readline() == b"got it\n"
assert job.wait() == 0
EOS

say "the cluster ends: the command goes on, and hears of it"
sublet exec -- sh -c 'touch "$1/runs"; until [ -e "$1/down" ]; do sleep 0.1; done; exec python3 -c "
import socket
try: socket.create_connection((\"10.43.0.1\", 443), 5)
except OSError as error: print(error.errno)
"' sh "$tmp" > "$tmp/errno" 2>&1 &
command=$!
eventually 10 test -e "$tmp/runs"
sublet down
wait "$launcher" || true
touch "$tmp/down"
wait "$command" || fail "the command ended with $?"
same "$(cat "$tmp/errno")" 101
same "$(status_of sublet exec -- true)" 3
