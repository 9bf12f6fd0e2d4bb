/**
 * S3C2440A manual chapter 6: the NAND flash controller, with a chip of 128 MB in pages of 2 KB and
 * 64 bytes (as the K9F1G08 of boards of this class).
 *
 * The chip knows reset, identification, status, page read, page program and block erase, and keeps
 * its page register between them. The error correction unit is not modelled: its codes read
 * 0xffffffff, its status says "no error". The block lock registers are kept without effect.
 *
 * @module
 */

import type { AccessSize } from "./bus.ts";
import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { Alarm, type AlarmState } from "./s3c2440_counter.ts";

const NFCONF = 0x00;
const NFCONT = 0x04;
const NFCMD = 0x08;
const NFADDR = 0x0c;
const NFDATA = 0x10;
const NFSTAT = 0x20;

/** Bytes of a page with its spare area. */
export const NAND_PAGE: number = 2048 + 64;
/** Pages of the chip. */
export const NAND_PAGES = 65536;
const BLOCK_PAGES = 64;
/** What identification gives: maker, device, and three bytes of organisation. */
const ID = [0xec, 0xf1, 0x00, 0x95, 0x40];
const STATUS_READY = 0xc0;

/** Typical busy times of the chip in microseconds. */
const BUSY_US = { READ: 25, PROGRAM: 200, ERASE: 1500, RESET: 5 } as const;

/** Registers of the NAND flash controller. */
export const NAND_REGISTERS: readonly Register[] = [
  // Straps of a chip with pages of 2 KB and five address cycles.
  register("NFCONF", NFCONF, "TACLS [13:12], TWRPH0 [10:8], TWRPH1 [6:4], straps [3:0]", {
    reset: 0x100e,
    read: 0x377f,
    write: 0x3770,
  }),
  register(
    "NFCONT",
    NFCONT,
    "locks 13 and 12, interrupts 10 and 9, edge 8, ECC [6:4], nCE 1, " +
      "enable 0",
    { reset: 0x0384, read: 0x37f7 },
  ),
  register("NFCMD", NFCMD, "command", { read: 0xff }),
  register("NFADDR", NFADDR, "address", { read: 0xff }),
  register("NFDATA", NFDATA, "data; 8, 16 or 32 bits"),
  register("NFMECCD0", 0x14, "main ECC read"),
  register("NFMECCD1", 0x18, "main ECC read"),
  register("NFSECCD", 0x1c, "spare ECC read"),
  register("NFSTAT", NFSTAT, "illegal access 3, ready edge 2, nCE 1, ready 0", {
    read: 0xf,
    clear: 0xc,
    write: 0,
  }),
  register("NFESTAT0", 0x24, "ECC status", { write: 0 }),
  register("NFESTAT1", 0x28, "ECC status", { write: 0 }),
  register("NFMECC0", 0x2c, "main ECC", { reset: 0xffff_ffff, write: 0 }),
  register("NFMECC1", 0x30, "main ECC", { reset: 0xffff_ffff, write: 0 }),
  register("NFSECC", 0x34, "spare ECC", { reset: 0xffff_ffff, write: 0 }),
  register("NFSBLK", 0x38, "first unlocked block", { read: 0xff_ffff }),
  register("NFEBLK", 0x3c, "last unlocked block", { read: 0xff_ffff }),
];

/** What the controller holds beside its registers: the chip. */
export interface NandHidden {
  /** Programmed pages. */
  pages: { page: number; bytes: Uint8Array }[];
  /** The page register. */
  buffer: Uint8Array;
  /** The command in force. */
  command: number;
  /** Address bytes since the command. */
  address: number[];
  /** Position in the page register or in the answer. */
  column: number;
  /** End of the busy time. */
  busy: AlarmState;
}

/** How the controller is connected. */
export interface NandWiring {
  /** Time base. */
  readonly clock: Clock;
  /** The interrupt of the ready line. */
  interrupt(): void;
}

/** The NAND flash controller and its chip. */
export class Nand extends Device<NandHidden> {
  readonly #wiring: NandWiring;
  readonly #busy: Alarm;
  readonly #pages: Map<number, Uint8Array> = new Map();
  #buffer: Uint8Array = new Uint8Array(NAND_PAGE).fill(0xff);
  #command = 0;
  #address: number[] = [];
  #column = 0;

  /**
   * A controller with an erased chip.
   *
   * @param wiring How it is connected.
   */
  constructor(wiring: NandWiring) {
    super(NAND_REGISTERS);
    this.#wiring = wiring;
    this.#busy = new Alarm(wiring.clock, () => this.#becomeReady());
  }

  /** Puts a page (0 to {@linkcode NAND_PAGES} - 1) into the chip; what is missing is erased. */
  setPage(page: number, bytes: Uint8Array): void {
    const full = new Uint8Array(NAND_PAGE).fill(0xff);
    full.set(bytes.subarray(0, NAND_PAGE));
    this.#pages.set(page % NAND_PAGES, full);
  }

  /** A page of the chip. */
  page(page: number): Uint8Array {
    return this.#pages.get(page % NAND_PAGES)?.slice() ?? new Uint8Array(NAND_PAGE).fill(0xff);
  }

  get #ready(): boolean {
    return this.#busy.deadline === Infinity;
  }

  /** Enabled, and the chip selected. */
  get #selected(): boolean {
    return (this.get(NFCONT) & 3) === 1;
  }

  #work(microseconds: number): void {
    const { clock } = this.#wiring;
    this.#busy.set(clock.now + Math.ceil(microseconds * clock.fclk / 1e6));
  }

  #becomeReady(): void {
    // NFCONT[8] selects the edge: 0 is the rising one, to ready.
    if ((this.get(NFCONT) & 0x100) !== 0) return;
    this.set(NFSTAT, this.get(NFSTAT) | 4);
    if ((this.get(NFCONT) & 0x200) !== 0) this.#wiring.interrupt();
  }

  /** The address bytes from `from` on, as the number of a page. */
  #pageAddress(from: number): number {
    const [low = 0, high = 0] = this.#address.slice(from);
    return low | (high << 8);
  }

  #startCommand(command: number): void {
    if (!this.#selected) return;
    if (!this.#ready && command !== 0x70 && command !== 0xff) return;
    switch (command) {
      case 0x30:
        if (this.#command === 0x00) this.#readPage();
        return;
      case 0x10:
        if (this.#command === 0x80) this.#programPage();
        return;
      case 0xd0:
        if (this.#command === 0x60) this.#eraseBlock();
        return;
      case 0xff:
        this.#work(BUSY_US.RESET);
        break;
      case 0x80:
        this.#buffer.fill(0xff);
        break;
    }
    this.#command = command;
    this.#address = [];
    this.#column = 0;
  }

  #readPage(): void {
    this.#buffer = this.page(this.#pageAddress(2));
    this.#work(BUSY_US.READ);
  }

  #programPage(): void {
    const page = this.#pageAddress(2);
    const old = this.page(page);
    // Programming turns ones into zeros only.
    this.#pages.set(page, this.#buffer.map((byte, i) => byte & old[i]));
    this.#work(BUSY_US.PROGRAM);
    this.#command = 0x70;
  }

  #eraseBlock(): void {
    const first = this.#pageAddress(0) & ~(BLOCK_PAGES - 1);
    for (let i = 0; i < BLOCK_PAGES; i++) this.#pages.delete(first + i);
    this.#work(BUSY_US.ERASE);
    this.#command = 0x70;
  }

  #takeAddress(byte: number): void {
    if (!this.#selected || !this.#ready) return;
    this.#address.push(byte);
    const pageCommand = this.#command === 0x00 || this.#command === 0x80;
    if (pageCommand && this.#address.length === 2) {
      this.#column = (this.#address[0] | (this.#address[1] << 8)) & 0xfff;
    }
  }

  #byteAt(column: number): number {
    switch (this.#command) {
      case 0x00:
        return this.#ready ? this.#buffer[column] ?? 0xff : 0xff;
      case 0x70:
        return this.#ready ? STATUS_READY : 0x80;
      case 0x90:
        return ID[column % ID.length];
      default:
        return 0xff;
    }
  }

  #dataAt(size: AccessSize): number {
    let value = 0;
    if (!this.#selected) return size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
    for (let i = 0; i < size; i++) value |= this.#byteAt(this.#column + i) << (8 * i);
    return value >>> 0;
  }

  /** Reads as the CPU does. Every byte of NFDATA is taken from the chip, whatever the width. */
  override read(offset: number, size: AccessSize): number {
    if ((offset & ~3) !== NFDATA) return super.read(offset, size);
    const value = this.#dataAt(size);
    if (this.#selected) this.#column += size;
    return value;
  }

  /** Reads without side effects. */
  override peek(offset: number, size: AccessSize): number {
    return (offset & ~3) === NFDATA ? this.#dataAt(size) : super.peek(offset, size);
  }

  /** Writes as the CPU does. Every byte of NFDATA goes to the page register. */
  override write(offset: number, size: AccessSize, value: number): void {
    if ((offset & ~3) !== NFDATA) {
      super.write(offset, size, value);
      return;
    }
    if (!this.#selected || !this.#ready || this.#command !== 0x80) return;
    for (let i = 0; i < size; i++) {
      if (this.#column < NAND_PAGE) this.#buffer[this.#column] = value >>> (8 * i);
      this.#column++;
    }
  }

  /** What a read gives: NFSTAT shows the lines of the chip. */
  protected override look(offset: number): number {
    const value = super.look(offset);
    if (offset !== NFSTAT) return value;
    return value | (this.get(NFCONT) & 2) | (this.#ready ? 1 : 0);
  }

  /** A write by the CPU: commands and addresses go to the chip. */
  protected override store(offset: number, value: number, lanes: number): void {
    super.store(offset, value, lanes);
    if (offset === NFCMD) this.#startCommand(value & 0xff);
    else if (offset === NFADDR) this.#takeAddress(value & 0xff);
  }

  /** The state after reset. The chip keeps its pages. */
  override reset(): void {
    super.reset();
    this.#busy.cancel();
    this.#command = 0;
    this.#address = [];
    this.#column = 0;
  }

  /** What is held beside the registers. */
  protected override saveHidden(): NandHidden {
    const pages = [...this.#pages].sort(([a], [b]) => a - b);
    return {
      pages: pages.map(([page, bytes]) => ({ page, bytes: bytes.slice() })),
      buffer: this.#buffer.slice(),
      command: this.#command,
      address: [...this.#address],
      column: this.#column,
      busy: this.#busy.state(),
    };
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: NandHidden): void {
    this.#pages.clear();
    for (const { page, bytes } of hidden.pages) this.#pages.set(page, bytes.slice());
    this.#buffer = hidden.buffer.slice();
    this.#command = hidden.command;
    this.#address = [...hidden.address];
    this.#column = hidden.column;
    this.#busy.restore(hidden.busy);
  }
}
