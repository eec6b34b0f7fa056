# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced instead of lib.sh by scenarios that need an outside: the «host» is a network namespace of our own, with a device that
# leads to another one (there CMD…), where the server is (addresses: RFC 5737).
if [ "${TWO_HOSTS-}" != yes ]; then
  unshare --user --map-root-user --net true 2> /dev/null || { echo "skipped: no user namespaces"; exit 77; }
  TWO_HOSTS=yes exec unshare --user --map-root-user --net --pid --fork --mount-proc --kill-child -- "$BASH" "$0" "$@"
fi
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lib/other-host.sh
. "$source_dir/scripts/lib/other-host.sh"
make_other_host
# shellcheck disable=SC2034 # the scenarios'
server=$other_host denied=198.51.100.1
there ip address add $denied/32 dev eth1

# Two servers say who their client is and then send back what comes: the one to be reached, and the host's own on its
# loopback, which must never be.
echo_server='
use strict; use warnings; use IO::Socket::INET; $| = 1; $SIG{CHLD} = "IGNORE";
my $l = IO::Socket::INET->new(LocalAddr => $ARGV[0], LocalPort => 7000, Listen => 64, ReuseAddr => 1) or die "listen: $!";
print "up\n";
while (my $c = $l->accept()) {
  print $c->peerhost(), "\n";
  next if fork(); close $l;
  print $c $c->peerhost(), "\n";
  while (sysread($c, my $b, 4096)) { syswrite($c, $b); } exit;
}'
there perl -e "$echo_server" 0.0.0.0 > "$tmp/reached" & at_end+=("kill $!")
perl -e "$echo_server" 127.0.0.1 > "$tmp/canary" & at_end+=("kill $!")
eventually 5 grep -q up "$tmp/reached"
eventually 5 grep -q up "$tmp/canary"

# ask POD ADDRESS PORT: the first line that comes.
ask() { in_pod "$1" "nc -w 3 $2 $3 < /dev/null | head -n 1"; }
# count FILTER: of what the broker has counted.
count() { sublet status --net --json | jq "$1"; }
