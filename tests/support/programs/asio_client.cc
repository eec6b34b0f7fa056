// SPDX-License-Identifier: Apache-2.0
// GETs / of HOST PORT ten times at once by Asio, which puts a socket into its epoll set when it is opened, and then
// connects to a port where nobody listens.
#include <array>
#include <asio.hpp>
#include <iostream>
#include <memory>
#include <string>

using asio::ip::tcp;

struct Get : std::enable_shared_from_this<Get> {
  Get(asio::io_context& context, const tcp::endpoint& to) : socket(context), to(to) {}

  void start() {
    socket.open(to.protocol());
    socket.async_connect(to, [self = shared_from_this()](const std::error_code& error) {
      if (error) throw std::system_error(error);
      asio::async_write(self->socket, asio::buffer(self->request),
                        [self](const std::error_code&, std::size_t) { self->read(); });
    });
  }

  void read() {
    auto done = [self = shared_from_this()](const std::error_code&, std::size_t) {
      std::cout << self->text.substr(self->text.find("\r\n\r\n") + 4);
    };
    asio::async_read(socket, asio::dynamic_buffer(text), done);
  }

  tcp::socket socket;
  tcp::endpoint to;
  std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  std::string text;
};

int main(int, char** argv) try {
  asio::io_context context;
  const tcp::endpoint to(asio::ip::make_address(argv[1]), static_cast<unsigned short>(std::stoi(argv[2])));
  for (int i = 0; i < 10; ++i) std::make_shared<Get>(context, to)->start();
  context.run();
  tcp::socket nobody(context);
  std::error_code error;
  nobody.connect(tcp::endpoint(to.address(), static_cast<unsigned short>(to.port() + 1)), error);
  std::cout << error.message() << '\n';
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
