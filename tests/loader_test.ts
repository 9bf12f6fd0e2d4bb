import assert from "node:assert/strict";
import { InputError } from "../core/errors.ts";
import { PAGE_FLAG, PAGE_KIND, UNIT_KIND } from "../core/layout.ts";
import { loadImage } from "../core/loader.ts";
import { Random } from "../core/random.ts";
import { MANIFEST_SECTION, PAGE, PIECE_KIND, SLOT_MAP } from "../core/vmi.ts";
import { loadGuest } from "../guests/mod.ts";
import {
  checkLayout,
  load,
  mutate,
  originals,
  runBatch,
  smallPlain,
  smallTasks,
} from "./image_mutation.ts";
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
      bent((p) => (p.segments[3].va = taskBase(5))),
      /program headers: segment at 0x00700000 covers page 0x00700000, which the manifest does not name/,
    ],
    [
      "text that is in no segment",
      bent((p) => p.segments.splice(2, 1)),
      /record 1 \("t0"\): text at entry 0x00200000 is in no segment of the file/,
    ],
    [
      "entry behind the text's bytes",
      bent((p) => (p.records[1].entry = taskBase(0) + PAGE - 4)),
      /record 1 \("t0"\): text at entry 0x00200ffc is in no segment of the file/,
    ],
    [
      "entry of text that is no code",
      bent((p) => (p.segments[2].flags = 4)),
      /record 1 \("t0"\): text at entry 0x00200000 is in no segment of the file/,
    ],
    [
      "shared piece over the rings",
      bent((p) =>
        p.records.push({
          kind: PIECE_KIND.SHARED,
          data: [SLOT_MAP.RINGS - PAGE, SLOT_MAP.RINGS + PAGE],
          name: "shared",
        })
      ),
      /record 4 \("shared"\): data .* allowed: whole pages in 0x01c00000\.\.0x01d00000/,
    ],
    [
      "stack of a task over its text",
      bent((p) => (p.records[1].stack = [taskBase(0), taskBase(0) + PAGE])),
      /"t0" has page 0x00200000 twice/,
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
  for (const [what, bytes, pattern] of cases) {
    const line = message(bytes);
    assert.match(line, pattern, what);
    // File, section, reason.
    if (!/^loads$|no ELF file/.test(line)) assert.match(line, /^x\.elf: [^:]+: /, what);
  }
});

Deno.test("loadImage() wants the manifest of a guest with tasks", core, async () => {
  const image = await loadGuest("pipeline");
  assert.equal(message(image), "loads");
  const text = String.fromCharCode(...image.subarray(0, 100_000));
  const bytes = image.slice();
  bytes.set(new TextEncoder().encode(".other-name"), text.indexOf(MANIFEST_SECTION));
  assert.equal(
    message(bytes),
    "x.elf: .understudy: the section is missing, although there is task0_text; " +
      "guests with tasks have it",
  );
});

Deno.test("loadImage() names the section that a segment lies in", core, async () => {
  const image = (await loadGuest("pipeline")).slice();
  const view = new DataView(image.buffer);
  const headers = view.getUint32(28, true);
  const last = headers + (view.getUint16(44, true) - 1) * 32;
  // The last segment, and the section in it, from the manifest's area to where there is none.
  const from = view.getUint32(last + 8, true);
  const sections = view.getUint32(32, true);
  for (let i = 0; i < view.getUint16(48, true); i++) {
    const at = sections + i * 40 + 12;
    if (view.getUint32(at, true) === from) view.setUint32(at, 0x01b0_0000, true);
  }
  view.setUint32(last + 8, 0x01b0_0000, true);
  assert.match(
    message(image),
    /^x\.elf: \w+: segment at 0x01b00000 covers page 0x01b00000, which the manifest does not name$/,
  );
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

// --- mutated files ---------------------------------------------------------------------------------

Deno.test(
  "loadImage() answers any mutated file with InputError or a layout inside the slot",
  core,
  async () => {
    const files = await originals();
    const random = new Random(2);
    let taken = 0;
    const refused = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const { refused: part, image } = load(mutate(random, files));
      if (image === undefined) refused.set(part, (refused.get(part) ?? 0) + 1);
      else {
        taken++;
        checkLayout(image);
      }
    }
    assert.ok(taken > 500, `${taken} taken`);
    for (const part of ["ELF header", "program headers", "section headers", MANIFEST_SECTION]) {
      assert.ok((refused.get(part) ?? 0) > 50, `${part}: ${refused.get(part)}`);
    }
  },
);

Deno.test("Lab.runAll() runs mutated images that load, and nothing is thrown", core, async () => {
  const random = new Random(5);
  let ran = 0;
  let faults = 0;
  // Small files, so that most changes hit code or the manifest.
  for (let batch = 0; batch < 6; batch++) {
    const images: Uint8Array[] = [];
    while (images.length < 16) {
      const bytes = mutate(random, [smallTasks, smallPlain]);
      if (load(bytes).image !== undefined) images.push(bytes);
    }
    const seen = await runBatch(images, 24);
    ran += seen.guests;
    faults += seen.faults;
  }
  assert.ok(ran > 60 && faults > 5, `${ran} mutated images ran, with ${faults} faults`);
});
