// SPDX-License-Identifier: Apache-2.0
// Errors are values. A message reads from the outside in ("starting kubelet: open /x/kubelet.json: No such file or
// directory"); the hint is what the user can do about it.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace sublet {

/// Exit statuses that the command line promises (sublet(1), EXIT STATUS).
enum class ExitCode : int {
  kOk = 0,
  kFailure = 1,
  kUsage = 2,
  kPrerequisite = 3,
  kNotReady = 4,
  kWalltime = 5,
};

/// What went wrong, where, and what can be done. `exit` is the status that the program ends with if nobody handles it.
struct Error {
  std::string what;
  std::string hint;
  std::error_code code;
  ExitCode exit = ExitCode::kFailure;

  /// The same error seen from further out: "context: what".
  [[nodiscard]] Error while_doing(std::string_view context) && {
    what.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
  [[nodiscard]] Error with_hint(std::string text) && {
    hint = std::move(text);
    return std::move(*this);
  }
  [[nodiscard]] Error with_exit(ExitCode status) && {
    exit = status;
    return std::move(*this);
  }
  [[nodiscard]] bool is(int errno_value) const { return code == std::error_code(errno_value, std::generic_category()); }
};

template <typename T>
using Result = tl::expected<T, Error>;
using Unexpected = tl::unexpected<Error>;

/// An error of our own making: bad input, an unmet condition.
[[nodiscard]] inline Unexpected fail(std::string what, std::string hint = {}, ExitCode exit = ExitCode::kFailure) {
  return Unexpected(Error{std::move(what), std::move(hint), {}, exit});
}

/// An error that the kernel reported: "what: strerror(errno_value)".
[[nodiscard]] inline Unexpected fail_errno(std::string what, int errno_value = errno) {
  std::error_code code(errno_value, std::generic_category());
  return Unexpected(Error{std::move(what) + ": " + code.message(), {}, code, ExitCode::kFailure});
}

/// One line, or two where there is a hint: how an error is shown to a person.
[[nodiscard]] inline std::string to_string(const Error& error) {
  return error.hint.empty() ? error.what : error.what + "\n  hint: " + error.hint;
}

/// The value of a Result that has one. (tl::expected 1.0 gives no value() for an rvalue of void.)
template <typename T>
[[nodiscard]] T take(Result<T>&& result) {
  return std::move(*result);
}
inline void take(Result<void>&&) {}

}  // namespace sublet

// Gives the value of a Result, or returns its error from the enclosing function. Not after clone/fork in a child, and
// not nested.
#define TRY(expression)                                                      \
  __extension__({                                                            \
    auto try_result_ = (expression);                                         \
    if (!try_result_) return tl::unexpected(std::move(try_result_).error()); \
    ::sublet::take(std::move(try_result_));                                  \
  })
// The same, with the context that the caller knows and the callee does not.
#define TRY_WHILE(context, expression)                                                            \
  __extension__({                                                                                 \
    auto try_result_ = (expression);                                                              \
    if (!try_result_) return tl::unexpected(std::move(try_result_).error().while_doing(context)); \
    ::sublet::take(std::move(try_result_));                                                       \
  })
