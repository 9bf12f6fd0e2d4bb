/**
 * Runs a harness image in QEMU and brings back its memory.
 *
 * @module
 */

import { GdbClient, GdbError } from "./gdb.ts";

/** A machine of QEMU that can serve as the outside side. */
export interface QemuMachine {
  /** Name on our command line. */
  readonly name: string;
  /** Arguments that choose it. */
  readonly args: readonly string[];
  /** Start of its RAM that we use. */
  readonly ram: number;
  /** Architecture version of its core. */
  readonly arch: 4 | 5;
  /** Whether its core has a separate prefetch fault status register. */
  readonly ifsr: boolean;
}

/** The machines, by name. */
export const MACHINES: Readonly<Record<string, QemuMachine>> = {
  sx1: { name: "sx1", args: ["-M", "sx1"], ram: 0x10000000, arch: 4, ifsr: false },
  versatilepb: {
    name: "versatilepb",
    args: ["-M", "versatilepb", "-m", "128M", "-audiodev", "none,id=none"],
    ram: 0x02000000,
    arch: 5,
    ifsr: true,
  },
};

/** The command that starts QEMU. */
export const QEMU = "qemu-system-arm";

/** First line of `qemu-system-arm --version`, or undefined when it is not installed. */
export async function qemuVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(QEMU, { args: ["--version"], stderr: "null" })
      .output();
    return new TextDecoder().decode(stdout).split("\n")[0];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What one run is to do. */
export interface QemuJob {
  /** The machine. */
  readonly machine: QemuMachine;
  /** ELF file with the image. */
  readonly elf: string;
  /** Address where the run is over. */
  readonly done: number;
  /** Physical address of the memory to bring back. */
  readonly address: number;
  /** Its length in bytes. */
  readonly length: number;
  /** File that receives it. */
  readonly dump: string;
  /** Most milliseconds of host time the run may take. */
  readonly timeout: number;
  /** Physical address of the word that goes into {@linkcode StuckError}. */
  readonly onStuck: number;
}

/** A run did not end in time: some case loops. */
export class StuckError extends Error {
  /** The word asked for. */
  readonly word: number;

  /**
   * @param pc Where the machine was found.
   * @param word The word asked for.
   */
  constructor(pc: number, word: number) {
    super(`QEMU did not finish: it is at 0x${pc.toString(16)}`);
    this.name = "StuckError";
    this.word = word;
  }
}

/** A child that may have ended. */
function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** A run of QEMU under way. */
export interface QemuRun {
  /**
   * Waits until the image reaches `done` and resolves to the memory asked for.
   *
   * @throws {StuckError} when it takes too long.
   * @throws {GdbError} when QEMU ends early.
   */
  finish(): Promise<Uint8Array<ArrayBuffer>>;
  /** Ends QEMU; to be called in any case. */
  stop(): Promise<void>;
}

/**
 * Starts an image in QEMU.
 *
 * @throws {GdbError} when QEMU ends early.
 */
export async function startQemu(job: QemuJob): Promise<QemuRun> {
  const child = new Deno.Command(QEMU, {
    args: [
      ...job.machine.args,
      ...["-kernel", job.elf, "-S", "-gdb", "stdio", "-no-reboot"],
      ...["-display", "none", "-serial", "none", "-monitor", "none"],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const complaint = new Response(child.stderr).text();
  const gdb = new GdbClient(child.stdout, child.stdin);
  const explained = async (error: unknown): Promise<unknown> => {
    if (!(error instanceof GdbError)) return error;
    kill(child);
    return new GdbError(`${error.message}\n${await complaint}`.trim());
  };
  const run: QemuRun = {
    async finish() {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        gdb.interrupt();
      }, job.timeout);
      try {
        await gdb.receive();
        if (late) {
          const answer = await gdb.monitor(`xp/1xw ${job.onStuck}`);
          const word = Number(answer.trim().split(" ").at(-1));
          throw new StuckError((await gdb.registers())[15], word);
        }
        await gdb.monitor(`pmemsave ${job.address} ${job.length} "${job.dump}"`);
        await gdb.kill();
        return await Deno.readFile(job.dump);
      } catch (error) {
        throw await explained(error);
      } finally {
        clearTimeout(timer);
      }
    },
    async stop() {
      kill(child);
      await child.status;
      await complaint;
    },
  };
  try {
    await gdb.open();
    await gdb.breakpoint(job.done);
    await gdb.resume();
    return run;
  } catch (error) {
    await run.stop();
    throw await explained(error);
  }
}
