// SPDX-License-Identifier: Apache-2.0
// The process of a pod's sandbox container: holds the pod's namespaces, reaps orphans where it is PID 1 (a pod with
// shareProcessNamespace), and ends at SIGTERM or SIGINT. One static program without any other file.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--version") == 0) {
    puts("sublet pause 1");
    return 0;
  }

  // A blocked signal reaches PID 1 although it has no handler for it (pid_namespaces(7)).
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
    perror("pause: sigprocmask");
    return 1;
  }

  for (;;) {
    int number = 0;
    if (sigwait(&set, &number) != 0) continue;
    if (number != SIGCHLD) return 0;
    // Several children may have ended for one SIGCHLD.
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
  }
}
