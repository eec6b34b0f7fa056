// SPDX-License-Identifier: Apache-2.0
// Handle<T, fn>: a unique_ptr for a C library's object that `fn` frees.
#pragma once

#include <memory>

namespace sublet {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    (void)Free(object);  // NOLINT(cppcoreguidelines-owning-memory): the unique_ptr owns it
  }
};

template <typename T, auto Free>
using Handle = std::unique_ptr<T, Deleter<Free>>;

}  // namespace sublet
