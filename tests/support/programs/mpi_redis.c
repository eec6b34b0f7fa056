// SPDX-License-Identifier: Apache-2.0
// Ranks that share work through a Redis Service: each pushes TASKS numbers to a list, then all pop what anybody pushed, until
// it is empty. Speaks Redis' protocol by itself, so that each rank makes its own connection by name (argv[1], argv[2]: port).
// Rank 0 prints how many were popped and their sum; fails if some are missing or were popped twice.
#include <mpi.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void give_up(const char* what) {
  perror(what);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static FILE* connect_by_name(const char* name, const char* port) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo* found = NULL;
  const int error = getaddrinfo(name, port, &hints, &found);
  if (error != 0) {
    fprintf(stderr, "%s: %s\n", name, gai_strerror(error));
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  const int fd = socket(found->ai_family, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0) give_up("connect");
  freeaddrinfo(found);
  FILE* stream = fdopen(fd, "r+");
  if (stream == NULL) give_up("fdopen");
  return stream;
}

// One command, and the first line of its answer without its end; of a text, the text.
static void ask(FILE* redis, const char* command, char* answer, int size) {
  fseek(redis, 0, SEEK_CUR);
  if (fputs(command, redis) == EOF || fputs("\r\n", redis) == EOF || fflush(redis) != 0) give_up("send");
  if (fgets(answer, size, redis) == NULL) give_up("receive");
  if (answer[0] == '$' && strncmp(answer, "$-1", 3) != 0 && fgets(answer, size, redis) == NULL) give_up("receive");
  answer[strcspn(answer, "\r\n")] = '\0';
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  if (argc != 4) MPI_Abort(MPI_COMM_WORLD, 2);
  const long tasks = strtol(argv[3], NULL, 10);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  FILE* redis = connect_by_name(argv[1], argv[2]);
  char command[64];
  char answer[64];
  if (rank == 0) ask(redis, "DEL ranks", answer, sizeof answer);
  MPI_Barrier(MPI_COMM_WORLD);
  for (long i = 0; i < tasks; ++i) {
    snprintf(command, sizeof command, "RPUSH ranks %ld", rank * tasks + i);
    ask(redis, command, answer, sizeof answer);
    if (answer[0] != ':') give_up(answer);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  long mine[2] = {0, 0};
  for (;;) {
    ask(redis, "LPOP ranks", answer, sizeof answer);
    if (strcmp(answer, "$-1") == 0) break;
    ++mine[0];
    mine[1] += strtol(answer, NULL, 10);
  }
  long all[2] = {0, 0};
  MPI_Reduce(mine, all, 2, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
  const long count = tasks * ranks;
  int right = 1;
  if (rank == 0) {
    right = all[0] == count && all[1] == count * (count - 1) / 2;
    printf("%d ranks, %ld tasks, sum %ld\n", ranks, all[0], all[1]);
  }
  fclose(redis);
  MPI_Finalize();
  return right ? 0 : 1;
}
