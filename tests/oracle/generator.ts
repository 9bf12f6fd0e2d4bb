/**
 * Chooses what the cases are: every single-instruction template in turn, and sequences between.
 *
 * @module
 */

import { ARM_TEMPLATES, armEnd, type Outcome, type Template } from "./arm_templates.ts";
import { type Case, CaseBuilder, type Environment, LANDING, type World } from "./case.ts";
import { CP15_TEMPLATES } from "./cp15_templates.ts";
import { thumb as t } from "./encode.ts";
import { LAYOUT, MAX_CASES } from "./harness.ts";
import { MEMORY_TEMPLATES } from "./memory_templates.ts";
import type { Random } from "./random.ts";
import { armSequence, mixedSequence, thumbSequence } from "./sequence.ts";
import { THUMB_TEMPLATES } from "./thumb_templates.ts";
import { TWIN_TEMPLATES } from "./twin_templates.ts";

/** Every template. */
export const TEMPLATES: readonly Template[] = [
  ...ARM_TEMPLATES,
  ...MEMORY_TEMPLATES,
  ...TWIN_TEMPLATES,
  ...CP15_TEMPLATES,
  ...THUMB_TEMPLATES,
];

/** Share of cases that are sequences. */
const SEQUENCES = 0.12;

const OUTCOMES: readonly Outcome[] = ["always", "passed", "failed"];

/** Makes cases without end, each template with each outcome in turn. */
export class Generator {
  readonly #random: Random;
  readonly #turns: { readonly template: Template; count: number }[];
  #next = 0;

  /**
   * @param random Random source.
   * @param arch Architecture version of the other side.
   */
  constructor(random: Random, arch: 4 | 5) {
    this.#random = random;
    this.#turns = TEMPLATES
      .filter((template) => arch === 4 || !template.v4only)
      .flatMap((template) => {
        const turn = { template, count: 0 };
        return new Array<typeof turn>(template.weight ?? 1).fill(turn);
      });
    // Mixed, so that a short run sees some of everything.
    for (let i = this.#turns.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [this.#turns[i], this.#turns[j]] = [this.#turns[j], this.#turns[i]];
    }
  }

  /** Fills an image with cases; returns them. */
  batch(world: World, most: number): Case[] {
    const cases: Case[] = [];
    const room = LAYOUT.codeBytes - 512;
    while (cases.length < Math.min(most, MAX_CASES) && world.codeUsed < room) {
      cases.push(this.#random.chance(SEQUENCES) ? this.#sequence(world) : this.#single(world));
    }
    return cases;
  }

  #single(world: World): Case {
    for (;;) {
      const turn = this.#turns[this.#next];
      this.#next = (this.#next + 1) % this.#turns.length;
      const outcome = OUTCOMES[turn.count % 3];
      const { template } = turn;
      const state = template.state ?? {};
      if (state.spot && world.spotsUsed >= LANDING.thumbCount / LANDING.spotStride) continue;
      const builder = new CaseBuilder(world, this.#random, this.#environment(template), state);
      template.make(builder, outcome, Math.floor(turn.count++ / 3));
      end(builder, state.thumb ?? false, state.spot ?? false);
      return builder.finish(template.name);
    }
  }

  #sequence(world: World): Case {
    const random = this.#random;
    const kind = random.below(10);
    const state = { thumb: kind >= 5 && kind < 9 };
    const env = { mmu: random.chance(0.9), arena: false, align: random.chance(0.05) };
    const builder = new CaseBuilder(world, random, env, state);
    const length = random.between(4, 20);
    if (kind < 5) armSequence(builder, length);
    else if (kind < 9) thumbSequence(builder, length);
    else mixedSequence(builder, length);
    end(builder, state.thumb, false);
    return builder.finish(kind < 5 ? "arm.sequence" : kind < 9 ? "thumb.sequence" : "mixed");
  }

  #environment(template: Template): Environment {
    const random = this.#random;
    switch (template.only) {
      case "plain":
        return { mmu: true, arena: false, align: false };
      case "arena":
        return { mmu: true, arena: true, align: random.chance(0.3) };
      case "aligned-off":
        return { mmu: random.chance(0.8), arena: false, align: false };
    }
    switch (template.use) {
      case "alu":
        return { mmu: random.chance(0.9), arena: false, align: random.chance(0.05) };
      case "jump":
        return { mmu: true, arena: false, align: random.chance(0.05) };
      case "data": {
        const x = random.below(100);
        if (x < 45) return { mmu: true, arena: false, align: false };
        if (x < 55) return { mmu: false, arena: false, align: random.chance(0.4) };
        if (x < 65) return { mmu: true, arena: false, align: true };
        return { mmu: true, arena: true, align: random.chance(0.3) };
      }
    }
  }
}

/** Appends the closing SWI. */
function end(b: CaseBuilder, thumb: boolean, spot: boolean): void {
  if (spot) return;
  if (thumb) b.thumb(t.swi(0xee));
  if (thumb && (b.code.length & 1) !== 0) b.thumb(t.swi(0xef));
  if (!thumb) b.arm(armEnd(0xee));
}
