/**
 * The fast interpreter: one loop with one dense switch over decoded instructions, registers and RAM
 * in one typed array, flags and cycles in locals. What it does not do itself - misses of the look-aside
 * tables, devices, aborts, exceptions, status registers, coprocessor - it hands to the exact
 * interpreter, an instruction at a time, so that there is one place for every side effect.
 *
 * V8 turns the switch into a jump table only if the cases are literals; the names are in
 * {@linkcode OP}. Nothing may be written before it is sure that the instruction needs no help.
 *
 * @module
 */
import { mulHighSigned, mulHighUnsigned } from "./bits.ts";
import { type CpuCore, CYCLES } from "./cpu_core.ts";
import {
  executeArm,
  executeThumb,
  shiftByConstant,
  shiftByRegister,
  shifterCarry,
} from "./cpu_exact.ts";
import { locate, stateOf } from "./cpu_fetch.ts";
import { STATE } from "./cpu_state.ts";
import { decodeArm, decodeThumb, FIELD, OP, SHIFT_KIND, SHIFT_NEGATE } from "./decode.ts";

const { SET_CARRY, SHIFT } = FIELD;

/**
 * Executes instructions until the stretch is used up.
 *
 * @param core The CPU, inside a stretch and with no interrupt to take.
 */
export function execute(core: CpuCore): void {
  const r = core.i32;
  const u16 = core.u16;
  const u8 = core.u8;
  const code = core.code.pool;
  const tables = core.mmu.lookaside;
  const { BRANCH, LOAD_PC, LOAD_MULTIPLE_PC, MULTIPLY, MULTIPLY_LONG, SHIFT_BY_REGISTER } = CYCLES;

  // What depends on the processor state and the page.
  let state = stateOf(r[STATE.CPSR]);
  let read = 0;
  let write = 0;
  let ahead = 0; // operand value of PC less the address
  let scale = 0; // address = (k << scale) + origin
  let origin = 0;
  let base = 0; // index in the pool of the page's first instruction
  let page = 1; // its virtual address; odd: none
  let k = 0; // index of the present instruction

  let n = r[STATE.N];
  let z = r[STATE.Z];
  let c = -r[STATE.C]; // C is the sign
  let v = -r[STATE.V]; // V is the sign
  let left = core.left | 0;
  let extra = 0;
  let target = r[STATE.PC];
  let fresh = true; // the state bits may have changed

  while (left > 0) {
    // Continue at `target`.
    if (fresh || (target & ~0xfff) !== page || core.mmu.fetchStale) {
      for (;;) {
        state = stateOf(r[STATE.CPSR]);
        base = core.code.find(target, state);
        if (base >= 0) break;
        r[STATE.PC] = target;
        r[STATE.N] = n;
        r[STATE.Z] = z;
        r[STATE.C] = c >>> 31;
        r[STATE.V] = v >>> 31;
        core.left = left;
        core.extra += extra;
        extra = 0;
        base = locate(core, target, state);
        left = core.left | 0;
        if (base >= 0) break;
        // An instruction was executed there.
        n = r[STATE.N];
        z = r[STATE.Z];
        c = -r[STATE.C];
        v = -r[STATE.V];
        target = r[STATE.PC];
        if (left <= 0) return;
      }
      const user = (state & 2) !== 0;
      read = user ? tables.readUser : tables.readPrivileged;
      write = user ? tables.writeUser : tables.writePrivileged;
      scale = (state & 1) ^ 1;
      ahead = 4 << scale;
      page = target & ~0xfff;
      origin = (page - (base << scale)) | 0;
      fresh = false;
    }
    k = base + ((target & 0xfff) >> scale);

    // Instructions of this page, until one branches away or needs help.
    page:
    for (;;) {
      if (left <= 0) {
        target = ((k << scale) + origin) | 0;
        break;
      }
      left--;
      const w = code[k];
      let b = code[k + 1];

      if (w < 0) {
        let holds = true;
        switch ((w >>> 27) & 15) {
          case 0:
            holds = z === 0;
            break;
          case 1:
            holds = z !== 0;
            break;
          case 2:
            holds = c < 0;
            break;
          case 3:
            holds = c >= 0;
            break;
          case 4:
            holds = n < 0;
            break;
          case 5:
            holds = n >= 0;
            break;
          case 6:
            holds = v < 0;
            break;
          case 7:
            holds = v >= 0;
            break;
          case 8:
            holds = c < 0 && z !== 0;
            break;
          case 9:
            holds = c >= 0 || z === 0;
            break;
          case 10:
            holds = (n ^ v) >= 0;
            break;
          case 11:
            holds = (n ^ v) < 0;
            break;
          case 12:
            holds = z !== 0 && (n ^ v) >= 0;
            break;
          case 13:
            holds = z === 0 || (n ^ v) < 0;
            break;
        }
        if (!holds) {
          k += 2;
          continue;
        }
        r[15] = (k << scale) + origin + ahead;
        if ((w & SHIFT) !== 0) {
          const m = r[b & 15];
          const amount = (b >>> 8) & 31;
          let carry = c;
          let value = 0;
          switch ((b >>> 4) & 7) {
            case 0: // LSL
              value = m << amount;
              if (amount !== 0) carry = m << (amount - 1);
              break;
            case 1: // LSR
              value = m >>> amount | 0;
              carry = m << (32 - amount);
              break;
            case 2: // ASR
              value = m >> amount;
              carry = m << (32 - amount);
              break;
            case 3: // ROR
              value = (m >>> amount) | (m << (32 - amount));
              carry = value;
              break;
            case 4: // by 32, or RRX
              value = shiftByConstant(m, (b >>> 13) & 3, 0, c >>> 31);
              carry = -shifterCarry();
              break;
            default: // by register
              value = shiftByRegister(m, (b >>> 13) & 3, r[(b >>> 8) & 15], c >>> 31);
              carry = -shifterCarry();
              left -= SHIFT_BY_REGISTER;
              extra += SHIFT_BY_REGISTER;
              break;
          }
          if ((w & SET_CARRY) !== 0) c = carry;
          b = (b & SHIFT_NEGATE) !== 0 ? -value | 0 : value;
        } else if ((w & SET_CARRY) !== 0) {
          c = b;
        }
      }

      // A case that is done continues; one that branches away breaks the page loop; one that
      // needs help breaks the switch.
      switch (w & 0xff) {
        // ---- data processing, flags untouched: PLAIN
        case 4: // AND
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] & b;
          k += 2;
          continue;
        case 5: // EOR
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] ^ b;
          k += 2;
          continue;
        case 6: // SUB
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] - b;
          k += 2;
          continue;
        case 7: // RSB
          r[(w >>> 8) & 15] = b - r[(w >>> 12) & 15];
          k += 2;
          continue;
        case 8: // ADD
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] + b;
          k += 2;
          continue;
        case 9: // ADC
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] + b + (c >>> 31);
          k += 2;
          continue;
        case 10: // SBC
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] + ~b + (c >>> 31);
          k += 2;
          continue;
        case 11: // RSC
          r[(w >>> 8) & 15] = b + ~r[(w >>> 12) & 15] + (c >>> 31);
          k += 2;
          continue;
        case 12: // ORR
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] | b;
          k += 2;
          continue;
        case 13: // MOV
          r[(w >>> 8) & 15] = b;
          k += 2;
          continue;
        case 14: // BIC
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] & ~b;
          k += 2;
          continue;
        case 15: // MVN
          r[(w >>> 8) & 15] = ~b;
          k += 2;
          continue;

        // ---- data processing with flags: FLAGS + opcode
        case 16: // ANDS
          r[(w >>> 8) & 15] = n = z = r[(w >>> 12) & 15] & b;
          k += 2;
          continue;
        case 17: // EORS
          r[(w >>> 8) & 15] = n = z = r[(w >>> 12) & 15] ^ b;
          k += 2;
          continue;
        case 18: { // SUBS
          const a = r[(w >>> 12) & 15];
          n = z = (a - b) | 0;
          c = (a & ~b) | ((a | ~b) & ~n);
          v = (a ^ b) & (a ^ n);
          r[(w >>> 8) & 15] = n;
          k += 2;
          continue;
        }
        case 19: { // RSBS
          const a = r[(w >>> 12) & 15];
          n = z = (b - a) | 0;
          c = (b & ~a) | ((b | ~a) & ~n);
          v = (b ^ a) & (b ^ n);
          r[(w >>> 8) & 15] = n;
          k += 2;
          continue;
        }
        case 20: { // ADDS
          const a = r[(w >>> 12) & 15];
          n = z = (a + b) | 0;
          c = (a & b) | ((a | b) & ~n);
          v = (a ^ n) & (b ^ n);
          r[(w >>> 8) & 15] = n;
          k += 2;
          continue;
        }
        case 21: { // ADCS
          const a = r[(w >>> 12) & 15];
          n = z = (a + b + (c >>> 31)) | 0;
          c = (a & b) | ((a | b) & ~n);
          v = (a ^ n) & (b ^ n);
          r[(w >>> 8) & 15] = n;
          k += 2;
          continue;
        }
        case 22: { // SBCS
          const a = r[(w >>> 12) & 15];
          n = z = (a + ~b + (c >>> 31)) | 0;
          c = (a & ~b) | ((a | ~b) & ~n);
          v = (a ^ b) & (a ^ n);
          r[(w >>> 8) & 15] = n;
          k += 2;
          continue;
        }
        case 23: { // RSCS
          const a = r[(w >>> 12) & 15];
          n = z = (b + ~a + (c >>> 31)) | 0;
          c = (b & ~a) | ((b | ~a) & ~n);
          v = (b ^ a) & (b ^ n);
          r[(w >>> 8) & 15] = n;
          k += 2;
          continue;
        }
        case 24: // TST
          n = z = r[(w >>> 12) & 15] & b;
          k += 2;
          continue;
        case 25: // TEQ
          n = z = r[(w >>> 12) & 15] ^ b;
          k += 2;
          continue;
        case 26: { // CMP
          const a = r[(w >>> 12) & 15];
          n = z = (a - b) | 0;
          c = (a & ~b) | ((a | ~b) & ~n);
          v = (a ^ b) & (a ^ n);
          k += 2;
          continue;
        }
        case 27: { // CMN
          const a = r[(w >>> 12) & 15];
          n = z = (a + b) | 0;
          c = (a & b) | ((a | b) & ~n);
          v = (a ^ n) & (b ^ n);
          k += 2;
          continue;
        }
        case 28: // ORRS
          r[(w >>> 8) & 15] = n = z = r[(w >>> 12) & 15] | b;
          k += 2;
          continue;
        case 29: // MOVS
          r[(w >>> 8) & 15] = n = z = b;
          k += 2;
          continue;
        case 30: // BICS
          r[(w >>> 8) & 15] = n = z = r[(w >>> 12) & 15] & ~b;
          k += 2;
          continue;
        case 31: // MVNS
          r[(w >>> 8) & 15] = n = z = ~b;
          k += 2;
          continue;

        // ---- data processing with Rm << amount
        case 32: // AND_R
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] & (r[(w >>> 16) & 15] << ((w >>> 20) & 31));
          k += 2;
          continue;
        case 33: // EOR_R
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] ^ (r[(w >>> 16) & 15] << ((w >>> 20) & 31));
          k += 2;
          continue;
        case 34: // SUB_R
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] - (r[(w >>> 16) & 15] << ((w >>> 20) & 31));
          k += 2;
          continue;
        case 35: // RSB_R
          r[(w >>> 8) & 15] = (r[(w >>> 16) & 15] << ((w >>> 20) & 31)) - r[(w >>> 12) & 15];
          k += 2;
          continue;
        case 36: // ADD_R
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] + (r[(w >>> 16) & 15] << ((w >>> 20) & 31));
          k += 2;
          continue;
        case 37: // ORR_R
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] | (r[(w >>> 16) & 15] << ((w >>> 20) & 31));
          k += 2;
          continue;
        case 38: // MOV_R
          r[(w >>> 8) & 15] = r[(w >>> 16) & 15] << ((w >>> 20) & 31);
          k += 2;
          continue;
        case 39: // BIC_R
          r[(w >>> 8) & 15] = r[(w >>> 12) & 15] & ~(r[(w >>> 16) & 15] << ((w >>> 20) & 31));
          k += 2;
          continue;
        case 40: // MVN_R
          r[(w >>> 8) & 15] = ~(r[(w >>> 16) & 15] << ((w >>> 20) & 31));
          k += 2;
          continue;
        case 41: { // CMP_R
          const a = r[(w >>> 12) & 15];
          const d = r[(w >>> 16) & 15] << ((w >>> 20) & 31);
          n = z = (a - d) | 0;
          c = (a & ~d) | ((a | ~d) & ~n);
          v = (a ^ d) & (a ^ n);
          k += 2;
          continue;
        }
        case 42: { // ADDS_R
          const a = r[(w >>> 12) & 15];
          const d = r[(w >>> 16) & 15] << ((w >>> 20) & 31);
          n = z = (a + d) | 0;
          c = (a & d) | ((a | d) & ~n);
          v = (a ^ n) & (d ^ n);
          r[(w >>> 8) & 15] = n;
          k += 2;
          continue;
        }
        case 43: { // SUBS_R
          const a = r[(w >>> 12) & 15];
          const d = r[(w >>> 16) & 15] << ((w >>> 20) & 31);
          n = z = (a - d) | 0;
          c = (a & ~d) | ((a | ~d) & ~n);
          v = (a ^ d) & (a ^ n);
          r[(w >>> 8) & 15] = n;
          k += 2;
          continue;
        }
        case 44: // MOVS_R
          r[(w >>> 8) & 15] = n = z = r[(w >>> 16) & 15];
          k += 2;
          continue;
        case 45: // TST_R
          n = z = r[(w >>> 12) & 15] & r[(w >>> 16) & 15];
          k += 2;
          continue;
        case 46: // ORRS_R
          r[(w >>> 8) & 15] = n = z = r[(w >>> 12) & 15] | r[(w >>> 16) & 15];
          k += 2;
          continue;
        case 47: // ANDS_R
          r[(w >>> 8) & 15] = n = z = r[(w >>> 12) & 15] & r[(w >>> 16) & 15];
          k += 2;
          continue;
        case 48: { // RSBS_R
          const a = r[(w >>> 12) & 15];
          const d = r[(w >>> 16) & 15] << ((w >>> 20) & 31);
          n = z = (d - a) | 0;
          c = (d & ~a) | ((d | ~a) & ~n);
          v = (d ^ a) & (d ^ n);
          r[(w >>> 8) & 15] = n;
          k += 2;
          continue;
        }

        // ---- loads and stores
        case 49: { // LDR
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[read + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          r[(w >>> 8) & 15] = r[(a + e) >>> 2];
          k += 2;
          continue;
        }
        case 50: { // STR
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[write + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          r[(a + e) >>> 2] = r[(w >>> 8) & 15];
          k += 2;
          continue;
        }
        case 51: { // LDRB
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[read + (a >>> 12)];
          if ((e & 1) !== 0) break;
          r[(w >>> 8) & 15] = u8[(a + e) | 0];
          k += 2;
          continue;
        }
        case 52: { // STRB
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[write + (a >>> 12)];
          if ((e & 1) !== 0) break;
          u8[(a + e) | 0] = r[(w >>> 8) & 15];
          k += 2;
          continue;
        }
        case 53: { // LDRH
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[read + (a >>> 12)];
          if (((a | e) & 1) !== 0) break;
          r[(w >>> 8) & 15] = u16[(a + e) >>> 1];
          k += 2;
          continue;
        }
        case 54: { // STRH
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[write + (a >>> 12)];
          if (((a | e) & 1) !== 0) break;
          u16[(a + e) >>> 1] = r[(w >>> 8) & 15];
          k += 2;
          continue;
        }
        case 55: { // LDRSB
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[read + (a >>> 12)];
          if ((e & 1) !== 0) break;
          r[(w >>> 8) & 15] = (u8[(a + e) | 0] << 24) >> 24;
          k += 2;
          continue;
        }
        case 56: { // LDRSH
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[read + (a >>> 12)];
          if (((a | e) & 1) !== 0) break;
          r[(w >>> 8) & 15] = (u16[(a + e) >>> 1] << 16) >> 16;
          k += 2;
          continue;
        }
        case 57: { // LDR_PRE
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[read + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          r[(w >>> 12) & 15] = a;
          r[(w >>> 8) & 15] = r[(a + e) >>> 2];
          k += 2;
          continue;
        }
        case 58: { // STR_PRE
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[write + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          r[(a + e) >>> 2] = r[(w >>> 8) & 15];
          r[(w >>> 12) & 15] = a;
          k += 2;
          continue;
        }
        case 59: { // LDRB_PRE
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[read + (a >>> 12)];
          if ((e & 1) !== 0) break;
          r[(w >>> 12) & 15] = a;
          r[(w >>> 8) & 15] = u8[(a + e) | 0];
          k += 2;
          continue;
        }
        case 60: { // STRB_PRE
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[write + (a >>> 12)];
          if ((e & 1) !== 0) break;
          u8[(a + e) | 0] = r[(w >>> 8) & 15];
          r[(w >>> 12) & 15] = a;
          k += 2;
          continue;
        }
        case 61: { // LDR_POST
          const a = r[(w >>> 12) & 15];
          const e = r[read + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          r[(w >>> 12) & 15] = a + b;
          r[(w >>> 8) & 15] = r[(a + e) >>> 2];
          k += 2;
          continue;
        }
        case 62: { // STR_POST
          const a = r[(w >>> 12) & 15];
          const e = r[write + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          r[(a + e) >>> 2] = r[(w >>> 8) & 15];
          r[(w >>> 12) & 15] = a + b;
          k += 2;
          continue;
        }
        case 63: { // LDRB_POST
          const a = r[(w >>> 12) & 15];
          const e = r[read + (a >>> 12)];
          if ((e & 1) !== 0) break;
          r[(w >>> 12) & 15] = a + b;
          r[(w >>> 8) & 15] = u8[(a + e) | 0];
          k += 2;
          continue;
        }
        case 64: { // STRB_POST
          const a = r[(w >>> 12) & 15];
          const e = r[write + (a >>> 12)];
          if ((e & 1) !== 0) break;
          u8[(a + e) | 0] = r[(w >>> 8) & 15];
          r[(w >>> 12) & 15] = a + b;
          k += 2;
          continue;
        }
        case 65: { // LDRH_POST
          const a = r[(w >>> 12) & 15];
          const e = r[read + (a >>> 12)];
          if (((a | e) & 1) !== 0) break;
          r[(w >>> 12) & 15] = a + b;
          r[(w >>> 8) & 15] = u16[(a + e) >>> 1];
          k += 2;
          continue;
        }
        case 66: { // STRH_POST
          const a = r[(w >>> 12) & 15];
          const e = r[write + (a >>> 12)];
          if (((a | e) & 1) !== 0) break;
          u16[(a + e) >>> 1] = r[(w >>> 8) & 15];
          r[(w >>> 12) & 15] = a + b;
          k += 2;
          continue;
        }
        case 67: { // LDR_R
          const a = (r[(w >>> 12) & 15] + (r[(w >>> 16) & 15] << ((w >>> 20) & 31))) | 0;
          const e = r[read + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          r[(w >>> 8) & 15] = r[(a + e) >>> 2];
          k += 2;
          continue;
        }
        case 68: { // STR_R
          const a = (r[(w >>> 12) & 15] + (r[(w >>> 16) & 15] << ((w >>> 20) & 31))) | 0;
          const e = r[write + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          r[(a + e) >>> 2] = r[(w >>> 8) & 15];
          k += 2;
          continue;
        }
        case 69: { // LDRB_R
          const a = (r[(w >>> 12) & 15] + (r[(w >>> 16) & 15] << ((w >>> 20) & 31))) | 0;
          const e = r[read + (a >>> 12)];
          if ((e & 1) !== 0) break;
          r[(w >>> 8) & 15] = u8[(a + e) | 0];
          k += 2;
          continue;
        }
        case 70: { // STRB_R
          const a = (r[(w >>> 12) & 15] + (r[(w >>> 16) & 15] << ((w >>> 20) & 31))) | 0;
          const e = r[write + (a >>> 12)];
          if ((e & 1) !== 0) break;
          u8[(a + e) | 0] = r[(w >>> 8) & 15];
          k += 2;
          continue;
        }
        case 71: { // LDR_LITERAL
          const a = ((k << scale) + origin + b) | 0;
          const e = r[read + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          r[(w >>> 8) & 15] = r[(a + e) >>> 2];
          k += 2;
          continue;
        }
        case 72: { // LDR_PC
          const a = (r[(w >>> 12) & 15] + b) | 0;
          const e = r[read + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          target = r[(a + e) >>> 2] & ~3;
          left -= LOAD_PC;
          extra += LOAD_PC;
          break page;
        }
        case 73: { // LDR_PC_POST
          const a = r[(w >>> 12) & 15];
          const e = r[read + (a >>> 12)];
          if (((a | e) & 3) !== 0) break;
          r[(w >>> 12) & 15] = a + b;
          target = r[(a + e) >>> 2] & ~3;
          left -= LOAD_PC;
          extra += LOAD_PC;
          break page;
        }
        case 74: { // LDM
          let a = (r[(w >>> 12) & 15] + (((b << 8) >> 24) << 2)) | 0;
          const e = r[read + (a >>> 12)];
          const count = (w >>> 20) & 31;
          if (((a | e) & 3) !== 0 || (a & 0xfff) + (count << 2) > 4096) break;
          r[(w >>> 12) & 15] += (b >> 24) << 2;
          a = (a + e) >>> 2;
          for (let list = b & 0xffff; list !== 0; list &= list - 1) {
            r[31 - Math.clz32(list & -list)] = r[a++];
          }
          const cost = count === 1 ? 1 : count - 1;
          left -= cost;
          extra += cost;
          k += 2;
          continue;
        }
        case 75: { // LDM_PC
          let a = (r[(w >>> 12) & 15] + (((b << 8) >> 24) << 2)) | 0;
          const e = r[read + (a >>> 12)];
          const count = (w >>> 20) & 31;
          if (((a | e) & 3) !== 0 || (a & 0xfff) + (count << 2) > 4096) break;
          r[(w >>> 12) & 15] += (b >> 24) << 2;
          a = (a + e) >>> 2;
          for (let list = b & 0x7fff; list !== 0; list &= list - 1) {
            r[31 - Math.clz32(list & -list)] = r[a++];
          }
          target = r[a] & (~3 | (~scale << 1));
          const cost = (count === 1 ? 1 : count - 1) + LOAD_MULTIPLE_PC;
          left -= cost;
          extra += cost;
          break page;
        }
        case 76: { // STM
          let a = (r[(w >>> 12) & 15] + (((b << 8) >> 24) << 2)) | 0;
          const e = r[write + (a >>> 12)];
          const count = (w >>> 20) & 31;
          if (((a | e) & 3) !== 0 || (a & 0xfff) + (count << 2) > 4096) break;
          a = (a + e) >>> 2;
          for (let list = b & 0xffff; list !== 0; list &= list - 1) {
            r[a++] = r[31 - Math.clz32(list & -list)];
          }
          r[(w >>> 12) & 15] += (b >> 24) << 2;
          const cost = count === 1 ? 1 : count - 1;
          left -= cost;
          extra += cost;
          k += 2;
          continue;
        }
        case 77: // ADR
          r[(w >>> 8) & 15] = (k << scale) + origin + b;
          k += 2;
          continue;

        // ---- branches
        case 78: // B
          k += b;
          left -= BRANCH;
          extra += BRANCH;
          continue;
        case 79: // BL
          r[14] = (k << scale) + origin + 4;
          k += b;
          left -= BRANCH;
          extra += BRANCH;
          continue;
        case 80: // B_FAR
          target = ((k << scale) + origin + b) | 0;
          left -= BRANCH;
          extra += BRANCH;
          break page;
        case 81: // BL_FAR
          r[14] = (k << scale) + origin + 4;
          target = ((k << scale) + origin + b) | 0;
          left -= BRANCH;
          extra += BRANCH;
          break page;
        case 82: { // BX
          const to = r[(w >>> 16) & 15];
          // A change of state needs help.
          if ((to & 1) === scale) break;
          target = to & (~3 | (~scale << 1));
          left -= BRANCH;
          extra += BRANCH;
          break page;
        }
        case 83: // BL_SUFFIX
          target = ((r[14] + b) | 0) & ~1;
          r[14] = ((k << scale) + origin + 2) | 1;
          left -= BRANCH;
          extra += BRANCH;
          break page;
        case 84: // BEQ
          if (z === 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 85: // BNE
          if (z !== 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 86: // BCS
          if (c < 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 87: // BCC
          if (c >= 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 88: // BMI
          if (n < 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 89: // BPL
          if (n >= 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 90: // BVS
          if (v < 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 91: // BVC
          if (v >= 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 92: // BHI
          if (c < 0 && z !== 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 93: // BLS
          if (c >= 0 || z === 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 94: // BGE
          if ((n ^ v) >= 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 95: // BLT
          if ((n ^ v) < 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 96: // BGT
          if (z !== 0 && (n ^ v) >= 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;
        case 97: // BLE
          if (z === 0 || (n ^ v) < 0) {
            k += b;
            left -= BRANCH;
            extra += BRANCH;
          } else k += 2;
          continue;

        // ---- multiplication: Rd (RdHi) in 11:8, Rn (RdLo) in 15:12, Rm, Rs
        case 98: // MUL
          r[(w >>> 8) & 15] = Math.imul(r[(w >>> 16) & 15], r[(w >>> 20) & 15]);
          left -= MULTIPLY;
          extra += MULTIPLY;
          k += 2;
          continue;
        case 99: // MLA
          r[(w >>> 8) & 15] = Math.imul(r[(w >>> 16) & 15], r[(w >>> 20) & 15]) +
            r[(w >>> 12) & 15];
          left -= MULTIPLY;
          extra += MULTIPLY;
          k += 2;
          continue;
        case 100: // MULS
          n = z = Math.imul(r[(w >>> 16) & 15], r[(w >>> 20) & 15]);
          r[(w >>> 8) & 15] = n;
          left -= MULTIPLY;
          extra += MULTIPLY;
          k += 2;
          continue;
        case 101: { // UMULL
          const a = r[(w >>> 16) & 15];
          const d = r[(w >>> 20) & 15];
          r[(w >>> 12) & 15] = Math.imul(a, d);
          r[(w >>> 8) & 15] = mulHighUnsigned(a, d);
          left -= MULTIPLY_LONG;
          extra += MULTIPLY_LONG;
          k += 2;
          continue;
        }
        case 102: { // SMULL
          const a = r[(w >>> 16) & 15];
          const d = r[(w >>> 20) & 15];
          r[(w >>> 12) & 15] = Math.imul(a, d);
          r[(w >>> 8) & 15] = mulHighSigned(a, d);
          left -= MULTIPLY_LONG;
          extra += MULTIPLY_LONG;
          k += 2;
          continue;
        }
        case 103: { // UMLAL
          const a = r[(w >>> 16) & 15];
          const d = r[(w >>> 20) & 15];
          const p = Math.imul(a, d);
          const q = r[(w >>> 12) & 15];
          const s = (p + q) | 0;
          const high = mulHighUnsigned(a, d) + r[(w >>> 8) & 15];
          r[(w >>> 12) & 15] = s;
          r[(w >>> 8) & 15] = high + (((p & q) | ((p | q) & ~s)) >>> 31);
          left -= MULTIPLY_LONG;
          extra += MULTIPLY_LONG;
          k += 2;
          continue;
        }
        case 104: { // SMLAL
          const a = r[(w >>> 16) & 15];
          const d = r[(w >>> 20) & 15];
          const p = Math.imul(a, d);
          const q = r[(w >>> 12) & 15];
          const s = (p + q) | 0;
          const high = mulHighSigned(a, d) + r[(w >>> 8) & 15];
          r[(w >>> 12) & 15] = s;
          r[(w >>> 8) & 15] = high + (((p & q) | ((p | q) & ~s)) >>> 31);
          left -= MULTIPLY_LONG;
          extra += MULTIPLY_LONG;
          k += 2;
          continue;
        }
      }

      // Help is needed. The instruction was not charged yet, nothing of it is done.
      left++;
      const pc = ((k << scale) + origin) | 0;
      const op = w & 0xff;
      if (op === OP.PAGE_END) {
        target = pc;
        break;
      }
      const at = core.code.host + (pc & 0xfff);
      const insn = scale === 0 ? u16[at >>> 1] : r[at >>> 2];
      if (op === OP.DECODE) {
        if (scale === 0) decodeThumb(insn, pc & 0xfff, code, k);
        else decodeArm(insn, pc & 0xfff, code, k);
        continue;
      }
      // A shift by register that was begun is undone.
      if (w < 0 && (w & SHIFT) !== 0 && ((code[k + 1] >>> 4) & 7) === SHIFT_KIND.REGISTER) {
        left += SHIFT_BY_REGISTER;
        extra -= SHIFT_BY_REGISTER;
      }
      r[STATE.N] = n;
      r[STATE.Z] = z;
      r[STATE.C] = c >>> 31;
      r[STATE.V] = v >>> 31;
      core.left = left;
      core.extra += extra;
      extra = 0;
      r[15] = pc + ahead;
      if (scale === 0) {
        r[STATE.PC] = pc + 2;
        executeThumb(core, insn);
      } else {
        r[STATE.PC] = pc + 4;
        executeArm(core, insn);
      }
      n = r[STATE.N];
      z = r[STATE.Z];
      c = -r[STATE.C];
      v = -r[STATE.V];
      left = core.left | 0;
      target = r[STATE.PC];
      fresh = stateOf(r[STATE.CPSR]) !== state;
      break;
    }
  }
  r[STATE.PC] = target;
  r[STATE.N] = n;
  r[STATE.Z] = z;
  r[STATE.C] = c >>> 31;
  r[STATE.V] = v >>> 31;
  core.left = left;
  core.extra += extra;
}
