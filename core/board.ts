/**
 * The board: an S3C2440A with SDRAM and NOR flash, and the loop that runs it.
 *
 * @module
 */

import type { AccessSize, Bus, RamRegion } from "./bus.ts";
import { type Cache, CACHE_LINE } from "./cache.ts";
import { Clock, type ClockState } from "./clock.ts";
import { Cpu, CPU_BYTES, type CpuState, STOP, type Stop } from "./cpu.ts";
import { InputError } from "./errors.ts";
import { hashBytes } from "./hash.ts";
import { HostMemory } from "./memory.ts";
import type { Mmu } from "./mmu.ts";
import { RESET_CAUSE, S3c2440, type S3c2440State } from "./s3c2440.ts";
import type { RtcTime } from "./s3c2440_rtc.ts";
import type { Fidelity, Timing } from "./timing.ts";
import { type TimingOptions, timingValues } from "./timing_table.ts";

/** First address of the SDRAM (nGCS6). */
export const SDRAM_BASE = 0x3000_0000;
/** First address of the NOR flash (nGCS0). */
export const FLASH_BASE = 0;
/** Bytes of the NOR flash. */
export const FLASH_BYTES = 0x100_0000;
/** Sizes of SDRAM that bank 6 can have, in MB. */
export const SDRAM_SIZES: readonly number[] = [2, 4, 8, 16, 32, 64, 128];
/** Schema of {@linkcode BoardState}. */
export const BOARD_STATE_SCHEMA = "understudy.board/1";

const PAGE = 4096;

/** How a board is equipped. */
export interface BoardOptions {
  /** SDRAM in MB, one of {@linkcode SDRAM_SIZES}; 64 unless given. */
  readonly sdramMB?: number;
  /** Content of the NOR flash from address 0; the rest is erased (0xff). */
  readonly flash?: Uint8Array;
  /** Frequency of the crystal in hertz; 12 MHz unless given. */
  readonly fin?: number;
  /** Clocks (400/100/50 MHz), watchdog and memory controller as a boot loader leaves them. */
  readonly bootClocks?: boolean;
  /** Model the caches: slower, and missing maintenance has its effect. Off unless given. */
  readonly cache?: boolean;
  /** Seed of the caches' pseudo-random replacement, where they are modelled; 1 unless given. */
  readonly seed?: number;
  /** How time passes; "fast" unless given. In "timed" the caches are modelled. */
  readonly fidelity?: Fidelity;
  /** Costs of the timed fidelity that differ from the table. */
  readonly timing?: TimingOptions;
  /** Date and time at power on; 1 January 2000 unless given. */
  readonly rtc?: Readonly<RtcTime>;
}

/** Memory as its pages that are not all zero. */
export interface RamState {
  /** Bytes of the whole. */
  size: number;
  /** Numbers of the pages of 4 KB, rising. */
  pages: number[];
  /** Their bytes, one page after the other. */
  bytes: Uint8Array;
}

/** Saved form of a {@linkcode Board}. */
export interface BoardState {
  /** {@linkcode BOARD_STATE_SCHEMA}. */
  schema: string;
  /** Time base. */
  clock: ClockState;
  /** Core. */
  cpu: CpuState;
  /** Devices. */
  soc: S3c2440State;
  /** SDRAM. */
  sdram: RamState;
  /** Hash of the flash: its content is not part of the state. */
  flash: string;
  /** See {@linkcode Board.idleCycles}. */
  idleCycles: number;
  /** See {@linkcode Board.waiting}. */
  waiting: boolean;
  /** The chip is to be reset before the next instruction. */
  resetPending: boolean;
  /** {@linkcode Board.requestStop} was called and not yet answered. */
  stopRequested: boolean;
  /** The board asked the core to stop, and it has not answered yet. */
  interrupted: boolean;
  /** Writes to flash so far. */
  strayWrites: number;
}

/** The board. */
export class Board {
  /** Registers, look-aside tables, SDRAM and flash in one memory. */
  readonly memory: HostMemory;
  /** What answers physical addresses. */
  readonly bus: Bus;
  /** Board time. */
  readonly clock: Clock;
  /** The core. */
  readonly cpu: Cpu;
  /** The MMU of the core. */
  readonly mmu: Mmu;
  /** The devices. */
  readonly soc: S3c2440;
  /** Where the SDRAM is. */
  readonly sdram: RamRegion;
  /** Where the flash is, up to the last page that is not erased: the rest costs no memory. */
  readonly flash: Readonly<RamRegion>;
  /** Cycles in which the core waited for an interrupt. */
  idleCycles = 0;
  /**
   * Handles an exception that the core took to the high vectors (see `cpu.trapVectors`), given the
   * offset of the vector. Without a handler {@linkcode run} returns.
   */
  onTrap: ((vector: number) => void) | null = null;
  /** Called after a reset of the chip, with its cause (see `RESET_CAUSE`). */
  onReset: ((cause: number) => void) | null = null;
  /** Told of each word that is written past core and devices, to count for reports. */
  onMeter: ((pa: number) => void) | null = null;
  /**
   * Decides whether an access outside SDRAM and flash is answered with an external abort. Without
   * it none is.
   */
  onAbort: ((pa: number, write: boolean) => boolean) | null = null;
  #waiting = false;
  #resetPending = false;
  #stopRequested = false;
  #strayWrites = 0;
  /** Where the present run of the core ends; -Infinity while it does not run. */
  #horizon = -Infinity;
  /** The core was asked to stop by the board, and has not answered yet. */
  #interrupted = false;
  #flashHash: string | undefined;

  /**
   * A board after power on.
   *
   * @param options How it is equipped.
   * @throws {InputError} An option is not allowed.
   */
  constructor(options: BoardOptions = {}) {
    const { sdramMB = 64, flash = new Uint8Array(0), fin = 12_000_000 } = options;
    if (!SDRAM_SIZES.includes(sdramMB)) {
      throw new InputError("sdramMB", `${sdramMB}`, `allowed: ${SDRAM_SIZES.join(", ")}`);
    }
    if (flash.length > FLASH_BYTES) {
      throw new InputError("flash", `${flash.length} bytes`, `allowed: up to ${FLASH_BYTES}`);
    }
    if (!(fin > 0 && fin < 1e9)) throw new InputError("fin", `${fin} Hz`, "allowed: up to 1 GHz");

    const size = sdramMB * 0x10_0000;
    this.memory = new HostMemory(size + FLASH_BYTES + CPU_BYTES);
    this.sdram = { base: SDRAM_BASE, size, offset: this.memory.take(size), writable: true };
    this.flash = {
      base: FLASH_BASE,
      size: 0,
      offset: this.memory.take(FLASH_BYTES),
      writable: false,
    };
    this.#program(flash.length);
    this.#bytes(this.flash).set(flash);

    this.clock = new Clock(fin);
    this.soc = new S3c2440({
      clock: this.clock,
      fin,
      rtc: options.rtc,
      onLines: (irq, fiq) => {
        this.cpu.setIrq(irq);
        this.cpu.setFiq(fiq);
      },
      // A device may ask in the middle of an instruction; the reset comes at its end.
      onReset: () => {
        this.#resetPending = true;
        this.#interruptRun();
      },
      onIdle: () => this.waitForInterrupt(),
      readMemory: (pa, size) => this.peek(pa, size),
      writeMemory: (pa, size, value) => this.#writeByDevice(pa, size, value),
    });
    this.bus = this.#makeBus();
    const { clkpwr, memc } = this.soc;
    const timed = options.fidelity !== "timed" ? undefined : {
      values: timingValues(options.timing),
      registers: {
        get fclkPerHclk() {
          return clkpwr.fclkPerHclk;
        },
        get fclkPerPclk() {
          return clkpwr.fclkPerPclk;
        },
        get changes() {
          return memc.changes;
        },
        memc: (offset: number) => memc.peek(offset, 4),
      },
    };
    this.cpu = new Cpu(this.memory, this.bus, this.clock, {
      cache: options.cache ?? false,
      seed: options.seed ?? 1,
      ...(timed && { timed }),
    });
    this.mmu = this.cpu.mmu;
    if (options.bootClocks) this.soc.boot();
  }

  /** The timed fidelity, where it is chosen. */
  get timing(): Timing | undefined {
    return this.cpu.timing;
  }

  /** The core waits for an interrupt. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** Accesses that nothing answered: empty addresses, reserved registers, writes to flash. */
  get stray(): number {
    return this.#strayWrites + this.soc.stray;
  }

  /** Backs the flash with memory up to an offset. */
  #program(end: number): void {
    const { offset, size } = this.flash;
    if (end <= size) return;
    const grown = (end + PAGE - 1) & -PAGE;
    this.memory.u8.fill(0xff, offset + size, offset + grown);
    (this.flash as { size: number }).size = grown;
  }

  #writeByDevice(pa: number, size: AccessSize, value: number): void {
    const at = this.#offset(pa);
    if (at < 0 || pa < SDRAM_BASE) {
      this.#strayWrites++;
      return;
    }
    this.#save(at, size, value);
    this.cpu.invalidateCode(pa, size);
  }

  #makeBus(): Bus {
    const { clock, soc } = this;
    const bus: Bus = {
      ram: [this.sdram, this.flash],
      fault: false,
      read: (pa, size) => {
        const at = this.#offset(pa);
        bus.fault = false;
        if (at >= 0) return this.#load(at, size);
        if (pa < FLASH_BYTES) return erased(size);
        // A device sees its events before what the core does at or after their deadline.
        clock.fireDue();
        bus.fault = this.onAbort !== null && this.onAbort(pa, false);
        const value = bus.fault ? 0 : soc.read(pa, size);
        this.#checkHorizon();
        return value;
      },
      write: (pa, size, value) => {
        const at = this.#offset(pa);
        bus.fault = false;
        if (at >= 0 && pa >= SDRAM_BASE) {
          this.#save(at, size, value);
          return;
        }
        if (pa < FLASH_BYTES) {
          this.#strayWrites++;
          return;
        }
        clock.fireDue();
        bus.fault = this.onAbort !== null && this.onAbort(pa, true);
        if (!bus.fault) soc.write(pa, size, value);
        this.#checkHorizon();
      },
      peek: (pa, size) => this.peek(pa, size),
    };
    return bus;
  }

  /** A device that got an earlier event by an access of the core ends the core's run there. */
  #checkHorizon(): void {
    if (this.clock.next < this.#horizon) this.#interruptRun();
  }

  #interruptRun(): void {
    if (this.#horizon === -Infinity) return;
    this.#horizon = -Infinity;
    this.#interrupted = true;
    this.cpu.requestStop();
  }

  /** Offset in the shared memory of a physical address that has one, otherwise -1. */
  #offset(pa: number): number {
    const { sdram, flash } = this;
    if (pa >= SDRAM_BASE) {
      return pa - SDRAM_BASE < sdram.size ? sdram.offset + pa - SDRAM_BASE : -1;
    }
    return pa < flash.size ? flash.offset + pa : -1;
  }

  #load(at: number, size: AccessSize): number {
    const { u8, u16, u32 } = this.memory;
    return size === 4 ? u32[at >>> 2] : size === 2 ? u16[at >>> 1] : u8[at];
  }

  #save(at: number, size: AccessSize, value: number): void {
    const { u8, u16, u32 } = this.memory;
    if (size === 4) u32[at >>> 2] = value;
    else if (size === 2) u16[at >>> 1] = value;
    else u8[at] = value;
  }

  #bytes(region: RamRegion): Uint8Array {
    return this.memory.u8.subarray(region.offset, region.offset + region.size);
  }

  /**
   * Runs the board until board time `until`. Exceptions to the high vectors go to
   * {@linkcode onTrap}; while the core waits for an interrupt, time jumps from event to event.
   *
   * @param until Board time in cycles; passed by less than one instruction.
   * @returns `STOP.TIME` at `until`; `STOP.REQUEST` after {@linkcode requestStop}; `STOP.TRAP` without
   * a handler; `STOP.BREAK` at a breakpoint; `STOP.WFI` when the core waits and nothing can wake it.
   */
  run(until: number): Stop {
    const { clock, cpu } = this;
    for (;;) {
      clock.fireDue();
      if (this.#resetPending) this.reset(RESET_CAUSE.WATCHDOG);
      if (this.#stopRequested) {
        this.#stopRequested = false;
        return STOP.REQUEST;
      }
      if (clock.now >= until) return STOP.TIME;
      if (this.#waiting && !this.#wakes(until)) {
        if (clock.next === Infinity && until === Infinity) return STOP.WFI;
        continue;
      }
      this.#horizon = Math.min(until, clock.next);
      const stop = cpu.run(this.#horizon);
      this.#horizon = -Infinity;
      if (stop === STOP.TRAP && this.onTrap !== null) this.onTrap(cpu.trap);
      else if (stop === STOP.WFI) this.#waiting = true;
      else if (stop === STOP.REQUEST && this.#interrupted) this.#interrupted = false;
      else if (stop !== STOP.TIME) return stop;
    }
  }

  /** Ends the waiting when an interrupt line is active, otherwise lets time pass to the next event. */
  #wakes(until: number): boolean {
    if (this.soc.intc.irq || this.soc.intc.fiq) {
      this.#waiting = false;
      return true;
    }
    const to = Math.min(until, this.clock.next);
    if (to !== Infinity) {
      this.idleCycles += to - this.clock.now;
      this.clock.now = to;
    }
    return false;
  }

  /** Stops the core until an interrupt line is active, masked in the CPSR or not. */
  waitForInterrupt(): void {
    this.#waiting = true;
    this.#interruptRun();
  }

  /** Ends the core's waiting: whoever stands for its code has put it elsewhere. */
  endWait(): void {
    this.#waiting = false;
  }

  /** Makes {@linkcode run} return at the next instruction boundary, or the next run at once. */
  requestStop(): void {
    this.#stopRequested = true;
    this.#interruptRun();
  }

  /**
   * Resets the chip: core and devices, not the SDRAM.
   *
   * @param cause One of `RESET_CAUSE`.
   */
  reset(cause: number): void {
    this.#resetPending = false;
    this.#waiting = false;
    this.soc.reset(cause);
    this.cpu.reset();
    this.onReset?.(cause);
  }

  /** Reads a physical address without side effects, memory or device. */
  peek(pa: number, size: AccessSize): number {
    const at = this.#offset(pa);
    if (at < 0) return pa < FLASH_BYTES ? erased(size) : this.soc.peek(pa, size);
    const cache = this.mmu.dcache;
    const line = cache === null ? -1 : cache.holder(pa);
    return line < 0 ? this.#load(at, size) : cachedValue(cache as Cache, line, pa, size);
  }

  /** Writes a word of SDRAM or flash past core and caches. */
  poke(pa: number, value: number): void {
    this.debugWrite(pa, Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24));
  }

  /** Reads bytes of memory or devices without side effects. */
  debugRead(pa: number, length: number): Uint8Array {
    const at = this.#offset(pa);
    const inside = at >= 0 && this.#offset(pa + length - 1) === at + length - 1;
    if (inside) {
      const bytes = this.memory.u8.slice(at, at + length);
      this.mmu.dcache?.overlay(pa, bytes);
      return bytes;
    }
    return Uint8Array.from({ length }, (_, i) => this.peek((pa + i) >>> 0, 1));
  }

  /**
   * Writes bytes to SDRAM or flash, for loaders and debuggers; the core forgets what it decoded
   * there.
   *
   * @returns The bytes written: those up to the first address that is neither.
   */
  debugWrite(pa: number, bytes: Uint8Array): number {
    const region = pa >= SDRAM_BASE ? this.sdram : this.flash;
    const end = region === this.flash ? FLASH_BYTES : region.base + region.size;
    const room = Math.min(bytes.length, Math.max(0, end - pa));
    if (room === 0) return 0;
    if (region === this.flash) this.#program(pa + room);
    this.memory.u8.set(bytes.subarray(0, room), region.offset + pa - region.base);
    this.cpu.invalidateCode(pa, room);
    if (this.mmu.dcache !== null) this.#writeCached(pa, bytes.subarray(0, room));
    if (region === this.flash) this.#flashHash = undefined;
    return room;
  }

  /** Puts bytes into the lines of both caches that hold their addresses. */
  #writeCached(pa: number, bytes: Uint8Array): void {
    for (const cache of [this.mmu.dcache, this.mmu.icache]) {
      if (cache === null) continue;
      for (let i = 0; i < bytes.length; i++) {
        const line = cache.holder(pa + i);
        if (line >= 0) cache.u8[line * CACHE_LINE + ((pa + i) & (CACHE_LINE - 1))] = bytes[i];
      }
    }
  }

  /** The whole board as plain data. The flash is named by its hash only. */
  state(): BoardState {
    return {
      schema: BOARD_STATE_SCHEMA,
      clock: this.clock.state(),
      cpu: this.cpu.state(),
      soc: this.soc.state(),
      sdram: saveRam(this.#bytes(this.sdram)),
      flash: this.#hashOfFlash(),
      idleCycles: this.idleCycles,
      waiting: this.#waiting,
      resetPending: this.#resetPending,
      stopRequested: this.#stopRequested,
      interrupted: this.#interrupted,
      strayWrites: this.#strayWrites,
    };
  }

  /**
   * Goes on from saved state. Handlers and `cpu.trapVectors` are not part of it.
   *
   * @throws {InputError} The state is of another schema, or of a board with other memory.
   */
  restore(state: BoardState): void {
    if (state.schema !== BOARD_STATE_SCHEMA) {
      throw new InputError(
        "board state",
        `schema ${state.schema}`,
        `allowed: ${BOARD_STATE_SCHEMA}`,
      );
    }
    if (state.sdram.size !== this.sdram.size) {
      const [saved, have] = [state.sdram.size, this.sdram.size].map((bytes) => bytes / 0x10_0000);
      throw new InputError("board state", `${saved} MB of SDRAM`, `this board has ${have} MB`);
    }
    if (state.flash !== this.#hashOfFlash()) {
      throw new InputError("board state", "was saved with another flash image");
    }
    this.clock.restore(state.clock);
    restoreRam(this.#bytes(this.sdram), state.sdram);
    this.cpu.invalidateCode(this.sdram.base, this.sdram.size);
    this.soc.restore(state.soc);
    this.cpu.restore(state.cpu);
    this.idleCycles = state.idleCycles;
    this.#waiting = state.waiting;
    this.#resetPending = state.resetPending;
    this.#stopRequested = state.stopRequested;
    this.#interrupted = state.interrupted;
    this.#strayWrites = state.strayWrites;
  }

  #hashOfFlash(): string {
    return this.#flashHash ??= hashFlash(this.#bytes(this.flash));
  }
}

/** What erased flash reads as. */
function erased(size: AccessSize): number {
  return 0xffff_ffff >>> (32 - 8 * size);
}

/** Hash of a flash up to its last programmed word: the erased rest is the same in every flash. */
function hashFlash(flash: Uint8Array): string {
  const words = new Int32Array(flash.buffer, flash.byteOffset, flash.length / 4);
  let end = words.length;
  while (end > 0 && words[end - 1] === -1) end--;
  return hashBytes(flash.subarray(0, 4 * end));
}

/** What a cache holds of an address: what the core would read. */
function cachedValue(cache: Cache, line: number, pa: number, size: AccessSize): number {
  const { i32, u16, u8 } = cache;
  const at = line * CACHE_LINE + (pa & (CACHE_LINE - 1));
  return size === 4 ? i32[at >>> 2] >>> 0 : size === 2 ? u16[at >>> 1] : u8[at];
}

function saveRam(ram: Uint8Array): RamState {
  const pages = usedPages(ram);
  const bytes = new Uint8Array(pages.length * PAGE);
  pages.forEach((page, i) => bytes.set(ram.subarray(page * PAGE, (page + 1) * PAGE), i * PAGE));
  return { size: ram.length, pages, bytes };
}

function restoreRam(ram: Uint8Array, state: RamState): void {
  // Pages that are zero are not written, so that the host need not back them with memory.
  for (const page of usedPages(ram)) ram.fill(0, page * PAGE, (page + 1) * PAGE);
  state.pages.forEach((page, i) => {
    ram.set(state.bytes.subarray(i * PAGE, (i + 1) * PAGE), page * PAGE);
  });
}

/** Numbers of the pages that are not all zero. */
function usedPages(ram: Uint8Array): number[] {
  const words = new Int32Array(ram.buffer, ram.byteOffset, ram.length / 4);
  const pages: number[] = [];
  for (let page = 0; page < ram.length / PAGE; page++) {
    const end = (page + 1) * (PAGE / 4);
    for (let i = page * (PAGE / 4); i < end; i += 4) {
      if ((words[i] | words[i + 1] | words[i + 2] | words[i + 3]) === 0) continue;
      pages.push(page);
      break;
    }
  }
  return pages;
}
