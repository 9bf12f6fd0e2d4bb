/*
 * Planted bugs, chosen by the boot argument: `bug=NAME@TIME`, as in `bug=wild-pointer@200ms`.
 *
 * A task that may have bugs calls bug_arm() first and bug_step() at each of its steps. The time
 * counts from bug_arm(): a task that is restarted from its image comes to its bug again.
 */
#ifndef BUG_H
#define BUG_H

#include "ucos_ii.h"

/* BUG(id, name): where each is, guests/README.md says. */
#define BUGS                                                                                       \
    BUG(KERNEL_WRITE, "kernel-write")                                                              \
    BUG(WILD_POINTER, "wild-pointer")                                                              \
    BUG(NULL_CALL, "null-call")                                                                    \
    BUG(STACK_OVERFLOW, "stack-overflow")                                                          \
    BUG(UNDEFINED, "undefined")                                                                    \
    BUG(JUMP_DATA, "jump-data")                                                                    \
    BUG(MISALIGNED, "misaligned")                                                                  \
    BUG(LOOP, "loop")                                                                              \
    BUG(CALLS, "calls")                                                                            \
    BUG(CORRUPT, "corrupt")                                                                        \
    BUG(DOUBLE_FREE, "double-free")                                                                \
    BUG(NEVER_POSTED, "never-posted")                                                              \
    BUG(KERNEL_LIST, "kernel-list")                                                                \
    BUG(KERNEL_LOOP, "kernel-loop")                                                                \
    BUG(HYPERCALLS, "hypercalls")

enum bug {
    BUG_NONE,
#define BUG(id, name) BUG_##id,
    BUGS
#undef BUG
    BUG_UNKNOWN
};

/* Reads `bug=NAME@TIME` anywhere in an argument; ticks: 0 if there is no time. */
enum bug bug_parse(const volatile char *argument, INT32U *ticks);

/* Decimal number after `key=` in an argument, or `otherwise`. */
INT32U argument_number(const volatile char *argument, const char *key, INT32U otherwise);

/* Arms the bug of the boot argument, if it is one of tasks. */
void bug_arm(void);

/*
 * Does the bug when its time has come. Gives the bug, from then on, if it is one that the caller has
 * to do itself: CORRUPT, DOUBLE_FREE, NEVER_POSTED.
 */
enum bug bug_step(void);

#endif
