import assert from "node:assert/strict";
import fc from "fast-check";
import { InputError } from "../core/errors.ts";
import { PAGE_FLAG, PAGE_KIND, UNIT_KIND } from "../core/layout.ts";
import { type GuestImage, loadImage, MAX_TASKS, pageContent } from "../core/loader.ts";
import { HC, PAGE, PIECE, PIECE_KIND, SLOT_MAP } from "../core/vmi.ts";
import { guestNames, loadGuest } from "../guests/mod.ts";
import {
  CALL,
  type Code,
  elfFile,
  type ElfSpec,
  KERNEL_DATA,
  manifest,
  plainGuest,
  type RecordSpec,
  STACK_OFFSET,
  taskBase,
  taskData,
  taskGuest,
  taskGuestParts,
} from "./mini_guest.ts";
import { core, miniLab } from "./monitor_rig.ts";

const TWO_TASKS = {
  tasks: [0, 1].map((i) => ({
    name: `t${i}`,
    main: (c: Code) => c.print(CALL.PRINT, "up\n").label("loop").increment(taskData(i)).b("loop"),
  })),
};

/** A guest with two tasks whose parts were changed. */
function bent(
  change: (parts: ElfSpec & { records: RecordSpec[]; segments: ElfSpec["segments"][0][] }) => void,
): Uint8Array {
  const made = taskGuestParts(TWO_TASKS);
  const parts = {
    ...made,
    segments: made.segments.map((s) => ({ ...s })),
    records: made.records.map((r) => ({ ...r })),
  };
  change(parts);
  // A change may put a manifest of its own.
  const own = parts.manifest !== made.manifest;
  return elfFile({ ...parts, manifest: own ? parts.manifest : manifest(parts.records) });
}

function message(bytes: Uint8Array): string {
  try {
    loadImage(bytes, "x.elf");
  } catch (error) {
    assert.ok(error instanceof InputError, `${error}`);
    assert.doesNotMatch(error.message, /[\r\n]/);
    assert.match(error.message, /^x\.elf: /);
    return error.message;
  }
  return "loads";
}

Deno.test("loadImage() makes units, pages and stacks of a guest with tasks", core, () => {
  const image = loadImage(taskGuest(TWO_TASKS), "x.elf");
  assert.equal(image.plain, false);
  assert.deepEqual(
    image.units.map((u) => [u.kind, u.name, u.entry, u.stack]),
    [
      [UNIT_KIND.KERNEL, "kernel", 0, STACK_OFFSET + PAGE],
      [UNIT_KIND.COMMON, "common", 0, 0],
      ...[0, 1, 2].map((i) => [
        UNIT_KIND.TASK,
        i < 2 ? `t${i}` : "idle",
        taskBase(i),
        taskBase(i) + STACK_OFFSET + PAGE,
      ]),
    ],
  );
  assert.deepEqual(image.units[0].pages, [
    { va: 0, kind: PAGE_KIND.TEXT, flags: 0 },
    { va: KERNEL_DATA, kind: PAGE_KIND.DATA, flags: PAGE_FLAG.WRITABLE },
    { va: STACK_OFFSET, kind: PAGE_KIND.STACK, flags: PAGE_FLAG.WRITABLE },
    { va: SLOT_MAP.VMI_CONTROL, kind: PAGE_KIND.CONTROL, flags: PAGE_FLAG.WRITABLE },
    { va: SLOT_MAP.VMI_INFO, kind: PAGE_KIND.INFO, flags: 0 },
  ]);
  assert.deepEqual(image.units[3].pages.map((p) => p.va), [
    taskBase(1),
    taskData(1),
    taskBase(1) + STACK_OFFSET,
  ]);
});

Deno.test("loadImage() makes one piece of a guest without a manifest", core, () => {
  const image = loadImage(plainGuest({ main: (c) => c.spin(), dataPages: 3 }), "x.elf");
  assert.equal(image.plain, true);
  assert.equal(image.units.length, 1);
  const [unit] = image.units;
  assert.equal(unit.kind, UNIT_KIND.KERNEL);
  const count = (kind: number) => unit.pages.filter((p) => p.kind === kind).length;
  assert.deepEqual([0, 1, 2, 3, 4].map(count), [1, 3, 4, 1, 1]);
  const stack = unit.pages.filter((p) => p.kind === PAGE_KIND.STACK);
  assert.equal(unit.stack, stack[3].va + PAGE);
  assert.ok(!unit.pages.some((p) => p.va === stack[0].va - PAGE), "a guard page below the stack");
});

Deno.test("loadImage() names what is wrong with an image", core, () => {
  const data = (i: number) => [taskData(i), taskData(i) + PAGE] as const;
  const cases: [string, Uint8Array, RegExp][] = [
    ["good", bent(() => {}), /^loads$/],
    ["not ELF", new TextEncoder().encode("#!/bin/sh\n"), /is no ELF file/],
    ["empty", new Uint8Array(0), /is no ELF file/],
    ["x86", bent((p) => (p.machine = 3)), /machine 3 .*allowed: 40 \(ARM\)/],
    ["truncated", taskGuest(TWO_TASKS).subarray(0, 700), /past the end of the file/],
    ["overlap of segments", bent((p) => (p.segments[1].va = 0)), /two segments overlap at 0x/],
    [
      "entry of the file",
      bent((p) => (p.entry = 4)),
      /\.understudy: the kernel's entry is not the ELF file's/,
    ],
    [
      "entry outside the text",
      bent((p) => (p.records[1].entry = taskData(0))),
      /record 1 \("t0"\): entry 0x00210000 is not in text/,
    ],
    [
      "entry not aligned",
      bent((p) => (p.records[1].entry = taskBase(0) + 2)),
      /record 1 \("t0"\): entry 0x00200002 is not in text/,
    ],
    [
      "no stack",
      bent((p) => (p.records[2].stack = [0, 0])),
      /record 2 \("t1"\): has no stack/,
    ],
    [
      "kernel without a stack",
      bent((p) => (p.records[0].stack = [0, 0])),
      /record 0 \("kernel"\): has no stack/,
    ],
    [
      "no guard page",
      bent((p) => (p.records[1].stack = [taskData(0) + PAGE, taskData(0) + 2 * PAGE])),
      /"t0": no free guard page below the stack/,
    ],
    [
      "task data over the VMI pages",
      bent((p) => (p.records[1].data = [SLOT_MAP.VMI_CONTROL, SLOT_MAP.VMI_CONTROL + PAGE])),
      /record 1 \("t0"\): data 0x01f00000\.\.0x01f01000; allowed: whole pages in 0x00200000/,
    ],
    [
      "task data in the kernel",
      bent((p) => (p.records[1].data = [KERNEL_DATA, KERNEL_DATA + PAGE])),
      /record 1 \("t0"\): data 0x00010000/,
    ],
    [
      "kernel text in a task",
      bent((p) => (p.records[0].text = [0, taskBase(0) + PAGE])),
      /record 0 \("kernel"\): text .* allowed: whole pages in 0x00000000\.\.0x00100000/,
    ],
    [
      "pages of another task",
      bent((p) => (p.records[2].data = data(0))),
      /"t1" has page 0x00210000 twice/,
    ],
    [
      "megabyte of another task",
      bent((p) => (p.records[2].data = [taskBase(0) + 0x8_0000, taskBase(0) + 0x8_1000])),
      /"t1" and "t0" overlap in megabyte 0x00200000/,
    ],
    [
      "range that ends before it starts",
      bent((p) => (p.records[1].data = [taskData(0) + PAGE, taskData(0)])),
      /record 1 \("t0"\): data 0x00211000\.\.0x00210000/,
    ],
    [
      "half a page",
      bent((p) => (p.records[1].data = [taskData(0), taskData(0) + 100])),
      /whole pages/,
    ],
    [
      "range past the address space",
      bent((p) => (p.records[1].data = [taskData(0), 0xffff_f000])),
      /record 1 \("t0"\): data 0x00210000\.\.0xfffff000/,
    ],
    [
      "segment the manifest does not name",
      bent((p) => (p.segments[2].va = taskBase(5))),
      /segment at 0x00700000 covers page 0x00700000, which the manifest does not name/,
    ],
    [
      "segment over the VMI control page",
      bent((p) => (p.segments[3].va = SLOT_MAP.VMI_CONTROL)),
      /segment at 0x01f00000 covers page 0x01f00000/,
    ],
    [
      "segment past the slot",
      bent((p) => (p.segments[3].va = SLOT_MAP.SIZE - PAGE / 2)),
      /does not fit in the guest's slot|does not name/,
    ],
    [
      "segment longer than its area",
      bent((p) => (p.segments[3].memsz = 3 * PAGE)),
      /which the manifest does not name/,
    ],
    [
      "enormous segment",
      bent((p) => (p.segments[1].memsz = 0x7000_0000)),
      /overlap|does not fit|does not name/,
    ],
    ["no kernel", bent((p) => p.records.shift()), /must have one kernel record/],
    [
      "two kernels",
      bent((p) => p.records.push({ ...p.records[0] })),
      /must have one kernel record/,
    ],
    [
      "two common texts",
      bent((p) => {
        const text = [SLOT_MAP.COMMON, SLOT_MAP.COMMON + PAGE] as const;
        for (let i = 0; i < 2; i++) p.records.push({ kind: PIECE_KIND.COMMON, text, name: "c" });
      }),
      /two records of a kind/,
    ],
    [
      "common text with data",
      bent((p) => {
        const text = [SLOT_MAP.COMMON, SLOT_MAP.COMMON + PAGE] as const;
        const rest = [SLOT_MAP.COMMON + PAGE, SLOT_MAP.COMMON + 2 * PAGE] as const;
        p.records.push({ kind: PIECE_KIND.COMMON, text, data: rest, name: "c" });
      }),
      /common text can have no data/,
    ],
    ["unknown kind", bent((p) => (p.records[1].kind = 9)), /record 1 \("t0"\): unknown kind 9/],
    ["name", bent((p) => (p.records[1].name = "a b")), /bad name; allowed: 1 to 15 letters/],
    ["no name", bent((p) => (p.records[1].name = "")), /bad name/],
    [
      "manifest cut",
      bent((p) => (p.manifest = manifest(p.records).subarray(0, 100))),
      /says 4 records, which do not fit/,
    ],
    [
      "manifest header cut",
      bent((p) => (p.manifest = manifest(p.records).subarray(0, 12))),
      /shorter than its header/,
    ],
    [
      "manifest magic",
      bent((p) => (p.manifest = manifest(p.records).fill(0, 0, 1))),
      /no manifest magic/,
    ],
    [
      "manifest version",
      bent((p) => (p.manifest = manifest(p.records).fill(7, 4, 5))),
      /version 7; allowed: 1/,
    ],
    [
      "count that overflows",
      bent((p) => (p.manifest = manifest(p.records).fill(0xff, 8, 12))),
      /says 4294967295 records/,
    ],
    ["plain guest too large", plainGuest({ main: (c) => c.spin(), dataPages: 7800 }), /slot/],
  ];
  for (const [what, bytes, pattern] of cases) assert.match(message(bytes), pattern, what);
});

Deno.test(
  "Lab.create() refuses a bad image before anything exists, and names the guest",
  core,
  async () => {
    const bad = bent((p) => (p.machine = 62));
    await assert.rejects(miniLab({ good: taskGuest(TWO_TASKS), bad }), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, /^bad: .*machine 62/);
      return true;
    });
  },
);

// --- properties ------------------------------------------------------------------------------------

/** What every layout must hold, whatever the file said. */
function checkLayout(image: GuestImage): void {
  const seen = new Set<number>();
  const owner = new Map<number, unknown>();
  assert.equal(image.units[0].kind, UNIT_KIND.KERNEL);
  assert.ok(image.units.length <= MAX_TASKS + 3);
  let control = 0;
  for (const unit of image.units) {
    for (const p of unit.pages) {
      assert.ok(Number.isInteger(p.va) && p.va >= 0 && p.va <= SLOT_MAP.SIZE - PAGE);
      assert.equal(p.va % PAGE, 0);
      assert.ok(!seen.has(p.va), "a page once");
      seen.add(p.va);
      const piece = Math.floor(p.va / PIECE);
      assert.ok((owner.get(piece) ?? unit) === unit, "a megabyte of one unit");
      owner.set(piece, unit);
      assert.equal(p.flags & ~PAGE_FLAG.WRITABLE, 0);
      const inVmi = p.va >= SLOT_MAP.VMI_CONTROL;
      assert.equal(inVmi, p.kind >= PAGE_KIND.CONTROL, "VMI pages are the monitor's to give");
      if (inVmi) control++;
      const area = unit.kind === UNIT_KIND.TASK
        ? [SLOT_MAP.TASKS, SLOT_MAP.TASKS_END]
        : unit.kind === UNIT_KIND.COMMON
        ? [SLOT_MAP.COMMON, SLOT_MAP.TASKS]
        : unit.kind === UNIT_KIND.SHARED
        ? [SLOT_MAP.SHARED, SLOT_MAP.RINGS]
        : [0, SLOT_MAP.SIZE];
      assert.ok(p.va >= area[0] && p.va < area[1], "inside its area");
      assert.equal(pageContent(image, p.va).length, PAGE);
    }
    if (unit.kind === UNIT_KIND.COMMON) {
      assert.ok(unit.pages.every((p) => p.kind === PAGE_KIND.TEXT && p.flags === 0));
      continue;
    }
    if (unit.kind === UNIT_KIND.SHARED) {
      assert.equal(unit, image.units.at(-1), "behind the tasks, which are numbered from unit 2 on");
      continue;
    }
    assert.ok(seen.has(unit.entry - unit.entry % PAGE), "the entry is in a page");
    assert.ok(seen.has(unit.stack - PAGE), "the stack has a page");
    const bottom = unit.pages.filter((p) => p.kind === PAGE_KIND.STACK);
    assert.ok(bottom.length > 0 && !unit.pages.some((p) => p.va === bottom[0].va - PAGE), "guard");
  }
  assert.equal(control, 2);
  for (const segment of image.elf.segments) {
    for (let va = segment.vaddr; va < segment.vaddr + segment.memsz; va += PAGE) {
      assert.ok(seen.has(va - va % PAGE), "every segment is in pages");
    }
  }
}

/** A changed copy of one of several files. */
function mutated(files: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const interesting = fc.constantFrom(
    0,
    1,
    4,
    PAGE,
    PAGE - 1,
    PIECE,
    SLOT_MAP.SIZE,
    SLOT_MAP.SIZE - PAGE,
    SLOT_MAP.VMI_CONTROL,
    SLOT_MAP.TASKS,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_f000,
    0xffff_ffff,
  );
  const word = fc.oneof(interesting, fc.nat(0xffff_ffff), fc.nat(SLOT_MAP.SIZE));
  const change = fc.oneof(
    // In the headers and in the manifest, where it matters, and anywhere.
    fc.record({ at: fc.nat(52 + 6 * 32), word, fromEnd: fc.constant(false) }),
    fc.record({ at: fc.nat(600), word, fromEnd: fc.constant(true) }),
    fc.record({ at: fc.nat(0xffff), word, fromEnd: fc.boolean() }),
  );
  return fc.tuple(
    fc.constantFrom(...files),
    fc.array(change, { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(0xffff) }),
  ).map(([file, changes, whole, cut]) => {
    const bytes = file.slice();
    const view = new DataView(bytes.buffer);
    for (const { at, word, fromEnd } of changes) {
      const place = fromEnd ? bytes.length - 4 - at % (bytes.length - 4) : at % (bytes.length - 4);
      if (whole) view.setUint32(place & ~3, word, true);
      else view.setUint8(place, word);
    }
    return cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
  });
}

Deno.test(
  "loadImage() answers any mutated file with InputError or a layout inside the slot",
  core,
  async () => {
    const files = [
      ...await Promise.all(guestNames.map(loadGuest)),
      taskGuest(TWO_TASKS),
      plainGuest({ main: (c) => c.spin() }),
    ];
    let loaded = 0;
    let refused = 0;
    fc.assert(
      fc.property(mutated(files), (bytes) => {
        let image: GuestImage;
        try {
          image = loadImage(bytes, "x.elf");
        } catch (error) {
          assert.ok(error instanceof InputError, `${(error as Error).stack}`);
          refused++;
          return;
        }
        loaded++;
        checkLayout(image);
      }),
      { numRuns: 6000, seed: 2 },
    );
    assert.ok(loaded > 500 && refused > 500, `${loaded} loaded, ${refused} refused`);
  },
);

Deno.test("Lab.runAll() runs mutated images that load, and nothing is thrown", core, async () => {
  // Small files, so that most changes hit code or the manifest.
  const files = [
    taskGuest(TWO_TASKS),
    plainGuest({
      main: (c) => c.print(HC.CONSOLE_WRITE, "up\n").label("l").increment(KERNEL_DATA).b("l"),
    }),
  ];
  const healthy = plainGuest({
    main: (c) => c.label("l").increment(KERNEL_DATA).b("l"),
  });
  let ran = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(mutated(files), { minLength: 16, maxLength: 16 }), async (all) => {
      const guests: Record<string, Uint8Array> = { healthy };
      for (const [i, bytes] of all.entries()) {
        if (message(bytes) === "loads") guests[`m${i}`] = bytes;
      }
      using lab = await miniLab(guests, { slice: "1ms" });
      lab.runAll({ for: "24ms" });
      ran += Object.keys(guests).length - 1;
      assert.equal(lab.stopped, false, "a guest's image is no reason for the system to stop");
      const { vms } = lab.summary();
      assert.equal(vms.length, Object.keys(guests).length + 1);
      assert.ok(vms[1].cycles > 400_000, "the healthy guest runs");
    }),
    { numRuns: 8, seed: 5, endOnFailure: true },
  );
  assert.ok(ran > 40, `${ran} mutated images ran`);
});
