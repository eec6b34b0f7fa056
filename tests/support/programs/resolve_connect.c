// SPDX-License-Identifier: Apache-2.0
// resolve_connect NAME PORT: resolves NAME, connects, and prints each address of it and whether that was taken. What a program
// of any libc does, dynamic or static, 64-bit or 32-bit.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo* all = NULL;
  const int error = getaddrinfo(argv[1], argv[2], &hints, &all);
  if (error != 0) {
    fprintf(stderr, "%s: %s\n", argv[1], gai_strerror(error));
    return 1;
  }
  int failed = 0;
  for (const struct addrinfo* each = all; each != NULL; each = each->ai_next) {
    char text[64];
    getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    const int fd = socket(each->ai_family, SOCK_STREAM, 0);
    const int connected = fd >= 0 && connect(fd, each->ai_addr, each->ai_addrlen) == 0;
    if (!connected) failed = 1;
    printf("%s %s\n", text, connected ? "connected" : "refused");
    close(fd);
  }
  freeaddrinfo(all);
  return failed;
}
