/*
 * VM0: starts the other VMs, tells what becomes of them, and takes commands on its console.
 *
 * A guest like the others, but the only one whose management calls the monitor accepts.
 */
#include "vm0.h"

static uint8_t known[VMS];              /* the state last told */

int same(const char *a, const char *b)
{
    while (*a == *b && *a != '\0')
        a++, b++;
    return *a == *b;
}

uint32_t state_of(uint32_t vm, struct vmi_vm_status *status)
{
    int32_t state = hc_vm_status(vm, (uint32_t)status);

    if (state < 0 || state >= VM_STATES)
        return VM_NONE;
    return state == VM_WAITING ? VM_RUNNING : state;
}

const char *state_name(uint32_t state)
{
    static const char *const names[VM_STATES] = VM_STATE_NAMES;

    return names[state];
}

int image_name(uint32_t image, char name[NAME + 1])
{
    name[NAME] = '\0';
    return image < VMI_INFO->images && hc_image_name(image, (uint32_t)name) >= 0;
}

const char *error_text(int32_t error)
{
    switch (error) {
    case VMI_EPERM:
        return "not allowed";
    case VMI_EINVAL:
        return "no such thing";
    case VMI_ENOMEM:
        return "no memory left";
    case VMI_ESTATE:
        return "not in its state";
    default:
        return "refused";
    }
}

int32_t vm_create(uint32_t image)
{
    char    name[NAME + 1];
    int32_t vm;

    if (!image_name(image, name))
        return VMI_EINVAL;
    vm = hc_vm_create(image);
    if (vm < 0) {
        print("vm0: can't create %s: %s\n", name, error_text(vm));
        return vm;
    }
    if (vm < VMS)
        known[vm] = VM_CREATED;
    print("vm0: created %s as VM %d\n", name, vm);
    return vm;
}

void vm_start(uint32_t vm)
{
    uint8_t before = vm < VMS ? known[vm] : VM_NONE;
    int32_t error;

    if (vm < VMS)
        known[vm] = VM_RUNNING;         /* said here, not when the event comes */
    error = hc_vm_start(vm);
    if (error < 0) {
        print("vm0: can't start VM %u: %s\n", vm, error_text(error));
        if (vm < VMS)
            known[vm] = before;
        return;
    }
    print("vm0: started VM %u\n", vm);
}

/* Prints what has changed since the last look. */
static void look(void)
{
    struct vmi_vm_status status;
    uint32_t             vm;

    for (vm = 1; vm < VMS; vm++) {
        uint32_t state = state_of(vm, &status);

        if (state == known[vm])
            continue;
        known[vm] = state;
        if (state == VM_NONE)
            print("vm0: VM %u is gone\n", vm);
        else
            print("vm0: VM %u, %s, is %s\n", vm, status.name, state_name(state));
    }
}

/* The VMs that are there already: VM0 has been restarted, and they went on without it. */
static void take_over(void)
{
    struct vmi_vm_status status;
    uint32_t             vm;

    for (vm = 1; vm < VMS; vm++) {
        known[vm] = state_of(vm, &status);
        if (known[vm] != VM_NONE)
            print("vm0: found VM %u, %s, %s\n", vm, status.name, state_name(known[vm]));
    }
}

/* Is there a VM of that image's name? No two images have the same. */
static int is_made(uint32_t image)
{
    struct vmi_vm_status status;
    char                 name[NAME + 1];
    uint32_t             vm;

    for (vm = 1; vm < VMS; vm++)
        if (known[vm] != VM_NONE && state_of(vm, &status) != VM_NONE && image_name(image, name) &&
            same(status.name, name))
            return 1;
    return 0;
}

void plain_irq(uint32_t sources, uint32_t ticks)
{
    if (sources & 1u << VIRQ_VM_EVENT)
        look();
    if (sources & 1u << VIRQ_CONSOLE)
        shell_input();
}

int main(const char *argument)
{
    uint32_t             images = VMI_INFO->images;
    struct vmi_vm_status self;
    uint32_t             i;

    print("vm0: VM interface %u, %u guest%s in flash\n", VMI_INFO->version, images,
          images == 1 ? "" : "s");
    VMI_CONTROL->v_i = 1;               /* no look in the middle of it */
    state_of(0, &self);
    if (self.recoveries > 0)
        take_over();
    for (i = 0; i < images; i++) {
        int32_t vm = self.recoveries > 0 && is_made(i) ? -1 : vm_create(i);

        if (vm >= 0)
            vm_start(vm);
    }
    VMI_CONTROL->v_i = 0;
    for (;;)
        hc_wait();
}
