/**
 * Device registers as data, and the small base class that every chapter of the S3C2440 manual
 * builds on.
 *
 * A table of {@linkcode Register} holds what the manual says: name, offset, reset value, which
 * bits can be read, written, and cleared by writing 1. The devices use it, the C headers of the
 * guests are made from it, and the tests check it.
 *
 * @module
 */

import type { AccessSize } from "./bus.ts";

/** One device register. All registers lie at word offsets; narrow ones use the low bits. */
export interface Register {
  /** Name in the manual, without the number of the unit. */
  readonly name: string;
  /** Byte offset from the base of the device, a multiple of 4. */
  readonly offset: number;
  /** Bits: 8, 16 or 32. */
  readonly width: 8 | 16 | 32;
  /** Value after reset. */
  readonly reset: number;
  /** Bits that read back; the others read 0. */
  readonly read: number;
  /** Bits that a write sets and clears. */
  readonly write: number;
  /** Bits that a write of 1 clears. */
  readonly clear: number;
  /** Meaning. */
  readonly doc: string;
}

/** What differs from a plain register that reads and writes in all its bits and resets to 0. */
export type RegisterOptions = Partial<Omit<Register, "name" | "offset" | "doc">>;

/**
 * Describes a register. Unless given: 32 bits wide, reset value 0, all bits readable, and
 * writable if they are readable and not cleared by a 1.
 *
 * @param name Name in the manual.
 * @param offset Byte offset from the base of the device.
 * @param doc Meaning.
 * @param options What differs.
 */
export function register(
  name: string,
  offset: number,
  doc: string,
  options: RegisterOptions = {},
): Register {
  const width = options.width ?? 32;
  const read = options.read ?? (width === 32 ? 0xffff_ffff : (1 << width) - 1);
  const clear = options.clear ?? 0;
  const write = options.write ?? (read & ~clear) >>> 0;
  return { name, offset, width, reset: options.reset ?? 0, read, write, clear, doc };
}

/** Saved form of a device. */
export interface DeviceState<Hidden> {
  /** Values of the registers by name. */
  registers: Record<string, number>;
  /** Accesses to reserved offsets so far. */
  stray: number;
  /** What the device holds beside its registers, as plain data. */
  hidden: Hidden;
}

/**
 * A device: a table of registers with their values, and what reads and writes set in motion.
 *
 * Guests can do no harm here: reserved offsets read 0, ignore writes and are counted.
 *
 * @typeParam Hidden Plain data that the device saves beside its registers.
 */
export abstract class Device<Hidden = null> {
  /** The registers, by rising offset. */
  readonly registers: readonly Register[];
  /** Accesses to reserved offsets so far. */
  stray = 0;
  readonly #at: (Register | undefined)[] = [];
  readonly #values: Uint32Array;

  /**
   * A device with all registers at their reset values.
   *
   * @param registers Its table.
   */
  constructor(registers: readonly Register[]) {
    this.registers = registers;
    for (const r of registers) this.#at[r.offset >> 2] = r;
    this.#values = new Uint32Array(this.#at.length);
    for (const r of registers) this.#values[r.offset >> 2] = r.reset;
  }

  /** Reads with side effects, as the CPU does; zero-extended. */
  read(offset: number, size: AccessSize): number {
    if (this.#at[offset >> 2] === undefined) {
      this.stray++;
      return 0;
    }
    return lane(this.load(offset & ~3), offset, size);
  }

  /** Reads without side effects. */
  peek(offset: number, size: AccessSize): number {
    if (this.#at[offset >> 2] === undefined) return 0;
    return lane(this.look(offset & ~3), offset, size);
  }

  /** Writes as the CPU does. A narrow write reaches only its byte lanes. */
  write(offset: number, size: AccessSize, value: number): void {
    if (this.#at[offset >> 2] === undefined) {
      this.stray++;
      return;
    }
    if (size === 4) {
      this.store(offset & ~3, value >>> 0, 0xffff_ffff);
    } else {
      const shift = (size === 2 ? offset & 2 : offset & 3) << 3;
      const mask = size === 2 ? 0xffff : 0xff;
      this.store(offset & ~3, ((value & mask) << shift) >>> 0, (mask << shift) >>> 0);
    }
  }

  /** The value held for the register at `offset`, whatever its read mask says. */
  protected get(offset: number): number {
    return this.#values[offset >> 2];
  }

  /** Sets the value held for the register at `offset`, whatever its write mask says. */
  protected set(offset: number, value: number): void {
    this.#values[offset >> 2] = value;
  }

  /** What a read of the register at `offset` gives, without side effects. */
  protected look(offset: number): number {
    return this.#values[offset >> 2] & this.#at[offset >> 2]!.read;
  }

  /** A read of the register at `offset` by the CPU. */
  protected load(offset: number): number {
    return this.look(offset);
  }

  /**
   * A write to the register at `offset`. The default obeys the masks of the table.
   *
   * @param offset Offset of the register.
   * @param value The value in its lanes, 0 in the others.
   * @param lanes The bits that take part.
   */
  protected store(offset: number, value: number, lanes: number): void {
    const r = this.#at[offset >> 2]!;
    const old = this.#values[offset >> 2];
    const write = r.write & lanes;
    this.#values[offset >> 2] = ((old & ~write) | (value & write)) & ~(value & r.clear);
  }

  /** Puts all registers to their reset values. */
  reset(): void {
    for (const r of this.registers) this.#values[r.offset >> 2] = r.reset;
  }

  /** What the device holds beside its registers. */
  protected abstract saveHidden(): Hidden;

  /** Takes back what {@linkcode saveHidden} gave, after the registers were restored. */
  protected abstract restoreHidden(hidden: Hidden): void;

  /** The device as plain data. */
  state(): DeviceState<Hidden> {
    const registers: Record<string, number> = {};
    for (const r of this.registers) registers[r.name] = this.#values[r.offset >> 2];
    return { registers, stray: this.stray, hidden: this.saveHidden() };
  }

  /** Goes on from saved state. The clock must have been restored before. */
  restore(state: DeviceState<Hidden>): void {
    for (const r of this.registers) this.#values[r.offset >> 2] = state.registers[r.name];
    this.stray = state.stray;
    this.restoreHidden(state.hidden);
  }
}

/** The part of a word that an access of `size` bytes at `offset` sees. */
function lane(word: number, offset: number, size: AccessSize): number {
  if (size === 4) return word >>> 0;
  if (size === 2) return (word >>> ((offset & 2) << 3)) & 0xffff;
  return (word >>> ((offset & 3) << 3)) & 0xff;
}
