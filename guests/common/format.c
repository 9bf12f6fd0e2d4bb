/*
 * The formatter behind OSPrintf() and the plain guests' print(). No state of its own, so that it can
 * be in common text.
 */
#include "format.h"

struct out {
    char    *at;
    char    *end;
};

static void put(struct out *out, char c)
{
    if (out->at < out->end)
        *out->at++ = c;
}

static void put_number(struct out *out, uint32_t value, uint32_t base, int minus, int width, char pad)
{
    char digits[10];
    int  n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (minus && pad == '0')
        put(out, '-');
    for (width -= n + minus; width > 0; width--)
        put(out, pad);
    if (minus && pad != '0')
        put(out, '-');
    while (n > 0)
        put(out, digits[--n]);
}

uint32_t format(char *buffer, uint32_t size, const char *text, va_list arguments)
{
    struct out out = { buffer, buffer + size };

    for (; *text != '\0'; text++) {
        char        pad = ' ';
        int         width = 0;
        const char *string;
        int32_t     value;

        if (*text != '%') {
            put(&out, *text);
            continue;
        }
        text++;
        if (*text == '0')
            pad = '0';
        for (; *text >= '0' && *text <= '9'; text++)
            width = width * 10 + (*text - '0');
        while (*text == 'l')
            text++;
        switch (*text) {
        case 'd':
            value = va_arg(arguments, int32_t);
            put_number(&out, value < 0 ? 0u - (uint32_t)value : (uint32_t)value, 10, value < 0, width,
                       pad);
            break;
        case 'u':
            put_number(&out, va_arg(arguments, uint32_t), 10, 0, width, pad);
            break;
        case 'x':
            put_number(&out, va_arg(arguments, uint32_t), 16, 0, width, pad);
            break;
        case 'c':
            put(&out, (char)va_arg(arguments, int));
            break;
        case 's':
            for (string = va_arg(arguments, const char *); *string != '\0'; string++, width--)
                put(&out, *string);
            for (; width > 0; width--)
                put(&out, ' ');
            break;
        case '\0':
            return out.at - buffer;
        default:
            put(&out, *text);
        }
    }
    return out.at - buffer;
}
