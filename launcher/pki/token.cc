// SPDX-License-Identifier: Apache-2.0
#include "launcher/pki/token.h"

#include <openssl/rand.h>

#include <array>
#include <string_view>

namespace sublet::launcher {

Result<std::string> random_token(std::size_t length) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  // Larger bytes are thrown away: they would make the first letters likelier.
  constexpr unsigned kEven = 256 / kAlphabet.size() * kAlphabet.size();
  std::string token;
  while (token.size() < length) {
    std::array<unsigned char, 64> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return fail("no random bytes from OpenSSL");
    for (const unsigned char byte : bytes) {
      if (token.size() == length) break;
      if (byte < kEven) token += kAlphabet[byte % kAlphabet.size()];
    }
  }
  return token;
}

Result<std::string> bootstrap_token() {
  constexpr std::size_t kIdLength = 6;
  constexpr std::size_t kSecretLength = 16;
  return TRY(random_token(kIdLength)) + "." + TRY(random_token(kSecretLength));
}

}  // namespace sublet::launcher
