/* What server and client send each other. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "../crc.h"
#include "app.h"

#define WORDS 16

struct request {
    INT32U number;                      /* from 1 on */
    INT32U words[WORDS];
    INT32U crc;                         /* of what is before */
};

struct answer {
    INT32U number;                      /* of the request */
    INT32U sum;                         /* of its words */
    INT32U crc;
};

#endif
