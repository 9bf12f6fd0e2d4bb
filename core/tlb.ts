/**
 * One translation look-aside buffer of the ARM920T: 64 entries, replaced round robin, with
 * lockdown and preserve bits (TRM DDI 0151C, sections 2.3.11, 2.3.13 and 3.1).
 *
 * An entry stays until it is invalidated or displaced, however the tables in memory change. It
 * keeps domain and access permission bits, not verdicts: c3 and the S and R bits of c1 are looked at
 * on every access.
 *
 * @module
 */

/** Entries of each TLB. */
export const TLB_ENTRIES = 64;
const HINTS = 64;

/** Fields of {@linkcode Tlb.info}. */
export const TLB_INFO = {
  /** AP bits that hold for the entry. */
  AP: 0x3,
  /** B (bufferable), as in the descriptor. */
  B: 0x4,
  /** C (cacheable), as in the descriptor. */
  C: 0x8,
  /** Domain, bits 7:4: in place for the fault status register. */
  DOMAIN: 0xf0,
  /** The entry came from a second-level descriptor. */
  PAGE: 0x100,
  /** Loaded while the preserve bit was set: survives "invalidate all". */
  PRESERVE: 0x200,
} as const;

/** Saved form of a {@linkcode Tlb}. */
export interface TlbState {
  /** Upper bits of the modified virtual addresses. */
  tag: number[];
  /** Masks that leave the bits of `tag`; 0 for an entry that is not valid. */
  mask: number[];
  /** Physical addresses of the first bytes. */
  pa: number[];
  /** Attributes, see {@linkcode TLB_INFO}. */
  info: number[];
  /** First entry that round robin may displace. */
  base: number;
  /** The next entry to be displaced. */
  victim: number;
  /** P bit of the lockdown register: 0 or 1. */
  preserve: number;
}

/** An I or D TLB. */
export class Tlb {
  /** Upper bits of the modified virtual address; 1 (never matches) when not valid. */
  readonly tag: Int32Array = new Int32Array(TLB_ENTRIES).fill(1);
  /** Mask that leaves the bits compared with `tag`: its complement is the size less one. */
  readonly mask: Int32Array = new Int32Array(TLB_ENTRIES);
  /** Physical address of the first byte. */
  readonly pa: Int32Array = new Int32Array(TLB_ENTRIES);
  /** Attributes, see {@linkcode TLB_INFO}. */
  readonly info: Int32Array = new Int32Array(TLB_ENTRIES);
  /** First entry that round robin may displace; those below are locked. */
  base = 0;
  /** The next entry to be displaced. */
  victim = 0;
  /** P bit of the lockdown register: 0 or 1. */
  preserve = 0;
  readonly #onDrop: (tag: number, mask: number) => void;
  // Where a page was found lately: looked at first while no two entries match the same address.
  readonly #hint: Uint8Array = new Uint8Array(HINTS);
  #overlapping = false;

  /**
   * Makes an empty TLB.
   *
   * @param onDrop Called with tag and mask of each range for which another translation may hold now.
   */
  constructor(onDrop: (tag: number, mask: number) => void) {
    this.#onDrop = onDrop;
  }

  /**
   * Finds the entry of an address.
   *
   * @param mva Modified virtual address, as a signed word.
   * @returns Index of the lowest entry that matches, or -1.
   */
  find(mva: number): number {
    const { tag, mask } = this;
    const hint = (mva >>> 12) & (HINTS - 1);
    const likely = this.#hint[hint];
    if ((mva & mask[likely]) === tag[likely] && !this.#overlapping) return likely;
    for (let i = 0; i < TLB_ENTRIES; i++) {
      if ((mva & mask[i]) === tag[i]) {
        this.#hint[hint] = i;
        return i;
      }
    }
    return -1;
  }

  /**
   * Enters a translation at the victim pointer and moves the pointer on.
   *
   * @param mva Any modified virtual address in the page, as a signed word.
   * @param mask Mask that leaves the page's address.
   * @param pa A physical address in the page.
   * @param info Attributes, see {@linkcode TLB_INFO}; the preserve bit is added here.
   * @returns Index of the entry.
   */
  insert(mva: number, mask: number, pa: number, info: number): number {
    const i = this.victim;
    this.#drop(i);
    if (this.#overlaps(mva, mask)) {
      this.#overlapping = true;
      this.#onDrop(mva & mask, mask);
    }
    this.tag[i] = mva & mask;
    this.mask[i] = mask;
    this.pa[i] = pa & mask;
    this.info[i] = info | (this.preserve ? TLB_INFO.PRESERVE : 0);
    this.victim = i === TLB_ENTRIES - 1 ? this.base : i + 1;
    this.#hint[(mva >>> 12) & (HINTS - 1)] = i;
    return i;
  }

  /** Invalidates every entry but the preserved ones. */
  invalidateAll(): void {
    let kept = 0;
    for (let i = 0; i < TLB_ENTRIES; i++) {
      if ((this.info[i] & TLB_INFO.PRESERVE) === 0) this.#drop(i);
      else kept++;
    }
    if (kept < 2) this.#overlapping = false;
  }

  /**
   * Invalidates what matches an address, preserved or not.
   *
   * @param mva Modified virtual address, as a signed word.
   */
  invalidate(mva: number): void {
    for (let i = 0; i < TLB_ENTRIES; i++) {
      if ((mva & this.mask[i]) === this.tag[i]) this.#drop(i);
    }
  }

  /** The lockdown register (c10): base in 31:26, victim in 25:20, P in 0. */
  get lockdown(): number {
    return (this.base << 26) | (this.victim << 20) | this.preserve;
  }

  set lockdown(value: number) {
    this.base = (value >>> 26) & 63;
    this.victim = (value >>> 20) & 63;
    this.preserve = value & 1;
  }

  /** Empties the TLB and clears the lockdown register, as a reset does. */
  reset(): void {
    for (let i = 0; i < TLB_ENTRIES; i++) {
      this.#drop(i);
      this.pa[i] = 0;
    }
    this.lockdown = 0;
    this.#overlapping = false;
  }

  /** Takes note that an entry was written past {@linkcode insert}: two may match an address now. */
  touched(): void {
    this.#overlapping = true;
  }

  /** The contents as plain data. */
  state(): TlbState {
    return {
      tag: [...this.tag],
      mask: [...this.mask],
      pa: [...this.pa],
      info: [...this.info],
      base: this.base,
      victim: this.victim,
      preserve: this.preserve,
    };
  }

  /** Takes contents that {@linkcode state} gave. What was there is dropped. */
  restore(s: TlbState): void {
    this.reset();
    for (let i = 0; i < TLB_ENTRIES; i++) {
      if (s.mask[i] !== 0 && this.#overlaps(s.tag[i], s.mask[i])) this.#overlapping = true;
      this.tag[i] = s.tag[i];
      this.mask[i] = s.mask[i];
    }
    this.pa.set(s.pa);
    this.info.set(s.info);
    this.base = s.base;
    this.victim = s.victim;
    this.preserve = s.preserve;
  }

  /**
   * True when some entry matches an address that a new one would match. That takes a table that changed
   * from pages to a section (or to larger pages) without maintenance; the lowest entry wins then.
   */
  #overlaps(mva: number, mask: number): boolean {
    for (let i = 0; i < TLB_ENTRIES; i++) {
      if (((mva ^ this.tag[i]) & mask & this.mask[i]) === 0 && this.mask[i] !== 0) return true;
    }
    return false;
  }

  #drop(i: number): void {
    const mask = this.mask[i];
    if (mask === 0) return;
    const tag = this.tag[i];
    this.tag[i] = 1;
    this.mask[i] = 0;
    this.info[i] = 0;
    this.#onDrop(tag, mask);
  }
}
