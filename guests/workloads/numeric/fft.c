/*
 * A number-theoretic transform: the FFT's butterflies in the field of 65537, where the answer is
 * exact. 3 is a primitive root, so 3^(65536/64) is a root of unity of order 64. Forward, backward,
 * and the signal must be back.
 */
#include "numeric.h"

#define POINTS 64
#define FIELD  65537

static INT32U power(INT32U base, INT32U exponent)
{
    INT32U result = 1;

    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            result = (uint64_t)result * base % FIELD;
        base = (uint64_t)base * base % FIELD;
    }
    return result;
}

static void transform(INT32U *x, INT32U root)
{
    INT32U i, j, k, half;

    for (i = 1, j = 0; i < POINTS; i++) {           /* bits of the index reversed */
        INT32U bit = POINTS >> 1;

        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            INT32U swap = x[i];

            x[i] = x[j];
            x[j] = swap;
        }
    }
    for (half = 1; half < POINTS; half *= 2) {
        INT32U step = power(root, POINTS / (2 * half));

        for (i = 0; i < POINTS; i += 2 * half) {
            INT32U turn = 1;

            for (k = i; k < i + half; k++) {
                INT32U odd = (uint64_t)x[k + half] * turn % FIELD;

                x[k + half] = (x[k] + FIELD - odd) % FIELD;
                x[k] = (x[k] + odd) % FIELD;
                turn = (uint64_t)turn * step % FIELD;
            }
        }
    }
}

void fft(void *pdata)
{
    static INT32U signal[POINTS], x[POINTS];
    INT32U        round, i, seed = 3, every = ticks_between();
    INT32U        root = power(3, (FIELD - 1) / POINTS);

    for (round = 1;; round++) {
        BOOLEAN good = TRUE;
        INT32U  checksum;

        for (i = 0; i < POINTS; i++)
            x[i] = signal[i] = next_random(&seed) >> 16;
        transform(x, root);
        checksum = crc32(0, x, sizeof x);
        transform(x, power(root, FIELD - 2));
        for (i = 0; i < POINTS; i++)
            good &= (uint64_t)x[i] * power(POINTS, FIELD - 2) % FIELD == signal[i];
        tell("fft: round %u checksum %08x %s\n", round, checksum, good);
        OSTimeDly(every);
    }
}
