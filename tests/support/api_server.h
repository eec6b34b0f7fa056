// SPDX-License-Identifier: Apache-2.0
// A small TLS server that asks for client certificates, and answers as the test that has it says.
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>

#include <functional>
#include <memory>

#include "base/handle.h"
#include "base/strings.h"
#include "launcher/api/client.h"
#include "launcher/pki/cluster_pki.h"
#include "tests/support/loopback.h"

namespace sublet::launcher {

inline const ClusterPki& pki() {
  static const ClusterPki kMade = *create_cluster_pki({.node_name = "n", .node_ips = {}, .service_ip = "10.43.0.1"});
  return kMade;
}

struct Request {
  std::string method;
  std::string path;
  std::string head;
  std::string body;
};

// "200 {…}": what the test wants answered. "cut {…}": the same, and away in the middle of it; "": away without a word.
using Answerer = std::function<std::string(const Request&)>;

template <typename T, auto Free, typename Read>
Handle<T, Free> read_pem(const std::string& pem, Read read) {
  const Handle<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Handle<T, Free>(read(bio.get(), nullptr, nullptr, nullptr));
}

// Speaks TLS and HTTP/1.1 with kept-alive connections: enough for one client.
class ApiServer {
 public:
  explicit ApiServer(Answerer answer) : answer_(std::move(answer)), context_(SSL_CTX_new(TLS_server_method())) {
    (void)::signal(SIGPIPE, SIG_IGN);
    const auto ca = read_pem<X509, X509_free>(pki().ca.cert_pem, PEM_read_bio_X509);
    const auto own = read_pem<X509, X509_free>(pki().apiserver.cert_pem, PEM_read_bio_X509);
    const auto key = read_pem<EVP_PKEY, EVP_PKEY_free>(pki().apiserver.key_pem, PEM_read_bio_PrivateKey);
    SSL_CTX_use_certificate(context_.get(), own.get());
    SSL_CTX_use_PrivateKey(context_.get(), key.get());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), ca.get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Without it OpenSSL refuses to resume a session with a client certificate.
    SSL_CTX_set_session_id_context(context_.get(), reinterpret_cast<const unsigned char*>("t"), 1);
    server_ = std::make_unique<test::Server>([this](int fd) { serve(fd); });
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] int connections() const { return server_->accepted(); }

 private:
  void serve(int fd) {
    const Handle<SSL, SSL_free> ssl(SSL_new(context_.get()));
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) return;
    std::string input;
    while (auto request = next(ssl.get(), input)) {
      const std::string answer = answer_(*request);
      if (answer.empty()) return;  // goes away without a word
      const bool cut = answer.starts_with("cut");
      const std::string body = answer.substr(4);
      const std::string text = "HTTP/1.1 " + (cut ? "200" : answer.substr(0, 3)) +
                               " X\r\nContent-Length: " + std::to_string(body.size() + (cut ? 1 : 0)) + "\r\n\r\n" +
                               body;
      if (SSL_write(ssl.get(), text.data(), static_cast<int>(text.size())) <= 0 || cut) return;
    }
  }

  static std::optional<Request> next(SSL* ssl, std::string& input) {
    const auto more = [&] {
      std::array<char, 16384> buffer{};
      const int count = SSL_read(ssl, buffer.data(), static_cast<int>(buffer.size()));
      if (count > 0) input.append(buffer.data(), static_cast<std::size_t>(count));
      return count > 0;
    };
    std::size_t end = 0;
    while ((end = input.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return std::nullopt;
    Request request{.head = input.substr(0, end)};
    std::size_t length = 0;
    for (const std::string& line : lines(request.head))
      if (line.starts_with("Content-Length: ")) length = *parse_int<std::size_t>(trim(line.substr(16)));
    while (input.size() < end + 4 + length)
      if (!more()) return std::nullopt;
    const auto first = words(lines(request.head)[0]);
    request.method = first[0];
    request.path = first[1];
    request.body = input.substr(end + 4, length);
    input.erase(0, end + 4 + length);
    return request;
  }

  Answerer answer_;
  Handle<SSL_CTX, SSL_CTX_free> context_;
  std::unique_ptr<test::Server> server_;
};

inline ClientPlan plan(std::uint16_t port, const KeyAndCert& who = pki().sublet) {
  return {.server = "https://127.0.0.1:" + std::to_string(port),
          .ca_pem = pki().ca.cert_pem,
          .cert_pem = who.cert_pem,
          .key_pem = who.key_pem};
}

}  // namespace sublet::launcher
