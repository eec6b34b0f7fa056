#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""peers_client.py grpc|zmq|cares|cares-udp SERVER: what bypass_programs.sh runs in a pod by modules of Debian's."""
import sys


def grpc_client(server):
    import grpc

    for _ in range(3):
        with grpc.insecure_channel(f"{server}:50051") as channel:
            print(channel.unary_unary("/test.Echo/Shout")(b"hello", timeout=10))
    with grpc.insecure_channel(f"{server}:8001") as channel:
        try:
            channel.unary_unary("/test.Echo/Shout")(b"hello", timeout=10)
        except grpc.RpcError as error:
            print(error.code())


def zmq_client(server):
    import zmq

    context = zmq.Context()
    for _ in range(3):
        socket = context.socket(zmq.REQ)
        socket.connect(f"tcp://{server}:5555")
        socket.send(b"hello")
        print(socket.recv())
        socket.close()


def cares_client(server, flags):
    import select

    import pycares

    channel = pycares.Channel(servers=[server], flags=flags, timeout=5.0, tries=1)
    channel.query("host.example", pycares.QUERY_TYPE_A, lambda result, error: print([each.host for each in result or []], error))
    while True:
        readable, writable = channel.getsock()
        if not readable and not writable:
            return
        ready = select.select(readable, writable, [], channel.timeout())
        for fd in ready[0]:
            channel.process_fd(fd, pycares.ARES_SOCKET_BAD)
        for fd in ready[1]:
            channel.process_fd(pycares.ARES_SOCKET_BAD, fd)
        if not ready[0] and not ready[1]:
            channel.process_fd(pycares.ARES_SOCKET_BAD, pycares.ARES_SOCKET_BAD)


USE_TCP = 1  # ARES_FLAG_USEVC
{
    "grpc": grpc_client,
    "zmq": zmq_client,
    "cares": lambda server: cares_client(server, USE_TCP),
    "cares-udp": lambda server: cares_client(server, 0),
}[sys.argv[1]](sys.argv[2])
