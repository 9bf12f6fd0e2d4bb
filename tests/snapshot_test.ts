import assert from "node:assert/strict";
import fc from "fast-check";
import { InputError } from "../core/errors.ts";
import { hashBytes } from "../core/hash.ts";
import { BACKUP_STRATEGIES, Lab, type LabOptions } from "../core/lab.ts";
import { decodeSnapshot, encodeSnapshot } from "../core/snapshot.ts";
import {
  CALL,
  type Code,
  imm,
  KERNEL_DATA,
  plainGuest,
  R0,
  taskData,
  taskGuest,
} from "./mini_guest.ts";
import { core, demoLab, miniLab, ofType } from "./monitor_rig.ts";

const SCHEMA = "understudy.test/1";

/** Bytes with the magic and the checksum of a snapshot around any body. */
async function forged(body: Uint8Array, zip = true): Promise<Uint8Array> {
  const good = await encodeSnapshot({ schema: SCHEMA }, []);
  const stream = new Blob([body as Uint8Array<ArrayBuffer>]).stream();
  const packed = zip
    ? new Uint8Array(
      await new Response(stream.pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
    )
    : body;
  const out = new Uint8Array(24 + packed.length);
  out.set(good.subarray(0, 8));
  out.set(new TextEncoder().encode(hashBytes(packed)), 8);
  out.set(packed, 24);
  return out;
}

/** A body: length of the JSON text, the text, bytes. */
function body(text: string, length = text.length): Uint8Array {
  const out = new Uint8Array(4 + text.length);
  new DataView(out.buffer).setUint32(0, length, true);
  out.set(new TextEncoder().encode(text), 4);
  return out;
}

const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof InputError, `${error}`);
  assert.match(error.message, pattern);
  assert.doesNotMatch(error.message, /\n/);
  return true;
};

Deno.test("encodeSnapshot() and decodeSnapshot() give any plain data back", core, async () => {
  const leaf = fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n === 0 ? 0 : n),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("tree")),
      fc.dictionary(fc.string(), tie("tree")),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(tree, fc.array(fc.uint8Array({ maxLength: 5000 })), async (data, blobs) => {
      const value = { schema: SCHEMA, data };
      const decoded = await decodeSnapshot(await encodeSnapshot(value, blobs), SCHEMA);
      assert.deepEqual(structuredClone(decoded.value), structuredClone(value));
      assert.deepEqual(decoded.blobs, blobs);
    }),
    { numRuns: 60, seed: 20 },
  );
});

Deno.test("decodeSnapshot() refuses what is no snapshot, with the reason", core, async () => {
  const good = await encodeSnapshot({ schema: SCHEMA, data: new Uint8Array(1000) }, []);
  const text = (s: string) => new TextEncoder().encode(s);
  const foreign: [string, Uint8Array][] = [
    ["nothing", new Uint8Array(0)],
    ["text", text("a file of another program, which is longer than a header is")],
    ["JSON", text(JSON.stringify({ schema: SCHEMA, padding: "x".repeat(40) }))],
    ["magic alone", good.subarray(0, 8)],
    ["header alone, cut", good.subarray(0, 23)],
    ["line ends translated", Uint8Array.from([...good].filter((byte) => byte !== 13))],
  ];
  for (const [what, bytes] of foreign) {
    await assert.rejects(
      decodeSnapshot(bytes, SCHEMA),
      refused(/^snapshot: not a file saved by/),
      what,
    );
  }
  const changed = fc.record({ at: fc.nat(good.length - 1), xor: fc.integer({ min: 1, max: 255 }) });
  await fc.assert(
    fc.asyncProperty(changed, async ({ at, xor }) => {
      const bad = good.slice();
      bad[at] ^= xor;
      await assert.rejects(decodeSnapshot(bad, SCHEMA), refused(/damaged|not a file saved/));
    }),
    { numRuns: 150, seed: 21 },
  );
  for (let length = 0; length < good.length; length++) {
    const cut = good.subarray(0, length);
    await assert.rejects(decodeSnapshot(cut, SCHEMA), refused(/truncated|not a file saved/));
  }
  await assert.rejects(
    decodeSnapshot(good, "understudy.lab/1"),
    refused(/schema understudy\.test\/1; allowed: understudy\.lab\/1/),
  );
});

Deno.test(
  "decodeSnapshot() refuses a body that makes no sense, whatever its checksum says",
  core,
  async () => {
    const bodies: [string, Uint8Array, boolean?][] = [
      ["not packed", new Uint8Array(100), false],
      ["empty", new Uint8Array(0)],
      ["two bytes", new Uint8Array(2)],
      ["length past the end", body("{}", 999)],
      ["no JSON", body("{schema")],
      ["null", body("null")],
      ["a number", body("7")],
      ["no value", body("{}")],
      ["value null", body(`{"value":null,"blobs":[]}`)],
      ["no schema", body(`{"value":{},"blobs":[]}`)],
      ["schema of another type", body(`{"value":{"schema":5},"blobs":[]}`)],
    ];
    for (const [what, bytes, zip] of bodies) {
      await assert.rejects(
        decodeSnapshot(await forged(bytes, zip ?? true), SCHEMA),
        refused(/^snapshot: /),
        what,
      );
    }
  },
);

Deno.test("Lab.load() refuses snapshots whose parts are missing or wrong", core, async () => {
  using lab = await miniLab({ g: plainGuest({ main: (c) => c.spin() }) });
  const schema = "understudy.lab/1";
  const { value, blobs } = await decodeSnapshot(await lab.save(), schema);
  const saved = value as Record<string, unknown>;
  const cases: [string, unknown, Uint8Array[]?][] = [
    ["only a schema", { schema }],
    ["no board", { ...saved, board: undefined }],
    ["board of another schema", { ...saved, board: { ...(saved.board as object), schema: "x/9" } }],
    ["no guests", { ...saved, guests: undefined }],
    ["no images", saved, []],
    ["other images", saved, blobs.map(() => new Uint8Array(10))],
    ["no options", { ...saved, options: undefined }],
    ["bad options", { ...saved, options: { ...(saved.options as object), backup: "none" } }],
    ["no recorder", { ...saved, recorder: undefined }],
  ];
  for (const [what, bad, images] of cases) {
    const bytes = await encodeSnapshot(bad, images ?? blobs);
    await assert.rejects(Lab.load(bytes), (e) => e instanceof InputError, what);
  }
  using again = await Lab.load(await encodeSnapshot(saved, blobs));
  assert.equal(again.time, lab.time);
});

// --- save, run, load, run -------------------------------------------------------------------------------

const busy = taskGuest({
  tickUs: 500,
  tasks: [0, 1].map((i) => ({
    name: `t${i}`,
    main: (c: Code) =>
      c.label("l").increment(taskData(i)).print(CALL.PRINT, `line of t${i}\n`).swi(CALL.COUNT)
        .swi(CALL.DELAY).b("l"),
  })),
});
const faulty = taskGuest({
  tickUs: 700,
  tasks: [{
    name: "bad",
    main: (c) => c.increment(taskData(0)).swi(CALL.DELAY).mov(R0, imm(0)).str(R0, R0),
  }, { name: "spin", main: (c) => c.label("l").increment(taskData(1)).b("l") }],
});
const plain = plainGuest({ main: (c) => c.label("l").increment(KERNEL_DATA).b("l") });

/** What must be the same of two laboratories. */
function whole(lab: Lab): unknown {
  const { sdram, ...board } = lab.board.state();
  return [
    { ...board, sdram: [sdram.pages, hashBytes(sdram.bytes)] },
    lab.recorder.state(),
    lab.summary(),
  ];
}

const OPTIONS: readonly Partial<LabOptions>[] = [
  ...BACKUP_STRATEGIES.map((backup) => ({ backup, period: "1ms" })),
  { schedule: "slots", slice: "2ms" },
  { journal: "log" },
  { journal: "commit", outputCommit: true },
  { watchdog: "3ms", checksums: true, generations: 4, catchUp: true },
  { cache: true },
];

Deno.test("Lab.save() and load(): save, run, load, run gives the same state", core, async () => {
  const policy = {
    task: [{ action: "swap", limit: 3 }, { action: "restart", limit: 100 }, { action: "stop" }],
  } as const;
  for (const [i, options] of OPTIONS.entries()) {
    using lab = await miniLab({ busy, faulty, plain }, { policy, slice: "1ms", ...options });
    lab.inject("plain", `reg:r1:20@t=${9 + i}ms`);
    lab.inject("busy", `mem:0x10100:3@t=4ms`);
    const step = options.cache ? 900_001 : 3_100_001;
    for (let round = 0; round < 3; round++) {
      lab.runAll({ for: step + 77_777 * i });
      const bytes = await lab.save();
      const events = lab.runAll({ for: step });
      using again = await Lab.load(bytes);
      assert.deepEqual(again.runAll({ for: step }), events, JSON.stringify(options));
      assert.deepEqual(whole(again), whole(lab), JSON.stringify(options));
      // What was loaded can be saved, too.
      assert.deepEqual(await again.save(), await lab.save());
    }
  }
});

Deno.test("Lab.save() is no part of the run, and gives the same bytes twice", core, async () => {
  using quiet = await miniLab({ busy, faulty });
  using saved = await miniLab({ busy, faulty });
  quiet.runAll({ until: "6ms" });
  for (const ms of [1, 2, 3, 4, 5]) {
    saved.runAll({ until: `${ms}ms` });
    const bytes = await saved.save();
    assert.deepEqual(await saved.save(), bytes);
    assert.ok(bytes.length < 300_000, `${bytes.length} bytes`);
  }
  saved.runAll({ until: "6ms" });
  assert.deepEqual(whole(saved), whole(quiet));
});

Deno.test(
  "Lab.load() goes on with the demonstration in the middle of its recoveries",
  core,
  async () => {
    using lab = await demoLab(["ucos-1", "ucos-2", "ucos-3"]);
    lab.runAll({ until: "298ms" });
    const bytes = await lab.save();
    const events = lab.runAll({ until: "345ms" });
    assert.ok(ofType(events, "recovery").length > 2);
    using again = await Lab.load(bytes);
    assert.deepEqual(again.runAll({ until: "345ms" }), events);
    assert.deepEqual(whole(again), whole(lab));
  },
);
