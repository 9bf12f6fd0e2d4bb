/**
 * A client of the GDB remote serial protocol over any pair of byte streams, with what the oracle
 * needs: breakpoints, continue, step, registers, memory and monitor commands.
 *
 * @module
 */

/** The peer broke the protocol, answered with an error, or went away. */
export class GdbError extends Error {
  /** @param message What happened. */
  constructor(message: string) {
    super(message);
    this.name = "GdbError";
  }
}

const HEX = "0123456789abcdef";

function toHex(bytes: Uint8Array): string {
  let s = "";
  for (const b of bytes) s += HEX[b >> 4] + HEX[b & 15];
  return s;
}

function fromHex(s: string): Uint8Array {
  const bytes = new Uint8Array(s.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(s.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** A connection to a GDB stub. */
export class GdbClient {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #buffer = "";

  /**
   * @param readable Bytes from the stub.
   * @param writable Bytes to the stub.
   */
  constructor(readable: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
  }

  /** Reads why the target is halted. */
  async open(): Promise<void> {
    await this.command("?");
  }

  /** Sends one packet and returns the answer. */
  async command(body: string): Promise<string> {
    await this.send(body);
    return await this.receive();
  }

  /** Sends one packet. */
  async send(body: string): Promise<void> {
    let sum = 0;
    for (let i = 0; i < body.length; i++) sum = sum + body.charCodeAt(i) & 0xff;
    await this.#writer.write(
      new TextEncoder().encode(`$${body}#${HEX[sum >> 4]}${HEX[sum & 15]}`),
    );
  }

  /** Waits for the next packet. */
  async receive(): Promise<string> {
    for (;;) {
      const start = this.#buffer.indexOf("$");
      const end = this.#buffer.indexOf("#", start);
      if (start >= 0 && end >= 0 && this.#buffer.length >= end + 3) {
        const body = this.#buffer.slice(start + 1, end);
        this.#buffer = this.#buffer.slice(end + 3);
        // QEMU 7.2 knows no mode without acknowledgements.
        await this.#writer.write(new TextEncoder().encode("+"));
        return body;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new GdbError("the GDB stub closed the connection");
      this.#buffer += String.fromCharCode(...value);
    }
  }

  async #expectOk(body: string): Promise<void> {
    const answer = await this.command(body);
    if (answer !== "OK") throw new GdbError(`the GDB stub answers "${answer}" to "${body}"`);
  }

  /** Sets a software breakpoint on an ARM instruction. */
  breakpoint(address: number): Promise<void> {
    return this.#expectOk(`Z0,${address.toString(16)},4`);
  }

  /** Lets the target go on; {@linkcode receive} answers when it stops. */
  resume(): Promise<void> {
    return this.send("c");
  }

  /** Stops a running target; {@linkcode receive} answers when it has stopped. */
  async interrupt(): Promise<void> {
    await this.#writer.write(new Uint8Array([3]));
  }

  /** Executes one instruction. */
  async step(): Promise<void> {
    await this.command("s");
  }

  /** r0-r15 and CPSR. */
  async registers(): Promise<number[]> {
    const bytes = fromHex(await this.command("g"));
    const view = new DataView(bytes.buffer);
    const all = [];
    for (let i = 0; i < 16; i++) all.push(view.getUint32(4 * i, true));
    // The classic layout keeps eight 12-byte FPA registers and FPS before CPSR.
    const cpsr = bytes.length >= 168 ? 164 : bytes.length - 4;
    all.push(view.getUint32(cpsr, true));
    return all;
  }

  /** Reads memory through the target's MMU. */
  async read(address: number, length: number): Promise<Uint8Array> {
    const answer = await this.command(`m${address.toString(16)},${length.toString(16)}`);
    if (answer.startsWith("E")) throw new GdbError(`no memory at 0x${address.toString(16)}`);
    return fromHex(answer);
  }

  /** Runs a command of QEMU's monitor and returns what it prints. */
  async monitor(line: string): Promise<string> {
    await this.send(`qRcmd,${toHex(new TextEncoder().encode(line))}`);
    let text = "";
    for (;;) {
      const answer = await this.receive();
      if (answer === "OK") return text;
      if (answer.startsWith("E")) throw new GdbError(`monitor command "${line}" failed: ${answer}`);
      if (answer.startsWith("O")) text += new TextDecoder().decode(fromHex(answer.slice(1)));
    }
  }

  /** Ends the target; no answer is expected. */
  async kill(): Promise<void> {
    await this.send("k");
    await this.#writer.close().catch(() => {});
  }
}
