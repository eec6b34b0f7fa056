#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# exec (its status, its input, a terminal), logs (also of the container before), cp both ways, port-forward, attach.
. "$(dirname "$0")/lib.sh"
shared_cluster

pod tools 'echo up; mkdir /w; echo forwarded > /w/index.html; exec httpd -f -p 8080 -h /w'
ready tools
same "$(status_of k exec tools -- sh -c 'exit 42')" 42
same "$(echo through | k exec -i tools -- cat)" through
same "$(k exec tools -- sh -c 'echo err >&2' 2>&1 >/dev/null)" err
contains "$(script -qec "'$SUBLET' --name $cluster kubectl -n $namespace exec -it tools -- tty" /dev/null < /dev/null)" /dev/pts/
same "$(k logs tools)" up
say "a megabyte each way"
head -c 1048576 /dev/urandom > "$tmp/there"
k cp "$tmp/there" tools:/tmp/file
k cp tools:/tmp/file "$tmp/back"
cmp "$tmp/there" "$tmp/back"
say "port-forward, on a port that the kernel chooses"
"$SUBLET" --name "$cluster" kubectl -n "$namespace" port-forward pod/tools :8080 > "$tmp/forward" &
forward=$!
at_end+=("kill $forward")
eventually 20 grep -q Forwarding "$tmp/forward"
port=$(sed -nE 's/^Forwarding from 127.0.0.1:([0-9]+).*/\1/p' "$tmp/forward" | head -n 1)
same "$(exec 3<> "/dev/tcp/127.0.0.1/$port"; printf 'GET / HTTP/1.0\r\n\r\n' >&3; tail -n 1 <&3)" forwarded
say "logs of the container before this one"
k run again --image "$busybox" --restart Always --command -- sh -c 'echo I ended; exit 1'
eventually 30 prints 'I ended' k logs --previous again
