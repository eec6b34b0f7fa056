// SPDX-License-Identifier: Apache-2.0
// Fixed work quanta: does the same piece of work COUNT times and prints how long each took, in nanoseconds, a line each.
// What a quantum takes beyond the fastest one was taken by somebody else.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char** argv) {
  int count = argc > 1 ? atoi(argv[1]) : 0;
  if (count < 1) {
    fprintf(stderr, "usage: quanta COUNT\n");
    return 2;
  }
  uint64_t* took = malloc(sizeof *took * (size_t)count);
  if (took == NULL) return 1;
  volatile uint64_t sink = 1;
  for (int i = 0; i < count; ++i) {
    uint64_t begun = now();
    uint64_t x = sink;
    for (int k = 0; k < 60000; ++k) x = x * 6364136223846793005u + 1442695040888963407u;  // about 50 us
    sink = x;
    took[i] = now() - begun;
  }
  for (int i = 0; i < count; ++i) printf("%llu\n", (unsigned long long)took[i]);
  free(took);
  return 0;
}
