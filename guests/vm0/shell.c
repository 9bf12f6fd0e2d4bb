/*
 * The shell of VM0: a command a line. It runs in the interrupt that brought the input, so nothing
 * of VM0 goes on beside it.
 */
#include "vm0.h"

#define LINE  80
#define WORDS 4

struct command {
    const char *name;
    const char *arguments;
    const char *what;
    void (*run)(char **words, uint32_t count);
    uint8_t least;                      /* words after the name */
};

static char    line[LINE];
static uint8_t length;
static uint8_t too_long;

/* A decimal number, or -1. */
static int32_t number(const char *text)
{
    int32_t value = 0;

    if (*text == '\0')
        return -1;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (value > 99999)
            return -1;
        value = value * 10 + (*text - '0');
    }
    return *text == '\0' ? value : -1;
}

/* The VM that a word names, by number or name; says so and gives -1 if there is none. */
static int32_t find_vm(const char *word)
{
    struct vmi_vm_status status;
    int32_t              vm = number(word);

    if (vm >= 0 && vm < VMS && state_of(vm, &status) != VM_NONE)
        return vm;
    for (vm = 0; vm < VMS; vm++)
        if (state_of(vm, &status) != VM_NONE && same(status.name, word))
            return vm;
    print("vm0: no VM %s; list shows them\n", word);
    return -1;
}

static int32_t find_image(const char *word)
{
    char    name[NAME + 1];
    int32_t image = number(word);

    if (image >= 0 && image_name(image, name))
        return image;
    for (image = 0; image_name(image, name); image++)
        if (same(name, word))
            return image;
    print("vm0: no image %s; list shows them\n", word);
    return -1;
}

/* Does something to a VM and tells how it went. */
static void act(const char *word, int32_t (*call)(uint32_t), const char *done)
{
    int32_t vm = find_vm(word);
    int32_t error;

    if (vm < 0)
        return;
    error = call(vm);
    if (error < 0)
        print("vm0: VM %d: %s\n", vm, error_text(error));
    else
        print("vm0: VM %d: %s\n", vm, done);
}

static void run_list(char **words, uint32_t count)
{
    struct vmi_vm_status status;
    char                 name[NAME + 1];
    uint32_t             i;

    for (i = 0; image_name(i, name); i++)
        print("vm0: image %u %s\n", i, name);
    for (i = 0; i < VMS; i++) {
        uint32_t state = state_of(i, &status);

        if (state != VM_NONE)
            print("vm0: VM %u %s %s, %u faults, %u recoveries\n", i, status.name, state_name(state),
                  status.faults, status.recoveries);
    }
}

static void run_create(char **words, uint32_t count)
{
    int32_t image = find_image(words[1]);

    if (image >= 0)
        vm_create(image);
}

static void run_boot(char **words, uint32_t count)
{
    int32_t image = find_image(words[1]);
    int32_t vm = image >= 0 ? vm_create(image) : -1;

    if (vm >= 0)
        vm_start(vm);
}

static void run_start(char **words, uint32_t count)
{
    int32_t vm = find_vm(words[1]);

    if (vm >= 0)
        vm_start(vm);
}

static void run_stop(char **words, uint32_t count)
{
    act(words[1], hc_vm_stop, "stopping");
}

static void run_delete(char **words, uint32_t count)
{
    act(words[1], hc_vm_delete, "deleting");
}

static void run_status(char **words, uint32_t count)
{
    struct vmi_vm_status status;
    int32_t              vm = find_vm(words[1]);

    if (vm < 0)
        return;
    print("vm0: VM %d %s is %s\n", vm, status.name, state_name(state_of(vm, &status)));
    print("vm0: VM %d: %u task areas, %u times switched in, %u task switches\n", vm, status.tasks,
          status.vm_switches, status.task_switches);
    print("vm0: VM %d: %u checkpoints, %u faults, %u recoveries\n", vm, status.checkpoints, status.faults,
          status.recoveries);
}

static const struct {
    const char *name;
    uint32_t    preset;
} policies[] = {
    { "default", POLICY_DEFAULT },     { "stop", POLICY_STOP }, { "restart", POLICY_RESTART },
    { "immediate", POLICY_IMMEDIATE }, { "halt", POLICY_HALT },
};

static void run_policy(char **words, uint32_t count)
{
    int32_t  vm = find_vm(words[1]);
    int32_t  error;
    uint32_t i;

    if (vm < 0)
        return;
    for (i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (!same(policies[i].name, words[2]))
            continue;
        error = hc_vm_policy(vm, policies[i].preset);
        print("vm0: VM %d: %s\n", vm, error < 0 ? error_text(error) : "has that policy");
        return;
    }
    print("vm0: no policy %s; allowed: default, stop, restart, immediate, halt\n", words[2]);
}

/* backup [now] VM */
static void run_backup(char **words, uint32_t count)
{
    act(words[count - 1], hc_vm_backup, "checkpoint at its next switch");
}

/* Says so first: UART0 carries the output of who has the console. */
static void run_console(char **words, uint32_t count)
{
    int32_t vm = find_vm(words[1]);
    int32_t error;

    if (vm < 0)
        return;
    print("vm0: VM %d: has the console; ~ brings it back\n", vm);
    error = hc_vm_console(vm);
    if (error < 0)
        print("vm0: VM %d: %s\n", vm, error_text(error));
}

/* Names of the management calls, in the order of their numbers. */
static const char *const management[] = {
    "create", "start", "stop", "delete", "status", "backup", "image name", "policy", "log", "console",
};

_Static_assert(HC_VM_CONSOLE - HC_VM_CREATE + 1 == sizeof management / sizeof management[0],
               "a name for each management call");

static void run_log(char **words, uint32_t count)
{
    static const char *const faults[] = LOG_FAULT_NAMES;
    static const char *const actions[] = LOG_ACTION_NAMES;
    struct vmi_log           entry;
    int32_t                  most = count > 1 ? number(words[1]) : 10;
    int32_t                  i;

    if (most < 0) {
        print("vm0: log takes a number\n");
        return;
    }
    for (i = 0; i < most && hc_vm_log(i, (uint32_t)&entry) == 1; i++) {
        uint32_t    ms = ((uint64_t)entry.time_hi << 32 | entry.time_lo) / 1000000;
        uint32_t    d = entry.detail;
        const char *what = "?";

        if (entry.what == LOG_FAULT && d < sizeof faults / sizeof faults[0])
            what = faults[d];
        if (entry.what == LOG_RECOVERY && d < sizeof actions / sizeof actions[0])
            what = actions[d];
        if (entry.what == LOG_STATE && d < VM_STATES)
            what = state_name(d);
        if (entry.what == LOG_REFUSED && d >= HC_VM_CREATE && d <= HC_VM_CONSOLE)
            what = management[d - HC_VM_CREATE];
        print("vm0: %u ms VM %u", ms, entry.vm);
        if (entry.task != 0xffffffff)
            print(" task %u", entry.task);
        print(entry.what == LOG_REFUSED ? " may not manage: %s" : " %s", what);
        if (entry.what == LOG_FAULT)
            print(" at %08x", entry.address);
        print("\n");
    }
    if (i == 0)
        print("vm0: the log is empty\n");
}

static void run_help(char **words, uint32_t count);

static const struct command commands[] = {
    { "list", "", "images and VMs", run_list, 0 },
    { "create", "IMAGE", "makes a VM of an image", run_create, 1 },
    { "boot", "IMAGE", "makes it and starts it", run_boot, 1 },
    { "start", "VM", "starts it, or goes on with it", run_start, 1 },
    { "stop", "VM", "takes it off the CPU", run_stop, 1 },
    { "delete", "VM", "gives its memory back", run_delete, 1 },
    { "status", "VM", "its figures", run_status, 1 },
    { "policy", "VM POLICY", "what is done about its errors", run_policy, 2 },
    { "backup", "[now] VM", "a checkpoint", run_backup, 1 },
    { "console", "VM", "gives it the console's input", run_console, 1 },
    { "log", "[COUNT]", "the newest faults, recoveries and states", run_log, 0 },
    { "help", "", "this", run_help, 0 },
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void run_help(char **words, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < COMMANDS; i++)
        print("vm0: %8s %10s %s\n", commands[i].name, commands[i].arguments, commands[i].what);
}

/* Carries out the line. */
static void carry_out(void)
{
    char    *words[WORDS];
    uint32_t count = 0, i;

    for (i = 0; i < length;) {
        while (i < length && line[i] == ' ')
            line[i++] = '\0';
        if (i == length)
            break;
        if (count == WORDS) {
            print("vm0: too many words\n");
            return;
        }
        words[count++] = &line[i];
        while (i < length && line[i] != ' ')
            i++;
    }
    line[length] = '\0';
    if (count == 0)
        return;
    for (i = 0; i < COMMANDS; i++) {
        if (!same(commands[i].name, words[0]))
            continue;
        if (count <= commands[i].least)
            print("vm0: usage: %s %s\n", commands[i].name, commands[i].arguments);
        else
            commands[i].run(words, count);
        return;
    }
    print("vm0: no command %s; help lists them\n", words[0]);
}

void shell_input(void)
{
    char c;

    while (hc_console_read((uint32_t)&c, 1) == 1) {
        if (c == '\n' || c == '\r') {
            if (too_long)
                print("vm0: the line is too long\n");
            else
                carry_out();
            length = too_long = 0;
        } else if (c == '\b' || c == 0x7f) {
            length -= length > 0;
        } else if (length < LINE - 1) {
            line[length++] = c >= ' ' ? c : ' ';
        } else {
            too_long = 1;
        }
    }
}
