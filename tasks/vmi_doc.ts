/**
 * `deno task vmi-doc`: writes the tables of `docs/vmi.md` from those of `core/vmi.ts`. The prose around
 * them is written by hand and stays.
 *
 * With `--check` nothing is written; the task fails if a table is not what the interface says.
 *
 * @module
 */

import { INPUT_RING, MAX_VMS, MESSAGE, MESSAGE_RING } from "../core/layout.ts";
import {
  CALL_KIND,
  CONTROL_FIELDS,
  DISPATCH,
  type Field,
  HYPERCALLS,
  INFO_FIELDS,
  LOG_ACTIONS,
  LOG_FAULTS,
  LOG_FIELDS,
  LOG_WHAT,
  MANIFEST_FIELDS,
  MANIFEST_HEADER,
  MANIFEST_MAGIC,
  MANIFEST_RECORD,
  MANIFEST_SECTION,
  MANIFEST_VERSION,
  PIECE_KIND,
  POLICY_PRESET,
  SLOT_MAP,
  STATUS_FIELDS,
  VIRQ,
  VM_STATE,
  VMI_ERROR,
  VMI_MAGIC,
  VMI_VERSION,
} from "../core/vmi.ts";
import { WIDE } from "./headers.ts";

/** The page, relative to this module. */
export const PAGE: URL = new URL("../docs/vmi.md", import.meta.url);

function hex(value: number, digits = 8): string {
  return "`0x" + value.toString(16).padStart(digits, "0") + "`";
}

/** A table as `deno fmt` sets it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, i) => Math.max(...cells.map((row) => [...row[i]!].length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell + " ".repeat(widths[i]! - [...cell].length)).join(" | ")} |`;
  const [first, ...rest] = cells;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(first!), rule, ...rest.map(line)].join("\n");
}

/** Names and numbers. */
function numbers(prefix: string, names: Readonly<Record<string, number>>): string {
  const rows = Object.entries(names).map(([name, value]) => [`\`${prefix}${name}\``, `${value}`]);
  return table(["name", "number"], rows);
}

function fields(list: readonly Field[]): string {
  const rows = list.map(({ name, offset, size, doc }) => [
    hex(offset, 3),
    `\`${name}\``,
    `${size ?? 4}`,
    doc,
  ]);
  return table(["offset", "name", "bytes", "meaning"], rows);
}

function errorNames(names: readonly string[]): string {
  return names.length === 0 ? "-" : names.join(", ");
}

/** Hypercalls of guests, or those of VM0. */
function calls(management: boolean): string {
  const rows = HYPERCALLS.filter((call) => (call.management ?? false) === management).map((
    call,
  ) => [
    `${call.number}`,
    `\`${call.name}\``,
    call.args.map((name, i) => `r${i} ${name}`).join(", ") || "-",
    call.doc + (WIDE.has(call.name) && !/\br1\b/.test(call.doc) ? "; r1 too" : ""),
    errorNames(call.errors ?? []),
  ]);
  return table(["r12", "name", "arguments", "what it does, and its result in r0", "errors"], rows);
}

const ERRORS: Readonly<Record<keyof typeof VMI_ERROR, string>> = {
  ENOSYS: "no such hypercall",
  EPERM: "not for this VM, or not for VM0 itself",
  EINVAL: "an argument has no allowed value",
  EFAULT: "an address that the caller may not touch",
  ENOMEM: "out of frames, tables or VMs",
  ESTATE: "not in a state in which this can be done",
  EAGAIN: "no room now; try again later",
};

/** The generated parts of the page, by name. */
export function vmiTables(): Readonly<Record<string, string>> {
  return {
    identity: table(["what", "value"], [
      ["version", `${VMI_VERSION}`],
      ["first word of the info page", hex(VMI_MAGIC)],
      ["VMs", `up to ${MAX_VMS}, VM0 among them`],
      ["bytes of a VM's console input buffer", `${INPUT_RING}`],
      ["messages in a VM's ring", `${MESSAGE_RING}, of up to ${MESSAGE.MAX} bytes`],
    ]),
    slot: table(
      ["address", "name"],
      Object.entries(SLOT_MAP).map(([name, at]) => [hex(at), `\`SLOT_${name}\``]),
    ),
    calls: calls(false),
    management: calls(true),
    errors: table(
      ["r0", "name", "meaning"],
      Object.entries(VMI_ERROR).map((
        [name, value],
      ) => [`${value}`, `\`VMI_${name}\``, ERRORS[name as keyof typeof VMI_ERROR]]),
    ),
    dispatch: numbers("DISPATCH_", DISPATCH),
    control: fields(CONTROL_FIELDS),
    info: fields(INFO_FIELDS),
    virq: numbers("VIRQ_", VIRQ),
    kinds: numbers("CALL_", CALL_KIND),
    status: fields(STATUS_FIELDS),
    states: numbers("VM_", VM_STATE),
    policies: numbers("POLICY_", POLICY_PRESET),
    log: fields(LOG_FIELDS),
    logged: table(["`what`", "number", "`detail`"], [
      ["`LOG_FAULT`", `${LOG_WHAT.FAULT}`, counted(LOG_FAULTS)],
      ["`LOG_RECOVERY`", `${LOG_WHAT.RECOVERY}`, counted(LOG_ACTIONS)],
      ["`LOG_STATE`", `${LOG_WHAT.STATE}`, "state of the VM"],
      ["`LOG_REFUSED`", `${LOG_WHAT.REFUSED}`, "number of the refused hypercall"],
    ]),
    manifest: fields(MANIFEST_FIELDS),
    pieces: numbers("PIECE_", PIECE_KIND),
    header: table(["word", "value"], [
      ["0", `${hex(MANIFEST_MAGIC)}, "USMF"`],
      ["1", `version, ${MANIFEST_VERSION}`],
      ["2", `records, of ${MANIFEST_RECORD} bytes, from byte ${MANIFEST_HEADER} on`],
      ["3", "0"],
    ]),
    section: `The ELF section \`${MANIFEST_SECTION}\`, which is not loaded:`,
  };
}

function counted(names: readonly string[]): string {
  return names.map((name, i) => `${i} ${name}`).join(", ");
}

/**
 * Puts the tables into the page.
 *
 * @param page Its text.
 * @throws {Error} When the page asks for a table that is none, or leaves one out.
 */
export function withTables(page: string): string {
  const tables = vmiTables();
  const used = new Set<string>();
  const parts = /(<!-- table: (\w+) -->)\n[^]*?(<!-- end -->)/g;
  const text = page.replace(parts, (_, begin: string, name: string, end: string) => {
    const content = tables[name];
    if (content === undefined) throw new Error(`docs/vmi.md asks for "${name}", which is no table`);
    used.add(name);
    return `${begin}\n\n${content}\n\n${end}`;
  });
  const missing = Object.keys(tables).filter((name) => !used.has(name));
  if (missing.length > 0) throw new Error(`docs/vmi.md leaves out ${missing.join(", ")}`);
  return text;
}

if (import.meta.main) {
  const page = (await Deno.readTextFile(PAGE)).replaceAll("\r\n", "\n");
  const text = withTables(page);
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(PAGE, text);
  else if (text !== page) {
    console.error("docs/vmi.md is not what the tables say: run deno task vmi-doc");
    Deno.exit(1);
  }
}
