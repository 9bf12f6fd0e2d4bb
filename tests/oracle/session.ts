/**
 * A lockstep run: batches of random cases on both sides until enough instructions were executed.
 *
 * @module
 */

import { type Case, LANDING, type World } from "./case.ts";
import { compare, type Comparison, type Difference, type Mismatch } from "./compare.ts";
import { Coverage } from "./coverage.ts";
import type { DeviationId } from "./deviations.ts";
import { Generator } from "./generator.ts";
import { CONTEXT, INPUT, LAYOUT, MAX_CASES, OUTPUT } from "./harness.ts";
import { buildImage, toElf } from "./image.ts";
import { OwnMachine } from "./own.ts";
import { type QemuMachine, startQemu, StuckError } from "./qemu.ts";
import { Random } from "./random.ts";
import type { Starter } from "./recording.ts";
import { stepCase } from "./stepper.ts";
import { buildTables } from "./tables.ts";

/** Milliseconds that one batch may take in QEMU; it needs one or two seconds. */
const BATCH_TIMEOUT = 120_000;

/** A case that differs, with all that is needed to run it again. */
export interface Found extends Mismatch {
  /** Surroundings. */
  readonly world: World;
  /** Seed of the window contents. */
  readonly seed: number;
}

/** What a run found. */
export interface Findings {
  /** Cases compared. */
  cases: number;
  /** Batches, each a run of QEMU. */
  batches: number;
  /** Cases that differ. */
  readonly mismatches: Found[];
  /** Other memory that differs. */
  readonly memory: Difference[];
  /** Cases in which `step()` and `run()` of the emulator differ. */
  readonly steps: { readonly test: Case; readonly what: string }[];
  /** Cases that never end, on both sides alike. */
  readonly endless: Case[];
  /** How often each deviation was met. */
  readonly deviations: Map<DeviationId, number>;
  /** What was executed. */
  readonly coverage: Coverage;
}

/** An empty {@linkcode Findings}. */
export function noFindings(): Findings {
  return {
    cases: 0,
    batches: 0,
    mismatches: [],
    memory: [],
    steps: [],
    endless: [],
    deviations: new Map(),
    coverage: new Coverage(),
  };
}

/** A place for the files that go to and from QEMU. */
export interface Files {
  /** ELF image. */
  readonly elf: string;
  /** Memory dump. */
  readonly dump: string;
}

/** Both sides with the same machine. */
export class Session {
  readonly #machine: QemuMachine;
  readonly #files: Files;
  readonly #start: Starter;
  readonly #own: OwnMachine;

  /**
   * @param machine The machine of QEMU.
   * @param files Where files go.
   * @param start Starts the other side.
   */
  constructor(machine: QemuMachine, files: Files, start: Starter = startQemu) {
    this.#machine = machine;
    this.#files = files;
    this.#start = start;
    this.#own = new OwnMachine(machine.ram);
  }

  /** Random surroundings for a batch. */
  world(random: Random): World {
    const { ram, arch } = this.#machine;
    return {
      ram,
      arch,
      tables: buildTables(ram, random),
      codeUsed: LANDING.end,
      spotsUsed: 0,
    };
  }

  /**
   * Runs batches until `count` instructions more were executed.
   *
   * @param seed Seed of everything.
   * @param count Instructions.
   * @param findings Where results go.
   * @param progress Told after each batch.
   */
  async run(
    seed: number,
    count: number,
    findings: Findings,
    progress: (executed: number) => void = () => {},
  ): Promise<void> {
    const random = new Random(seed);
    const generator = new Generator(random, this.#machine.arch);
    const { coverage } = findings;
    const before = coverage.total;
    while (coverage.total - before < count) {
      const world = this.world(random);
      // Some three instructions are executed per case.
      const missing = Math.ceil((count - coverage.total + before) / 3) + 16;
      const cases = generator.batch(world, Math.min(MAX_CASES, missing));
      const batchSeed = random.u32();
      await this.#batch(world, cases, batchSeed, findings);
      progress(coverage.total - before);
    }
  }

  async #batch(world: World, cases: Case[], seed: number, findings: Findings): Promise<void> {
    const comparison = await this.compare(world, cases, seed, findings.endless);
    const image = buildImage(world, cases, "own", seed, this.#machine.ifsr);
    const results = this.#own.dump(image.length);
    this.#own.load(image);
    cases.forEach((test, i) => {
      const at = LAYOUT.output / 4 + i * OUTPUT.words;
      const run = results.subarray(at, at + OUTPUT.words);
      const what = stepCase(this.#own, world.ram, test, findings.coverage, run);
      if (what !== undefined) findings.steps.push({ test, what });
    });
    findings.cases += cases.length;
    findings.batches++;
    for (const mismatch of comparison.mismatches) {
      findings.mismatches.push({ ...mismatch, world, seed });
    }
    findings.memory.push(...comparison.memory);
    for (const [id, n] of comparison.deviations) {
      findings.deviations.set(id, (findings.deviations.get(id) ?? 0) + n);
    }
  }

  /**
   * Runs cases on both sides and compares. Cases that loop on the other side are taken out of
   * `cases` and put into `endless`.
   */
  async compare(
    world: World,
    cases: Case[],
    seed: number,
    endless: Case[],
    timeout = BATCH_TIMEOUT,
  ): Promise<Comparison> {
    for (;;) {
      const { ram, ifsr } = this.#machine;
      const image = buildImage(world, cases, "other", seed, ifsr);
      await Deno.writeFile(this.#files.elf, toElf(image));
      const qemu = await this.#start({
        machine: this.#machine,
        elf: this.#files.elf,
        done: image.harness.done,
        address: ram,
        length: image.length,
        dump: this.#files.dump,
        timeout,
        onStuck: ram + LAYOUT.context + CONTEXT.input,
      });
      try {
        // QEMU has its own process: the emulator runs meanwhile.
        const own = buildImage(world, cases, "own", seed, ifsr);
        this.#own.load(own);
        const ended = this.#own.run(own);
        const other = new Uint32Array((await qemu.finish()).buffer);
        if (!ended) throw new Error("a case loops in the emulator, and ends in QEMU");
        return compare(world, cases, this.#own.dump(image.length), other);
      } catch (error) {
        if (!(error instanceof StuckError)) throw error;
        const index = (error.word - ram - LAYOUT.input) / (INPUT.words * 4);
        endless.push(...cases.splice(index, 1));
      } finally {
        await qemu.stop();
      }
    }
  }
}
