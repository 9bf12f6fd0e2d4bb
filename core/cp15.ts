/**
 * The system control coprocessor of the ARM920T by its numbers: registers, bits, operations
 * (TRM DDI 0151C, section 2.3; Samsung S3C2440A manual, appendix 2).
 *
 * @module
 */

/** c0, op2 other than 1: implementor ARM, architecture 4T, part 920, revision 0. */
export const ID_CODE = 0x41129200;
/** c0, op2 = 1: Harvard, 16 KB, 64-way, eight-word lines, both caches. */
export const CACHE_TYPE = 0x0d172172;

/** Primary register numbers (CRn). */
export const CR = {
  /** ID code and cache type. */
  ID: 0,
  /** Control. */
  CONTROL: 1,
  /** Translation table base. */
  TTB: 2,
  /** Domain access control. */
  DOMAIN: 3,
  /** Fault status: op2 0 data, 1 prefetch. */
  FSR: 5,
  /** Fault address. */
  FAR: 6,
  /** Cache operations. */
  CACHE: 7,
  /** TLB operations. */
  TLB: 8,
  /** Cache lockdown. */
  CACHE_LOCKDOWN: 9,
  /** TLB lockdown. */
  TLB_LOCKDOWN: 10,
  /** FCSE process identifier. */
  PID: 13,
} as const;

/** Bits of c1. */
export const C1 = {
  /** MMU enable. */
  M: 1 << 0,
  /** Alignment fault checking enable. */
  A: 1 << 1,
  /** Data cache enable. */
  C: 1 << 2,
  /** Big-endian operation. */
  B: 1 << 7,
  /** System protection. */
  S: 1 << 8,
  /** ROM protection. */
  R: 1 << 9,
  /** Instruction cache enable. */
  I: 1 << 12,
  /** Exception vectors at 0xffff0000. */
  V: 1 << 13,
  /** Round robin replacement in the caches. */
  RR: 1 << 14,
  /** notFastBus. */
  NF: 1 << 30,
  /** Asynchronous clock select. */
  IA: 1 << 31,
} as const;

/** Bits of c1 that can be written. */
export const C1_WRITABLE: number = C1.M | C1.A | C1.C | C1.B | C1.S | C1.R | C1.I | C1.V | C1.RR |
  C1.NF | C1.IA;
/** Bits of c1 that read as one. */
export const C1_ONES = 0x78;

/** `CRm << 4 | op2` of the c7 operations. */
export const C7 = {
  /** Wait for interrupt. */
  WAIT: 0x04,
  /** Invalidate the instruction cache. */
  INVALIDATE_I: 0x50,
  /** Invalidate an instruction cache line by MVA. */
  INVALIDATE_I_LINE: 0x51,
  /** Invalidate the data cache: dirty lines are lost. */
  INVALIDATE_D: 0x60,
  /** Invalidate a data cache line by MVA: what is dirty is lost. */
  INVALIDATE_D_LINE: 0x61,
  /** Invalidate both caches. */
  INVALIDATE: 0x70,
  /** Clean a data cache line by MVA. */
  CLEAN_LINE: 0xa1,
  /** Clean a data cache line by index. */
  CLEAN_INDEX: 0xa2,
  /** Drain the write buffer. */
  DRAIN: 0xa4,
  /** Prefetch an instruction cache line by MVA. */
  PREFETCH_I_LINE: 0xd1,
  /** Clean and invalidate a data cache line by MVA. */
  CLEAN_INVALIDATE_LINE: 0xe1,
  /** Clean and invalidate a data cache line by index. */
  CLEAN_INVALIDATE_INDEX: 0xe2,
} as const;

/** `CRm << 4 | op2` of the c8 operations. */
export const C8 = {
  /** Invalidate the instruction TLB. */
  INVALIDATE_I: 0x50,
  /** Invalidate an instruction TLB entry by MVA. */
  INVALIDATE_I_ENTRY: 0x51,
  /** Invalidate the data TLB. */
  INVALIDATE_D: 0x60,
  /** Invalidate a data TLB entry by MVA. */
  INVALIDATE_D_ENTRY: 0x61,
  /** Invalidate both TLBs. */
  INVALIDATE: 0x70,
} as const;

/** Fault status codes, bits 3:0 of the FSR (TRM table 3-9). */
export const FAULT = {
  /** No fault. */
  NONE: 0x0,
  /** Misaligned data access. */
  ALIGNMENT: 0x1,
  /** No valid first-level descriptor. */
  TRANSLATION_SECTION: 0x5,
  /** No valid second-level descriptor. */
  TRANSLATION_PAGE: 0x7,
  /** The bus aborted an access to a section. */
  EXTERNAL_SECTION: 0x8,
  /** The domain of a section gives no access. */
  DOMAIN_SECTION: 0x9,
  /** The bus aborted an access to a page. */
  EXTERNAL_PAGE: 0xa,
  /** The domain of a page gives no access. */
  DOMAIN_PAGE: 0xb,
  /** The bus aborted the first-level read of a table walk (architecture manual; not in the TRM). */
  EXTERNAL_WALK_1: 0xc,
  /** The AP bits of a section refuse the access. */
  PERMISSION_SECTION: 0xd,
  /** The bus aborted the second-level read of a table walk (architecture manual; not in the TRM). */
  EXTERNAL_WALK_2: 0xe,
  /** The AP bits of a page refuse the access. */
  PERMISSION_PAGE: 0xf,
} as const;

const FAULT_NAMES: Record<number, string> = {
  [FAULT.ALIGNMENT]: "alignment",
  [FAULT.TRANSLATION_SECTION]: "translation-section",
  [FAULT.TRANSLATION_PAGE]: "translation-page",
  [FAULT.EXTERNAL_SECTION]: "external-section",
  [FAULT.DOMAIN_SECTION]: "domain-section",
  [FAULT.EXTERNAL_PAGE]: "external-page",
  [FAULT.DOMAIN_PAGE]: "domain-page",
  [FAULT.EXTERNAL_WALK_1]: "external-walk-section",
  [FAULT.PERMISSION_SECTION]: "permission-section",
  [FAULT.EXTERNAL_WALK_2]: "external-walk-page",
  [FAULT.PERMISSION_PAGE]: "permission-page",
};

/**
 * Names a fault status.
 *
 * @param fsr Contents of a fault status register.
 * @returns For example `"domain-page"`; `"none"` for a code that means nothing.
 */
export function faultName(fsr: number): string {
  return FAULT_NAMES[fsr & 15] ?? "none";
}
