/*
 * The manifest: which addresses are what, for the monitor's loader.
 */
#include "vmi.h"

#define NAME(text) 9: .ascii text; .space 16 - (. - 9b)

        .section .understudy, "", %progbits
        .word   MANIFEST_MAGIC, MANIFEST_VERSION, (2f - 1f) / MANIFEST_RECORD, 0
1:
        .word   PIECE_KERNEL, SLOT_KERNEL, kernel_text_end, kernel_text_end, kernel_data_end
        .word   kernel_stack_start, kernel_stack_end, vectors
        NAME("kernel")
        .word   PIECE_COMMON, SLOT_COMMON, common_text_end, 0, 0, 0, 0, 0
        NAME("common")
#define APP_TASK(area, function, priority, stack) \
        .word   PIECE_TASK, task##area##_text_start, task##area##_text_end; \
        .word   task##area##_data_start, task##area##_data_end; \
        .word   task##area##_stack_start, task##area##_stack_end, function; \
        NAME(#function);
#define APP_SHARED \
        .word   PIECE_SHARED, 0, 0, shared_start, shared_end, 0, 0, 0; \
        NAME("shared");
#include "app_list.h"
2:
