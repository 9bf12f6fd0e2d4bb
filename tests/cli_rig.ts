/**
 * Running the command inside a test: files and output are in memory.
 *
 * @module
 */

import type { TerminalInput } from "../cli/io.ts";
import { type Draft, type Io, main } from "../cli/main.ts";
import { InputError } from "../mod.ts";

/** What a call of the command left behind. */
export interface Called {
  /** Exit code. */
  readonly code: number;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly err: string;
}

/** What the command finds outside. */
export interface Outside {
  /** Files by path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Standard input, in the pieces in which it comes. */
  readonly input?: readonly string[];
  /** Standard input is a terminal. */
  readonly keyboard?: boolean;
  /** Takes the files that are written. */
  readonly written?: Map<string, Uint8Array>;
  /** Output carries colour. */
  readonly color?: boolean;
  /** Output is a terminal. */
  readonly terminal?: boolean;
  /** Width of the output. */
  readonly columns?: number;
}

/** An outside in memory. */
export function memoryIo(outside: Outside = {}): { io: Io; out(): string; err(): string } {
  let out = "";
  let err = "";
  const io: Io = {
    color: outside.color ?? false,
    terminal: outside.terminal ?? false,
    columns: outside.columns ?? 100,
    out(text: string): void {
      out += text;
    },
    err(text: string): void {
      err += text;
    },
    flush(): void {},
    create(path: string): Draft {
      if (/^\/|\/.*\//.test(path)) throw new InputError(path, "there is no such folder");
      return { write: (bytes) => outside.written?.set(path, bytes), discard() {} };
    },
    folder(path: string): void {
      if (path.startsWith("/")) throw new InputError(path, "may not be written by this user");
    },
    read(path: string): Uint8Array {
      const file = outside.files?.[path];
      if (file === undefined) throw new InputError(path, "there is no such file");
      return typeof file === "string" ? new TextEncoder().encode(file) : file;
    },
    input(): TerminalInput {
      return {
        terminal: outside.keyboard ?? false,
        raw: () => true,
        async *read(): AsyncIterable<Uint8Array> {
          for (const piece of outside.input ?? []) {
            if (outside.keyboard) await new Promise((resolve) => setTimeout(resolve, 60));
            yield new TextEncoder().encode(piece);
          }
        },
        close(): void {},
      };
    },
    onInterrupt(): () => void {
      return () => {};
    },
  };
  return { io, out: () => out, err: () => err };
}

/** Calls the command. */
export async function call(args: readonly string[], outside: Outside = {}): Promise<Called> {
  const { io, out, err } = memoryIo(outside);
  const code = await main(args, io);
  return { code, out: out(), err: err() };
}

/** The JSON lines of an output. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
}

/**
 * A small ELF file.
 *
 * @param change Byte offsets and values to put over it.
 * @param memory Bytes in memory of its one segment.
 */
export function elf(change: Readonly<Record<number, number>> = {}, memory = 4096): Uint8Array {
  const bytes = new Uint8Array(88);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const half = (at: number, value: number) => view.setUint16(at, value, true);
  const word = (at: number, value: number) => view.setUint32(at, value, true);
  half(16, 2); // ET_EXEC
  half(18, 40); // EM_ARM
  word(20, 1);
  word(28, 52); // program headers
  word(36, 0x0500_0000); // EABI 5
  half(40, 52);
  half(42, 32);
  half(44, 1);
  word(52, 1); // PT_LOAD
  word(56, 84);
  word(68, 4);
  word(72, memory);
  word(76, 7);
  word(80, 4096);
  word(84, 0xeafffffe); // b .
  for (const [at, value] of Object.entries(change)) bytes[Number(at)] = value;
  return bytes;
}
