/*
 * Multiplies matrices and checks the product with a vector: (AB)v must be A(Bv).
 */
#include "numeric.h"

#define SIDE 8

static INT32S a[SIDE][SIDE], b[SIDE][SIDE], ab[SIDE][SIDE];

static void times(INT32S m[SIDE][SIDE], const INT32S *v, INT32S *result)
{
    INT32U i, k;

    for (i = 0; i < SIDE; i++)
        for (result[i] = 0, k = 0; k < SIDE; k++)
            result[i] += m[i][k] * v[k];
}

void matrix(void *pdata)
{
    INT32U round, i, j, k, seed = 1, every = ticks_between();
    INT32S v[SIDE], bv[SIDE], left[SIDE], right[SIDE];

    bug_arm();
    for (round = 1;; round++) {
        BOOLEAN good = TRUE;

        for (i = 0; i < SIDE; i++) {
            v[i] = (INT32S)next_random(&seed) >> 24;
            for (j = 0; j < SIDE; j++) {
                a[i][j] = (INT32S)next_random(&seed) >> 22;
                b[i][j] = (INT32S)next_random(&seed) >> 22;
            }
        }
        for (i = 0; i < SIDE; i++)
            for (j = 0; j < SIDE; j++)
                for (ab[i][j] = 0, k = 0; k < SIDE; k++)
                    ab[i][j] += a[i][k] * b[k][j];
        if (bug_step() == BUG_CORRUPT)
            ab[round % SIDE][0] ^= 1u << round % 20;
        times(ab, v, left);
        times(b, v, bv);
        times(a, bv, right);
        for (i = 0; i < SIDE; i++)
            good &= left[i] == right[i];
        tell("matrix: round %u checksum %08x %s\n", round, crc32(0, ab, sizeof ab), good);
        OSTimeDly(every);
    }
}
