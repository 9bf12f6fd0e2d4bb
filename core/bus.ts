/**
 * The physical bus behind the MMU, as the CPU sees it.
 *
 * @module
 */

/** Memory that the CPU reaches directly in the shared WebAssembly memory. */
export interface RamRegion {
  /** First physical address. */
  readonly base: number;
  /** Length in bytes, a multiple of 4096. */
  readonly size: number;
  /** Byte offset in the shared memory. */
  readonly offset: number;
  /** False for flash: reads and fetches are direct, writes go to {@linkcode Bus.write}. */
  readonly writable: boolean;
}

/** Width of an access in bytes. */
export type AccessSize = 1 | 2 | 4;

/** What answers physical addresses. Never throws, whatever the guest does. */
export interface Bus {
  /** Directly reachable memory. */
  readonly ram: readonly RamRegion[];
  /** Set by {@linkcode read} and {@linkcode write} when the access is answered with an external abort. */
  fault: boolean;
  /** Reads a device register; zero-extended to an unsigned 32-bit number. */
  read(pa: number, size: AccessSize): number;
  /** Writes a device register. */
  write(pa: number, size: AccessSize, value: number): void;
  /** Reads without side effects, for debuggers and dumps. */
  peek(pa: number, size: AccessSize): number;
}
