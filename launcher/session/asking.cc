// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/asking.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "base/process.h"
#include "base/strings.h"

namespace sublet::launcher {
namespace {

Result<std::string> ask(const Inquiry& inquiry, int stop) {
  Command command;
  command.argv = inquiry.argv;
  auto path = find_program(inquiry.argv.front());
  if (!path) return fail(inquiry.argv.front() + " is not installed here");
  command.path = *path;
  command.new_session = true;
  constexpr int kTimeMs = 10'000;
  Output output = TRY(run(std::move(command), kTimeMs, stop));
  if (output.status.success()) return std::move(output.out);
  return fail(inquiry.argv.front() + ": " + output.status.describe() + " " + join(last_lines(output.err, 1), ""));
}

}  // namespace

Result<std::unique_ptr<Asking>> Asking::start(Inquiry inquiry, std::function<void(Result<std::string>)> answered) {
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return fail_errno("eventfd");
  std::unique_ptr<Asking> asking(new Asking(std::move(stop)));
  asking->thread_ =
      std::thread([fd = asking->stop_.get(), inquiry = std::move(inquiry), answered = std::move(answered)]() mutable {
        auto answer = ask(inquiry, fd);
        pollfd stopped{fd, POLLIN, 0};
        if (::poll(&stopped, 1, 0) == 0) answered(std::move(answer));
      });
  return asking;
}

Asking::~Asking() {
  (void)::eventfd_write(stop_.get(), 1);  // fails only when 2^64-1 wakings wait
  thread_.join();
}

}  // namespace sublet::launcher
