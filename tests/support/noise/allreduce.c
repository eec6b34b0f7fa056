// SPDX-License-Identifier: Apache-2.0
// Times MPI_Allreduce of one double, COUNT times after a warm-up, as a simulation does at the end of each step: whatever
// holds up one rank holds up all. Rank 0 prints each time in nanoseconds, a line each.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int count = argc > 1 ? atoi(argv[1]) : 0;
  if (count < 1) {
    fprintf(stderr, "usage: allreduce COUNT\n");
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  double* seconds = malloc(sizeof *seconds * (size_t)count);
  if (seconds == NULL) MPI_Abort(MPI_COMM_WORLD, 1);
  double mine = rank;
  double sum = 0;
  MPI_Barrier(MPI_COMM_WORLD);
  for (int i = 0; i < count / 10; ++i) MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  for (int i = 0; i < count; ++i) {
    double begun = MPI_Wtime();
    MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    seconds[i] = MPI_Wtime() - begun;
  }
  if (rank == 0)
    for (int i = 0; i < count; ++i) printf("%.0f\n", seconds[i] * 1e9);
  free(seconds);
  MPI_Finalize();
  return 0;
}
