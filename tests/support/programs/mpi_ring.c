// SPDX-License-Identifier: Apache-2.0
// A number goes round all ranks, and each sends each a megabyte.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  int rank = 0;
  int size = 0;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  int number = 0;
  if (rank > 0) MPI_Recv(&number, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  number += rank;
  MPI_Send(&number, 1, MPI_INT, (rank + 1) % size, 0, MPI_COMM_WORLD);
  if (rank == 0) MPI_Recv(&number, 1, MPI_INT, size - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  enum { kBytes = 1 << 20 };
  char* out = calloc((size_t)size, kBytes);
  char* in = calloc((size_t)size, kBytes);
  for (int i = 0; i < size * kBytes; ++i) out[i] = (char)(rank + 1);
  MPI_Alltoall(out, kBytes, MPI_CHAR, in, kBytes, MPI_CHAR, MPI_COMM_WORLD);
  long sum = 0;
  for (int i = 0; i < size * kBytes; ++i) sum += in[i];
  if (rank == 0) printf("%d ranks, ring %d, megabytes %ld\n", size, number, sum / kBytes);
  free(out);
  free(in);
  MPI_Finalize();
  return 0;
}
