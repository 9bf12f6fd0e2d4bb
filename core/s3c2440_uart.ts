/**
 * S3C2440A manual chapter 11: a UART with FIFOs of 64 bytes.
 *
 * A frame takes (start + data + parity + stop) x 16 x (UBRDIV + 1) clocks both ways: what is
 * written to UTXH leaves at the end of its frame, what is sent to the board arrives frame by frame.
 *
 * Choices where the manual is silent: the remote sender waits while the receiver is switched off,
 * and while the Rx FIFO is full if auto flow control is on; a byte for a full FIFO is lost, without
 * FIFO it replaces the unread one, both with an overrun error; the Rx timeout is three frames
 * without a new byte; no external clock is connected (UEXTCLK), a UART that selects it stands
 * still; switching the FIFO on or off empties both. CTS reads inactive, infrared mode and break
 * signals are kept in the registers only.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { Alarm, type AlarmState } from "./s3c2440_counter.ts";

const ULCON = 0x00;
const UCON = 0x04;
const UFCON = 0x08;
const UMCON = 0x0c;
const UTRSTAT = 0x10;
const UERSTAT = 0x14;
const UFSTAT = 0x18;
const UMSTAT = 0x1c;
const UTXH = 0x20;
const URXH = 0x24;
const UBRDIV = 0x28;

const FIFO_SIZE = 64;

/** Errors of a received frame: bits of UERSTAT. */
export const UART_ERROR = {
  /** A byte came before there was room. */
  OVERRUN: 1,
  /** Wrong parity. */
  PARITY: 2,
  /** No stop bit. */
  FRAME: 4,
  /** A break signal. */
  BREAK: 8,
} as const;

/**
 * Registers of a UART.
 *
 * @param modem UART0 and UART1 have modem control, UART2 has not.
 */
export function uartRegisters(modem: boolean): Register[] {
  const modemRegisters = [
    register("UMCON", UMCON, "auto flow control 4, RTS 0", { read: 0x11 }),
    register("UMSTAT", UMSTAT, "delta CTS 4, CTS 0", { read: 0x11, write: 0 }),
  ];
  return [
    register("ULCON", ULCON, "infrared 6, parity [5:3], stop bits 2, word length [1:0]", {
      read: 0x7f,
    }),
    register("UCON", UCON, "modes, interrupt types and clock", { read: 0xffff }),
    register("UFCON", UFCON, "Tx trigger [7:6], Rx trigger [5:4], Tx reset 2, Rx reset 1, FIFO 0", {
      read: 0xf1,
    }),
    ...(modem ? modemRegisters : []),
    register("UTRSTAT", UTRSTAT, "transmitter empty 2, Tx buffer empty 1, Rx data 0", {
      reset: 6,
      read: 7,
      write: 0,
    }),
    register("UERSTAT", UERSTAT, "break 3, frame 2, parity 1, overrun 0; a read clears", {
      read: 0xf,
      write: 0,
    }),
    register("UFSTAT", UFSTAT, "Tx full 14, Tx count [13:8], Rx full 6, Rx count [5:0]", {
      read: 0x7f7f,
      write: 0,
    }),
    register("UTXH", UTXH, "byte to send", { width: 8, read: 0, write: 0xff }),
    register("URXH", URXH, "byte received", { width: 8, write: 0 }),
    register("UBRDIV", UBRDIV, "baud rate divisor - 1", { read: 0xffff }),
  ].sort((a, b) => a.offset - b.offset);
}

/** What a UART holds beside its registers. Received entries are error << 8 | byte. */
export interface UartHidden {
  /** Bytes waiting for the transmitter. */
  tx: number[];
  /** The byte being sent, -1: none. */
  shift: number;
  /** End of its frame. */
  txAlarm: AlarmState;
  /** Entries received and not read. */
  rx: number[];
  /** The last entry read. */
  last: number;
  /** Entries on the line. */
  line: number[];
  /** End of the frame on the line. */
  rxAlarm: AlarmState;
  /** The Rx timeout. */
  timeout: AlarmState;
  /** The Rx timeout passed with bytes in the FIFO. */
  timedOut: boolean;
}

/** How a UART is connected. */
export interface UartWiring {
  /** Time base. */
  readonly clock: Clock;
  /** FCLK cycles per PCLK cycle, now. */
  fclkPerPclk(): number;
  /** FCLK cycles per cycle of the shared FCLK/n clock, set by UCON of all three. */
  fclkPerUartClock(): number;
  /** An interrupt request, as a pulse. */
  pulse(kind: "rx" | "tx" | "error"): void;
  /** The line of an interrupt request of level type. */
  level(kind: "rx" | "tx", active: boolean): void;
}

/** A UART. */
export class Uart extends Device<UartHidden> {
  /** Takes the bytes that leave at TXD. */
  onTransmit: ((byte: number) => void) | null = null;
  readonly #wiring: UartWiring;
  readonly #modem: boolean;
  readonly #txAlarm: Alarm;
  readonly #rxAlarm: Alarm;
  readonly #timeout: Alarm;
  #tx: number[] = [];
  #shift = -1;
  #rx: number[] = [];
  #last = 0;
  #line: number[] = [];
  #timedOut = false;

  /**
   * A UART after reset: off.
   *
   * @param modem UART0 and UART1 have modem control, UART2 has not.
   * @param wiring How it is connected.
   */
  constructor(modem: boolean, wiring: UartWiring) {
    super(uartRegisters(modem));
    this.#modem = modem;
    this.#wiring = wiring;
    this.#txAlarm = new Alarm(wiring.clock, (deadline) => this.#sent(deadline));
    this.#rxAlarm = new Alarm(wiring.clock, (deadline) => this.#arrived(deadline));
    this.#timeout = new Alarm(wiring.clock, () => this.#quiet());
  }

  /** UCON [15:12], the part of the shared FCLK/n divider that this UART holds. */
  get divider(): number {
    return (this.get(UCON) >>> 12) & 0xf;
  }

  /** Bytes on the line that have not arrived yet. */
  get incoming(): number {
    return this.#line.length;
  }

  /** FCLK cycles per frame; Infinity while there is no clock. */
  get frameCycles(): number {
    const ulcon = this.get(ULCON);
    const bits = 1 + 5 + (ulcon & 3) + ((ulcon >>> 5) & 1) + 1 + ((ulcon >>> 2) & 1);
    const select = (this.get(UCON) >>> 10) & 3;
    const cycles = select === 1
      ? Infinity
      : select === 3
      ? this.#wiring.fclkPerUartClock()
      : this.#wiring.fclkPerPclk();
    return bits * 16 * (this.get(UBRDIV) + 1) * cycles;
  }

  /**
   * Sends bytes to RXD, one frame after the other.
   *
   * @param bytes The bytes.
   * @param error Errors of these frames, as in {@linkcode UART_ERROR}.
   */
  receive(bytes: Iterable<number>, error = 0): void {
    for (const byte of bytes) this.#line.push((error << 8) | (byte & 0xff));
    this.#listen(this.#wiring.clock.now);
  }

  get #fifo(): boolean {
    return (this.get(UFCON) & 1) !== 0;
  }

  get #rxMode(): number {
    return this.get(UCON) & 3;
  }

  get #txMode(): number {
    return (this.get(UCON) >>> 2) & 3;
  }

  get #rxTrigger(): number {
    return this.#fifo ? [1, 8, 16, 32][(this.get(UFCON) >>> 4) & 3] : 1;
  }

  get #txTrigger(): number {
    return this.#fifo ? 16 * ((this.get(UFCON) >>> 6) & 3) : 0;
  }

  get #dataMask(): number {
    return (0x20 << (this.get(ULCON) & 3)) - 1;
  }

  // Receiving.

  /** The next frame on the line begins at `from`, if it may. */
  #listen(from: number): void {
    if (this.#line.length === 0 || this.#rxMode === 0 || this.#rxAlarm.deadline !== Infinity) {
      return;
    }
    const flowControl = this.#modem && (this.get(UMCON) & 0x10) !== 0;
    if (flowControl && this.#fifo && this.#rx.length >= FIFO_SIZE) return;
    this.#rxAlarm.set(from + this.frameCycles);
  }

  #arrived(deadline: number): void {
    // Switched off while the frame was on the line: it comes again.
    if (this.#rxMode === 0) return;
    this.#take(this.#line.shift()!);
    this.#listen(deadline);
  }

  #take(entry: number): void {
    entry = (entry & ~0xff) | (entry & this.#dataMask);
    if (this.#rx.length >= (this.#fifo ? FIFO_SIZE : 1)) {
      this.#error(UART_ERROR.OVERRUN);
      if (!this.#fifo) {
        this.#rx[0] = entry;
        this.#showHead();
      }
    } else {
      this.#rx.push(entry);
      if (this.#rx.length === 1) this.#showHead();
    }
    this.#timedOut = false;
    const timeout = this.#fifo && (this.get(UCON) & 0x80) !== 0;
    this.#timeout.set(timeout ? this.#wiring.clock.now + 3 * this.frameCycles : Infinity);
    const pulses = this.#rxMode === 1 && (this.get(UCON) & 0x100) === 0;
    if (pulses && this.#rx.length === this.#rxTrigger) this.#wiring.pulse("rx");
    this.#levels();
  }

  /** A bad byte reports its error when it is the next one to be read. */
  #showHead(): void {
    const error = this.#rx.length > 0 ? this.#rx[0] >>> 8 : 0;
    if (error !== 0) this.#error(error);
  }

  #error(bits: number): void {
    this.set(UERSTAT, this.get(UERSTAT) | bits);
    if ((this.get(UCON) & 0x40) !== 0) this.#wiring.pulse("error");
  }

  #quiet(): void {
    if (this.#rx.length === 0) return;
    this.#timedOut = true;
    if (this.#rxMode === 1 && (this.get(UCON) & 0x100) === 0) this.#wiring.pulse("rx");
    this.#levels();
  }

  #readByte(): number {
    const entry = this.#rx.shift();
    if (entry === undefined) return this.#last;
    this.#last = entry & 0xff;
    if (this.#rx.length === 0) {
      this.#timedOut = false;
      this.#timeout.cancel();
    }
    this.#showHead();
    this.#levels();
    this.#listen(this.#wiring.clock.now);
    return this.#last;
  }

  // Sending.

  #writeByte(byte: number): void {
    if (!this.#fifo) this.#tx[0] = byte;
    else if (this.#tx.length < FIFO_SIZE) this.#tx.push(byte);
    this.#send(this.#wiring.clock.now);
    this.#levels();
  }

  /** The next frame begins at `from`, if there is a byte and the transmitter is free and on. */
  #send(from: number): void {
    if (this.#shift >= 0 || this.#tx.length === 0 || this.#txMode === 0) return;
    const cycles = this.frameCycles;
    if (cycles === Infinity) return;
    this.#shift = this.#tx.shift()! & this.#dataMask;
    this.#txAlarm.set(from + cycles);
    const pulses = this.#txMode === 1 && (this.get(UCON) & 0x200) === 0;
    if (pulses && this.#tx.length === this.#txTrigger) this.#wiring.pulse("tx");
  }

  #sent(deadline: number): void {
    const byte = this.#shift;
    this.#shift = -1;
    this.#send(deadline);
    this.#levels();
    if ((this.get(UCON) & 0x20) === 0) this.onTransmit?.(byte);
    else if (this.#rxMode !== 0) this.#take(byte);
  }

  // Registers.

  /** Drives the request lines of level type. */
  #levels(): void {
    const ucon = this.get(UCON);
    const rx = this.#rxMode === 1 && (ucon & 0x100) !== 0 &&
      (this.#rx.length >= this.#rxTrigger || this.#timedOut);
    const tx = this.#txMode === 1 && (ucon & 0x200) !== 0 && this.#tx.length <= this.#txTrigger;
    this.#wiring.level("rx", rx);
    this.#wiring.level("tx", tx);
  }

  /** What a read gives, with the present state of the FIFOs. */
  protected override look(offset: number): number {
    switch (offset) {
      case UTRSTAT: {
        const empty = this.#tx.length === 0;
        return (this.#rx.length > 0 ? 1 : 0) | (empty ? 2 : 0) | (empty && this.#shift < 0 ? 4 : 0);
      }
      case UFSTAT: {
        if (!this.#fifo) return 0;
        // A full FIFO counts 64, which is 0 in the count field and 1 in the bit above it.
        return this.#rx.length | (this.#tx.length << 8);
      }
      case URXH:
        return this.#rx.length > 0 ? this.#rx[0] & 0xff : this.#last;
      default:
        return super.look(offset);
    }
  }

  /** A read by the CPU: URXH takes a byte out, UERSTAT is cleared. */
  protected override load(offset: number): number {
    if (offset === URXH) return this.#readByte();
    const value = this.look(offset);
    if (offset === UERSTAT) this.set(UERSTAT, 0);
    return value;
  }

  /** A write by the CPU: UTXH sends, a change of mode may let waiting frames go. */
  protected override store(offset: number, value: number, lanes: number): void {
    if (offset === UTXH) {
      if ((lanes & 0xff) !== 0) this.#writeByte(value & 0xff);
      return;
    }
    const fifo = this.#fifo;
    super.store(offset, value, lanes);
    if (offset === UFCON) {
      const switched = this.#fifo !== fifo;
      if (switched || (value & 2) !== 0) this.#clearRx();
      if (switched || (value & 4) !== 0) this.#tx = [];
    }
    if (offset === UCON || offset === ULCON || offset === UFCON || offset === UBRDIV) {
      this.#refresh();
    } else if (offset === UMCON) {
      this.#listen(this.#wiring.clock.now);
    }
  }

  /** Lets frames go that may go now, and drives the lines. */
  #refresh(): void {
    const now = this.#wiring.clock.now;
    this.#listen(now);
    this.#send(now);
    this.#levels();
  }

  #clearRx(): void {
    this.#rx = [];
    this.#timedOut = false;
    this.#timeout.cancel();
  }

  /** The state after reset. Bytes on the line stay there. */
  override reset(): void {
    super.reset();
    this.#clearRx();
    this.#tx = [];
    this.#shift = -1;
    this.#last = 0;
    this.#txAlarm.cancel();
    this.#rxAlarm.cancel();
    this.#levels();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): UartHidden {
    return {
      tx: [...this.#tx],
      shift: this.#shift,
      txAlarm: this.#txAlarm.state(),
      rx: [...this.#rx],
      last: this.#last,
      line: [...this.#line],
      rxAlarm: this.#rxAlarm.state(),
      timeout: this.#timeout.state(),
      timedOut: this.#timedOut,
    };
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: UartHidden): void {
    this.#tx = [...hidden.tx];
    this.#shift = hidden.shift;
    this.#txAlarm.restore(hidden.txAlarm);
    this.#rx = [...hidden.rx];
    this.#last = hidden.last;
    this.#line = [...hidden.line];
    this.#rxAlarm.restore(hidden.rxAlarm);
    this.#timeout.restore(hidden.timeout);
    this.#timedOut = hidden.timedOut;
  }
}
