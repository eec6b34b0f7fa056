#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the programs of tests/integration/bypass_programs.sh talk to: HTTP on 8000, a DNS server on 53 that knows one
answer, a banner of ssh's on 2222, a little of redis on 6379; port 9000 takes connections and says nothing. IPv4 and IPv6. Says "ready"."""
import http.server
import socket
import socketserver
import struct
import threading

ANSWER = bytes([192, 0, 2, 99])


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"hello\n" * (20000 if self.path == "/large" else 1)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def reply(query):
    """The question, and one A record."""
    end = query.index(b"\0", 12) + 5
    header = query[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, 1, 0, 0)
    return header + query[12:end] + b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + ANSWER


class DnsTcp(socketserver.BaseRequestHandler):
    def handle(self):
        size = self.request.recv(2)
        if len(size) == 2:
            answer = reply(self.request.recv(struct.unpack(">H", size)[0]))
            self.request.sendall(struct.pack(">H", len(answer)) + answer)


class DnsUdp(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(reply(self.request[0]), self.client_address)


class Banner(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"SSH-2.0-somebody\r\n")
        self.request.recv(1024)


class Redis(socketserver.StreamRequestHandler):
    def handle(self):
        values = {}
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                words.append(self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2].lower())
            if words[0] == b"set":
                values[words[1]] = int(words[2])
                self.wfile.write(b"+OK\r\n")
            elif words[0] == b"incr":
                values[words[1]] += 1
                self.wfile.write(b":%d\r\n" % values[words[1]])
            else:
                self.wfile.write(b"-ERR unknown\r\n")


class Silent(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(1 << 20)
        self.request.recv(1)


class Tcp(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *_):
        pass  # they may go when they like


class Udp(socketserver.ThreadingUDPServer):
    address_family = socket.AF_INET6


SERVERS = [Tcp(("::", 8000), Web), Tcp(("::", 53), DnsTcp), Tcp(("::", 2222), Banner), Tcp(("::", 6379), Redis), Tcp(("::", 9000), Silent),
           Udp(("::", 53), DnsUdp)]
for server in SERVERS[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
SERVERS[0].serve_forever()
