/**
 * Where a machine is known not to do what the ARM920T manual says, why, and where that can be read.
 *
 * `differs` must fail (a pass is reported, so that the list does not outlive its reason); `may differ`
 * may do either. A file and function of QEMU is meant as of version 7.2.
 *
 * @module
 */

import type { Machine, Need } from "./suite.ts";

/** What a deviation says of its cases. */
export type Verdict = "differs" | "may differ";

/** A reason, and the cases that fail for it. */
export interface Deviation {
  /** Name, as in the manifest. */
  readonly id: string;
  /** Machines that deviate. */
  readonly machines: readonly Machine[];
  /** What the cases do there. */
  readonly verdict: Verdict;
  /** Patterns of names of cases. */
  readonly cases: readonly RegExp[];
  /** Only those of them that have one of these needs. */
  readonly needs?: readonly Need[];
  /** Why the machine deviates. */
  readonly reason: string;
  /** Where the reason can be verified. */
  readonly source: string;
}

const QEMU: readonly Machine[] = ["sx1", "versatilepb"];

/** All known deviations. The first that fits a case counts. */
export const DEVIATIONS: readonly Deviation[] = [
  {
    id: "no-caches",
    machines: ["understudy", ...QEMU],
    verdict: "differs",
    cases: [/^cache\//],
    needs: ["dcache", "icache"],
    reason: "The machine has no cache model, so memory and what the core sees never disagree.",
    source: "QEMU: docs/devel/tcg.rst and target/arm/helper.c, CACHEMAINT is ARM_CP_NOP. " +
      "Understudy: a property of the functional fidelity.",
  },
  {
    id: "v5-instructions",
    machines: ["versatilepb"],
    verdict: "differs",
    cases: [
      /^undefined\/arm\/(clz|bkpt|blx-register|bxj|qadd|qdsub|smlabb|smulwb|smlalbb)$/,
      /^undefined\/arm\/(ldrd|strd|ldrd-register)$/,
      /^undefined\/thumb\/(bkpt|blx-register|blx-suffix)$/,
    ],
    reason: "The ARM926EJ-S is ARMv5TEJ: these encodings are instructions there.",
    source: "ARM926EJ-S TRM (ARM DDI 0198D) 1.1.",
  },
  {
    id: "thumb-2-decoded",
    machines: QEMU,
    verdict: "differs",
    cases: [/^undefined\/thumb\/(cbz|if-then)$/],
    reason: "QEMU decodes the 16-bit encodings of CBZ and IT on cores without Thumb-2.",
    source: "QEMU target/arm/t16.decode and translate.c: trans_CBZ and trans_IT test no feature.",
  },
  {
    id: "one-fault-status",
    machines: ["sx1"],
    verdict: "differs",
    cases: [
      /^prefetch-abort\/ifsr\//,
      /^cp15\/c5\/statuses-are-separate$/,
      /^priority\/fetch-(translation-before-domain|domain-before-permission)$/,
    ],
    reason: "The TI925T of QEMU has one fault status register behind every opcode of c5.",
    source: "QEMU target/arm/helper.c, omap_cp_reginfo: DFSR with CP_ANY and ARM_CP_OVERRIDE.",
  },
  {
    id: "unaligned-accesses",
    machines: QEMU,
    verdict: "differs",
    cases: [/^alignment\/rotate\/(?!ldr-0$)/, /^alignment\/truncate\//],
    reason: "With c1.A clear QEMU does the unaligned access of later architectures (loads and " +
      "stores) or faults (SWP, LDM, STM) instead of aligning and rotating.",
    source: "QEMU target/arm/translate.c: op_load_rr and the like pass the address as it is; " +
      "op_ldm, op_stm and op_swp add MO_ALIGN.",
  },
  {
    id: "stored-pc",
    machines: QEMU,
    verdict: "differs",
    cases: [/^data-abort\/pc-store\//],
    reason:
      "QEMU stores the instruction's address + 8; the ARM9TDMI stores + 12 (both are allowed).",
    source: "QEMU target/arm/translate.c, load_reg_var; ARM9TDMI TRM (ARM DDI 0180A) 2.1.",
  },
  {
    id: "domain-before-second-level",
    machines: QEMU,
    verdict: "differs",
    cases: [
      /^priority\/translation-before-domain-(coarse|fine)-(load|store)$/,
      /^priority\/fetch-translation-before-domain$/,
    ],
    reason: "QEMU checks the domain before it reads the second-level descriptor; the manual's " +
      "sequence reads the page table entry first, and its priority table puts translation first.",
    source: "QEMU target/arm/ptw.c, get_phys_addr_v5; S3C2410A manual, ARM920T appendix 3, " +
      "figure 3-11 and table 3-4 (ARM920T TRM, ARM DDI 0151C, 3.6 and 3.7).",
  },
  {
    id: "far-is-virtual",
    machines: QEMU,
    verdict: "differs",
    cases: [/^fcse\/fault\/.*far-is-mva$/],
    reason: "QEMU puts the address before the process identifier into the FAR, not the MVA.",
    source:
      "QEMU target/arm/tlb_helper.c, arm_deliver_fault, is given the address of the access; " +
      "get_phys_addr adds c13 to its own copy.",
  },
  {
    id: "tlb-by-virtual-address",
    machines: QEMU,
    verdict: "differs",
    cases: [
      /^fcse\/tlb\/(entries-outlive-a-switch|same-entry-from-above)$/,
      /^fcse\/tlb\/invalidate-entry-by-(mva|va-misses)$/,
    ],
    reason: "The TLB of QEMU is indexed by the address before the process identifier: a new " +
      "identifier flushes it, and the operand of the entry operations is taken as such an address.",
    source: "QEMU target/arm/helper.c, fcse_write and tlbimva_write.",
  },
  {
    id: "tlb-flushed-by-control",
    machines: QEMU,
    verdict: "differs",
    cases: [
      /^tlb\/data\/survives-switching-the-mmu-off-and-on$/,
      /^tlb\/data\/stale-domain-number$/,
    ],
    reason: "QEMU flushes its TLB at every change of c1 and at every write of c3.",
    source: "QEMU target/arm/helper.c, sctlr_write and dacr_write.",
  },
  {
    id: "tlb-unified",
    machines: QEMU,
    verdict: "differs",
    cases: [
      /^tlb\/data\/invalidate-instruction-side-leaves-it$/,
      /^tlb\/instruction\/invalidate-data-side-leaves-it$/,
      /^tlb\/instruction\/(data-access-does-not-refresh-it|fetch-does-not-fill-the-data-side)$/,
    ],
    reason: "QEMU has one TLB for fetches and data, and c8 operations act on it whatever CRm says.",
    source: "QEMU target/arm/helper.c, not_v7_cp_reginfo: TLBIALL and TLBIMVA with CRm = CP_ANY.",
  },
  {
    id: "tlb-large-entries",
    machines: QEMU,
    verdict: "differs",
    cases: [
      /^tlb\/(data|instruction)\/invalidate-entry-of-an-absent-address$/,
      /^tlb\/data\/(invalidate-entry-leaves-other-entries|subpage-entries-are-separate)$/,
    ],
    reason:
      "What is larger than 1 KB is remembered as one range; invalidating any address in the " +
      "range flushes everything.",
    source: "QEMU accel/tcg/cputlb.c, tlb_add_large_page and tlb_flush_page_locked.",
  },
  {
    id: "tlb-entries-of-1-kb",
    machines: QEMU,
    verdict: "differs",
    cases: [/^tlb\/data\/(equal-subpages-are-one|section-is-one|large-page-is-one)-entry$/],
    reason: "An entry covers 1 KB: another address of the same page or section is walked again.",
    source:
      "QEMU target/arm/cpu-param.h, TARGET_PAGE_BITS_MIN, and accel/tcg/cputlb.c, tlb_set_page_full.",
  },
  {
    id: "tlb-holds-no-refusals",
    machines: QEMU,
    verdict: "differs",
    cases: [/^tlb\/data\/stale-permission-keeps-closed$/],
    reason:
      "An entry says what is allowed; an access that it does not allow walks the tables again.",
    source:
      "QEMU accel/tcg/cputlb.c, probe_access_internal and load_helper: tlb_fill on a mismatch.",
  },
  {
    id: "no-tlb-lockdown",
    machines: QEMU,
    verdict: "differs",
    cases: [
      /^tlb\/lockdown\/.*victim/,
      /^tlb\/lockdown\/locked-entry-is-not-displaced$/,
      /^tlb\/lockdown\/preserved-(against|not-against)-/,
      /^tlb\/lockdown\/instruction-(preserved|locked-is-not-displaced)$/,
      /^cp15\/c10\//,
    ],
    reason: "QEMU ignores writes to c10, and a read leaves the register as it was.",
    source: "QEMU target/arm/helper.c, not_v8_cp_reginfo: TLB_LOCKDOWN is ARM_CP_NOP.",
  },
  {
    id: "tlb-residency",
    machines: QEMU,
    verdict: "may differ",
    cases: [/^tlb\//, /^fcse\/tlb\//],
    needs: ["tlb"],
    reason:
      "How long an entry stays is nothing that QEMU promises: its TLB is direct-mapped and is " +
      "resized at run time.",
    source: "QEMU accel/tcg/cputlb.c, tlb_mmu_resize_locked.",
  },
  {
    id: "block-runs-to-its-end",
    machines: QEMU,
    verdict: "differs",
    cases: [
      /^cache\/self-modifying\/(ahead-in-the-same-page|loop-that-counts-in-its-own-code)$/,
    ],
    reason:
      "A store into the block of code that is running takes effect after the block; the ARM9 " +
      "fetches an instruction 8 words ahead after the store, when no cache is on.",
    source: "QEMU accel/tcg: TARGET_HAS_PRECISE_SMC, which target/arm does not define.",
  },
  {
    id: "another-core",
    machines: QEMU,
    verdict: "differs",
    cases: [/^cp15\/c0\/(id|architecture-and-part|cache-type)$/],
    reason: "Another core: TI925T, ARM926EJ-S.",
    source: "QEMU target/arm/cpu_tcg.c, ti925t_initfn and arm926_initfn.",
  },
  {
    id: "more-id-registers",
    machines: QEMU,
    verdict: "differs",
    cases: [/^cp15\/c0\/opcode-[23]-is-the-id$/],
    reason: "QEMU has TCM and TLB type registers there, reading 0, on every core before ARMv8.",
    source: "QEMU target/arm/helper.c, id_cp_reginfo (TCMTR) and id_tlbtr_reginfo (TLBTR).",
  },
  {
    id: "control-bits-6-to-3",
    machines: QEMU,
    verdict: "differs",
    cases: [/^cp15\/c1\/bits-6-to-3-read-as-one$/],
    reason: "QEMU keeps whatever is written to bits 6:3 of c1.",
    source: "QEMU target/arm/helper.c, sctlr_write.",
  },
  {
    id: "control-reset",
    machines: ["sx1"],
    verdict: "differs",
    cases: [/^cp15\/c1\/reset$/],
    reason: "The TI925T resets c1 to 0x70: bit 3 is not set.",
    source: "QEMU target/arm/cpu_tcg.c, ti925t_initfn.",
  },
  {
    id: "no-cache-lockdown",
    machines: ["sx1"],
    verdict: "differs",
    cases: [/^cp15\/c9\//],
    reason: "c9 of the TI925T reads 0 in QEMU.",
    source: "QEMU target/arm/helper.c, omap_cp_reginfo: C9.",
  },
];
