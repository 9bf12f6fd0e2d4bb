/**
 * The suite under `qemu-system-arm`.
 *
 * @module
 */

/** The emulator, to be allowed by `--allow-run`. */
export const QEMU = "qemu-system-arm";

/** Version of the emulator, or undefined when it is not there or may not be run. */
export async function qemuVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(QEMU, { args: ["--version"] }).output();
    return /version (\S+)/.exec(new TextDecoder().decode(stdout))?.[1];
  } catch {
    return undefined;
  }
}

/**
 * Runs an image until the board resets itself, which ends QEMU.
 *
 * @param machine Name of the machine for QEMU, as of the board.
 * @param elf Path of the ELF file.
 * @param seconds After which the run is given up.
 * @returns What came out of the first serial line.
 */
export async function runUnderQemu(machine: string, elf: string, seconds = 60): Promise<string> {
  const child = new Deno.Command(QEMU, {
    args: [
      ...["-M", machine, "-kernel", elf, "-display", "none", "-monitor", "none"],
      ...["-serial", "stdio", "-no-reboot"],
    ],
    env: { QEMU_AUDIO_DRV: "none" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
  try {
    const { stdout } = await child.output();
    return new TextDecoder().decode(stdout);
  } finally {
    clearTimeout(timer);
  }
}
