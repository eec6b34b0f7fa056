// SPDX-License-Identifier: Apache-2.0
// CHECK(condition): an assertion that is always on, for bugs of ours. A bad config, host or peer is never a CHECK.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                                             \
  do {                                                                                               \
    if (!(condition)) {                                                                              \
      std::fprintf(stderr, "%s:%d: bug: CHECK(%s) does not hold\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                  \
    }                                                                                                \
  } while (false)
