/* CRC-32, as in Ethernet. */
#ifndef CRC_H
#define CRC_H

#include "ucos_ii.h"

static INT32U crc32(INT32U crc, const void *data, INT32U length)
{
    const INT8U *at = data;
    INT32U       bit;

    crc = ~crc;
    while (length-- > 0) {
        crc ^= *at++;
        for (bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

#endif
