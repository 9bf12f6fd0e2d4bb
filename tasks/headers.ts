/**
 * `deno task headers`: writes the C headers of the guests, `vmi.h` from the tables of `core/vmi.ts`
 * and `s3c2440.h` from the register tables of the devices; and `monitor.h` of the monitor's routines.
 *
 * With `--check` nothing is written; the task fails if a committed header is not what the tables
 * say.
 *
 * @module
 */

import {
  CALL_KIND,
  CONTROL_FIELDS,
  DISPATCH,
  type Field,
  HC,
  type Hypercall,
  HYPERCALLS,
  INFO_FIELDS,
  LOG_ACTIONS,
  LOG_FAULTS,
  LOG_FIELDS,
  LOG_WHAT,
  MANIFEST_HEADER,
  MANIFEST_MAGIC,
  MANIFEST_RECORD,
  MANIFEST_VERSION,
  PAGE,
  PIECE,
  PIECE_KIND,
  POLICY_PRESET,
  SLOT_MAP,
  STATUS_FIELDS,
  VIRQ,
  VM_STATE,
  VM_STATE_NAMES,
  VMI_ERROR,
  VMI_MAGIC,
  VMI_VERSION,
} from "../core/vmi.ts";
import { DACR_MONITOR } from "../core/domains.ts";
import {
  CONTEXT,
  EAGER,
  GLOBAL,
  MAP,
  PIECE_REC,
  RUN_SET,
  SLOT_PID,
  UNIT,
  VM,
} from "../core/layout.ts";
import type { Register } from "../core/registers.ts";
import { BASE, type DeviceName } from "../core/s3c2440.ts";
import { CLKPWR_REGISTERS } from "../core/s3c2440_clkpwr.ts";
import { GPIO_REGISTERS } from "../core/s3c2440_gpio.ts";
import { INTC_REGISTERS, SOURCE, SUBSOURCE } from "../core/s3c2440_intc.ts";
import { MEMC_REGISTERS } from "../core/s3c2440_memc.ts";
import { PWM_REGISTERS } from "../core/s3c2440_pwm.ts";
import { RTC_REGISTERS } from "../core/s3c2440_rtc.ts";
import { uartRegisters } from "../core/s3c2440_uart.ts";
import { WDT_REGISTERS } from "../core/s3c2440_wdt.ts";
import { USER_CPSR } from "../core/vm.ts";

/** Where the generated headers lie, relative to this module. */
export const INCLUDE: URL = new URL("../guests/include/", import.meta.url);

/** Hypercalls whose result is 64 bits wide, in r0 (low) and r1. */
export const WIDE: ReadonlySet<string> = new Set(["TIME", "RECEIVE"]);

function hex(value: number): string {
  return "0x" + value.toString(16).padStart(8, "0");
}

function define(name: string, value: string | number, doc = ""): string {
  const line = `#define ${name.padEnd(24)} ${value}`;
  return doc === "" ? line : `${line.padEnd(48)} /* ${doc} */`;
}

/** A table of names and numbers as `#define PREFIX_NAME value` lines. */
function defines(prefix: string, table: Readonly<Record<string, number>>): string[] {
  return Object.entries(table).map(([name, value]) =>
    define(prefix + name, value < 0 ? `(${value})` : value > 0xffff ? hex(value) : value)
  );
}

/** The C structure of a page or record, with its gaps made visible and its offsets asserted. */
function structure(name: string, fields: readonly Field[], size?: number): string[] {
  const lines = [`struct ${name} {`];
  const asserts: string[] = [];
  let at = 0;
  const gap = (to: number) => {
    if (to > at) lines.push(`    uint8_t  reserved_${at.toString(16)}[${to - at}];`);
  };
  for (const field of fields) {
    gap(field.offset);
    const member = field.name.toLowerCase();
    const length = field.size ?? 4;
    const type = field.size === undefined
      ? `uint32_t ${member};`
      : `${/NUL/.test(field.doc) ? "char    " : "uint8_t "} ${member}[${length}];`;
    lines.push(`    ${type.padEnd(28)} /* ${hexOffset(field.offset)} ${field.doc} */`);
    asserts.push(
      `_Static_assert(offsetof(struct ${name}, ${member}) == ${hexOffset(field.offset)}, ` +
        `"${name}.${member}");`,
    );
    at = field.offset + length;
  }
  if (size !== undefined) gap(size);
  lines.push("};", ...asserts);
  return lines;
}

function hexOffset(offset: number): string {
  return "0x" + offset.toString(16).padStart(3, "0");
}

/** An initializer of an array of strings. */
function names(name: string, texts: readonly string[]): string {
  return `#define ${name} { ${texts.map((text) => `"${text}"`).join(", ")} }`;
}

/** An inline function that makes one hypercall. */
function inline(call: Hypercall): string[] {
  const result = WIDE.has(call.name) ? "uint64_t" : "int32_t";
  const name = `hc_${call.name.toLowerCase()}`;
  const parameters = call.args.map((a) => `uint32_t ${a}`).join(", ") || "void";
  const registers = Math.max(call.args.length, WIDE.has(call.name) ? 2 : 1);
  const lines = [`static inline ${result} ${name}(${parameters})`, "{"];
  lines.push(`    register uint32_t r12 __asm__("r12") = HC_${call.name};`);
  for (let i = 0; i < registers; i++) {
    const value = call.args[i] === undefined ? "" : ` = ${call.args[i]}`;
    lines.push(`    register uint32_t r${i} __asm__("r${i}")${value};`);
  }
  const outputs: string[] = [];
  const inputs: string[] = ['"r"(r12)'];
  for (let i = 0; i < registers; i++) {
    const argument = call.args[i] !== undefined;
    const written = i === 0 || (i === 1 && WIDE.has(call.name));
    if (written) outputs.push(`"${argument ? "+" : "="}r"(r${i})`);
    else inputs.push(`"r"(r${i})`);
  }
  lines.push(
    `    __asm__ volatile("swi 0" : ${outputs.join(", ")} : ${inputs.join(", ")} : "memory");`,
  );
  lines.push(
    WIDE.has(call.name) ? "    return (uint64_t)r1 << 32 | r0;" : "    return (int32_t)r0;",
  );
  lines.push("}", "");
  return lines;
}

/** The generated headers: text by file name. */
export function headers(): Readonly<Record<string, string>> {
  return { "vmi.h": vmiHeader(), "s3c2440.h": boardHeader(), "monitor.h": monitorHeader() };
}

const REGISTERS: Readonly<Partial<Record<DeviceName, readonly Register[]>>> = {
  MEMC: MEMC_REGISTERS,
  INTC: INTC_REGISTERS,
  CLKPWR: CLKPWR_REGISTERS,
  UART0: uartRegisters(true),
  UART1: uartRegisters(true),
  UART2: uartRegisters(false),
  PWM: PWM_REGISTERS,
  WDT: WDT_REGISTERS,
  GPIO: GPIO_REGISTERS,
  RTC: RTC_REGISTERS,
};

/** Text of `guests/include/s3c2440.h`. */
function boardHeader(): string {
  const lines = [
    "/*",
    " * Registers of the S3C2440A: addresses, by the manual's names after the name of the device.",
    " *",
    " * Generated from core/s3c2440*.ts by `deno task headers`; not to be edited.",
    " */",
    "#ifndef S3C2440_H",
    "#define S3C2440_H",
    "",
    "/* A register by its address. */",
    "#define REG(address) (*(volatile unsigned int *)(address))",
  ];
  for (const [device, registers] of Object.entries(REGISTERS)) {
    lines.push("");
    for (const r of registers) {
      lines.push(
        define(`${device}_${r.name}`, hex(BASE[device as DeviceName] + r.offset), r.doc),
      );
    }
  }
  lines.push(
    "",
    "/* Interrupt sources: bits of SRCPND, INTMSK and INTPND. */",
    ...defines("INT_", SOURCE),
    "",
    "/* Sub-sources: bits of SUBSRCPND and INTSUBMSK. */",
    ...defines("SUB_", SUBSOURCE),
    "",
    "#endif",
    "",
  );
  return lines.join("\n");
}

/** Text of `guests/include/monitor.h`: what the monitor's hand-written routines need to know. */
function monitorHeader(): string {
  const records = {
    GLOBAL,
    VM,
    UNIT,
    CONTEXT,
    PIECE: PIECE_REC,
    RUN_SET,
  };
  const register = (name: string) => INTC_REGISTERS.find((r) => r.name === name)!.offset;
  const lines = [
    "/*",
    " * The monitor's records: where they are, and the offsets of their fields.",
    " *",
    " * Generated from core/layout.ts by `deno task headers`; not to be edited.",
    " */",
    "#ifndef MONITOR_H",
    "#define MONITOR_H",
    "",
    define("GLOBAL", hex(MAP.GLOBAL)),
    define("MASTER", hex(MAP.MASTER)),
    define("VM_TABLE", hex(MAP.VM_TABLE)),
    define("UNIT_TASKS", VM.UNIT_AREA + 2 * UNIT.SIZE, "in a VM record: the first task's"),
    define("SLOT_PID", SLOT_PID),
    define("EAGER", hex(EAGER)),
    define("DACR_MONITOR", DACR_MONITOR),
    define("USER_CPSR", USER_CPSR),
    define("HC_DISPATCH", HC.DISPATCH),
    define("DISPATCH_RESULT", DISPATCH.RESULT),
    define("INFO_CUR_TASK", INFO_FIELDS.find((f) => f.name === "CUR_TASK")!.offset),
    define("INTC", hex(BASE.INTC)),
    ...["SRCPND", "INTPND", "INTOFFSET"].map((name) => define(`INTC_${name}`, register(name))),
  ];
  for (const [name, fields] of Object.entries(records)) {
    lines.push("", ...defines(`${name}_`, fields));
  }
  lines.push("", "#endif", "");
  return lines.join("\n");
}

/** Text of `guests/include/vmi.h`. */
function vmiHeader(): string {
  const lines = [
    "/*",
    " * The VM interface: what guests and monitor share.",
    " *",
    " * Generated from core/vmi.ts by `deno task headers`; not to be edited.",
    " */",
    "#ifndef VMI_H",
    "#define VMI_H",
    "",
    define("VMI_VERSION", VMI_VERSION),
    define("VMI_MAGIC", hex(VMI_MAGIC)),
    define("VMI_PAGE", hex(PAGE)),
    define("VMI_PIECE", hex(PIECE)),
    "",
    "/* Guest virtual addresses inside a slot. */",
    ...Object.entries(SLOT_MAP).map(([name, at]) => define(`SLOT_${name}`, hex(at))),
    "",
    "/* Virtual interrupt sources: bit numbers. */",
    ...defines("VIRQ_", VIRQ),
    "",
    "/* Flags of HC_DISPATCH. */",
    ...defines("DISPATCH_", DISPATCH),
    "",
    "/* Kinds of kernel calls, for HC_JOURNAL. */",
    ...defines("CALL_", CALL_KIND),
    "",
    "/* Recovery policies of HC_VM_POLICY. */",
    ...defines("POLICY_", POLICY_PRESET),
    "",
    "/* What a log entry tells of, and names for its details. */",
    ...defines("LOG_", LOG_WHAT),
    names("LOG_FAULT_NAMES", LOG_FAULTS),
    names("LOG_ACTION_NAMES", LOG_ACTIONS),
    "",
    "/* Numbers of the hypercalls, in r12. */",
    ...HYPERCALLS.map((call) => define(`HC_${call.name}`, call.number)),
    "",
    "/* Results below zero. */",
    ...defines("VMI_", VMI_ERROR),
    "",
    "/* States of a VM. */",
    ...defines("VM_", VM_STATE),
    define("VM_STATES", VM_STATE_NAMES.length),
    "",
    "/* The manifest. */",
    define("MANIFEST_MAGIC", hex(MANIFEST_MAGIC)),
    define("MANIFEST_VERSION", MANIFEST_VERSION),
    define("MANIFEST_HEADER", MANIFEST_HEADER),
    define("MANIFEST_RECORD", MANIFEST_RECORD),
    ...defines("PIECE_", PIECE_KIND),
    "",
    "#ifndef __ASSEMBLER__",
    "#include <stddef.h>",
    "#include <stdint.h>",
    "",
    names("VM_STATE_NAMES", VM_STATE_NAMES),
    "",
    "/* The control page: the guest kernel writes it. */",
    ...structure("vmi_control", CONTROL_FIELDS),
    "#define VMI_CONTROL ((volatile struct vmi_control *)SLOT_VMI_CONTROL)",
    "",
    "/* The info page: the monitor writes it. */",
    ...structure("vmi_info", INFO_FIELDS),
    "#define VMI_INFO ((const volatile struct vmi_info *)SLOT_VMI_INFO)",
    "",
    "/* What HC_VM_STATUS fills. */",
    ...structure("vmi_vm_status", STATUS_FIELDS),
    ...structure("vmi_log", LOG_FIELDS),
    "",
    "/* Hypercalls. Only from kernel mode; all registers but the result's are kept. */",
    ...HYPERCALLS.flatMap((call) => [`/* ${call.doc} */`, ...inline(call)]),
    "#endif",
    "#endif",
    "",
  ];
  return lines.join("\n");
}

if (import.meta.main) {
  let bad = false;
  for (const [name, text] of Object.entries(headers())) {
    const file = new URL(name, INCLUDE);
    if (!Deno.args.includes("--check")) {
      await Deno.mkdir(INCLUDE, { recursive: true });
      await Deno.writeTextFile(file, text);
    } else if (await Deno.readTextFile(file).catch(() => "") !== text) {
      console.error(`guests/include/${name} is not what the tables say: run deno task headers`);
      bad = true;
    }
  }
  if (bad) Deno.exit(1);
}
