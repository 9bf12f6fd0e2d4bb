/**
 * One WebAssembly memory that holds registers, look-aside tables and RAM, so that a translator can
 * share them with the interpreter.
 *
 * @module
 */

/** Bytes kept for machine state (registers, flags, counters) at the start of the memory. */
export const STATE_BYTES = 0x10000;

/** The shared memory with its typed views. RAM regions are carved from it at construction. */
export class HostMemory {
  /** The memory itself. */
  readonly memory: WebAssembly.Memory;
  /** Byte view. */
  readonly u8: Uint8Array<ArrayBuffer>;
  /** Halfword view. */
  readonly u16: Uint16Array<ArrayBuffer>;
  /** Signed word view: the hot one, as V8 keeps small integers of it unboxed. */
  readonly i32: Int32Array<ArrayBuffer>;
  /** Unsigned word view. */
  readonly u32: Uint32Array<ArrayBuffer>;
  #used: number = STATE_BYTES;

  /**
   * Memory of a fixed size.
   *
   * @param bytes Room for RAM and tables beyond {@linkcode STATE_BYTES}.
   */
  constructor(bytes: number) {
    const pages = Math.ceil((bytes + STATE_BYTES) / 65536);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const buffer = this.memory.buffer as ArrayBuffer;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
  }

  /** Takes `bytes` (rounded up to 4096) and returns their byte offset. */
  take(bytes: number): number {
    const offset = this.#used;
    this.#used += (bytes + 4095) & ~4095;
    if (this.#used > this.u8.length) throw new RangeError("host memory is too small");
    return offset;
  }
}
