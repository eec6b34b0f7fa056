#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The servers that need packages of Debian's: gRPC on 50051, ZeroMQ (REP) on 5555; those that are not installed are not there. Both
answer with what they were asked, in capitals. Says "peers" when they are up."""
import concurrent.futures
import importlib.util


def serve_grpc():
    import grpc

    class Handlers(grpc.GenericRpcHandler):
        def service(self, call):
            if call.method != "/test.Echo/Shout":
                return None
            return grpc.unary_unary_rpc_method_handler(lambda request, context: request.upper())

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Handlers(),))
    server.add_insecure_port("[::]:50051")
    server.start()
    return server


def serve_zmq():
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.REP)
    socket.bind("tcp://*:5555")
    print("peers", flush=True)
    while True:
        socket.send(socket.recv().upper())


grpc_server = serve_grpc() if importlib.util.find_spec("grpc") else None
if importlib.util.find_spec("zmq"):
    serve_zmq()
print("peers", flush=True)
if grpc_server:
    grpc_server.wait_for_termination()
