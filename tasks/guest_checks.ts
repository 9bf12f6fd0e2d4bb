/**
 * What `deno task guests --check` tries beside the images: the kernel under QEMU, and the guide.
 *
 * @module
 */

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);
const IMAGE = new URL("guests/images/conformance-versatilepb.elf", ROOT);
/** The guide whose commands are executed. */
const GUIDE = new URL("docs/guests.md", ROOT);
/** Real time that the conformance program has, ms. */
const LIMIT = 120_000;

/**
 * Runs the conformance program of the kernel's native build on QEMU's Versatile/PB, a machine that is
 * not ours.
 *
 * @returns What is wrong, in lines.
 */
export async function checkConformance(): Promise<string[]> {
  const qemu = new Deno.Command("qemu-system-arm", {
    args: [
      ...["-M", "versatilepb", "-display", "none", "-monitor", "none", "-serial", "stdio"],
      ...["-audiodev", "none,id=none", "-icount", "shift=3,sleep=off"],
      ...["-kernel", fileURLToPath(IMAGE)],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => qemu.kill("SIGKILL"), LIMIT);
  let text = "";
  for await (const bytes of qemu.stdout) {
    text += new TextDecoder().decode(bytes);
    if (/^conformance: .*\n/m.test(text)) break;
  }
  clearTimeout(timer);
  try {
    qemu.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
  await qemu.status;
  if (/^conformance: \d+ passed, 0 failed$/m.test(text)) return [];
  return [`the kernel does not conform under QEMU:\n${text}`];
}

/** A step of the guide: commands, and lines that must come, in this order, among what they print. */
interface Step {
  commands: string;
  lines: string[];
}

/** The `sh` blocks of a page, each with the `text` block that follows it. */
function steps(page: string): Step[] {
  const found: Step[] = [];
  for (const [, language, block] of page.matchAll(/^```(\w+)\n(.*?)^```$/gms)) {
    if (language === "sh") found.push({ commands: block, lines: [] });
    if (language === "text") found.at(-1)?.lines.push(...block.trimEnd().split("\n"));
  }
  return found;
}

/** The first of the lines that does not come, in this order, or undefined. */
function missing(lines: readonly string[], output: string): string | undefined {
  const plain = (line: string) => line.replace(/\s+/g, " ").trim();
  const printed = output.split("\n").map(plain);
  let at = 0;
  return lines.find((line) => {
    while (at < printed.length && !printed[at].includes(plain(line))) at++;
    return at++ >= printed.length;
  });
}

/**
 * Executes the commands of docs/guests.md literally, in one shell after the other in an empty folder.
 *
 * @returns What is wrong, in lines.
 */
export async function checkGuide(): Promise<string[]> {
  const temporary = fileURLToPath(new URL(".tmp/", ROOT));
  await Deno.mkdir(temporary, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: temporary, prefix: "guide-" });
  const env = {
    UNDERSTUDY: fileURLToPath(ROOT).replace(/\/$/, ""),
    DENO_FOLDER: dirname(Deno.execPath()),
    NO_COLOR: "1",
  };
  const problems: string[] = [];
  const all = steps(await Deno.readTextFile(GUIDE));
  if (all.length === 0) problems.push("docs/guests.md has no commands");
  let before = 'PATH="$DENO_FOLDER:$PATH"\n';
  try {
    for (const { commands, lines } of all) {
      // Functions and variables of earlier steps live on, as in the reader's shell.
      const { success, stdout, stderr } = await new Deno.Command("sh", {
        args: ["-ec", `${before}\n${commands}`],
        cwd: folder,
        env,
      }).output();
      const output = new TextDecoder().decode(stdout);
      const errors = new TextDecoder().decode(stderr);
      const line = missing(lines, output);
      if (!success) problems.push(`docs/guests.md: failed:\n${commands}${output}${errors}`);
      else if (line !== undefined) {
        problems.push(
          `docs/guests.md: "${line}" does not come from:\n${commands}${output}${errors}`,
        );
      }
      before += commands.split("\n").filter((text) => /^\w+\(\) \{.*\}$/.test(text)).join("\n") +
        "\n";
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return problems;
}
