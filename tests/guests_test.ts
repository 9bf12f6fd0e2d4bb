/**
 * The committed guests: ELF files, modules, manifest and sources agree. No compiler is needed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { guestBoards, guestNames, guestSummaries, loadGuest } from "../guests/mod.ts";
import { GUESTS, type GuestSource, hasModule, isPublished } from "../tasks/guest_list.ts";
import { type ImagesManifest, otherTools } from "../tasks/guests.ts";
import { headers, INCLUDE } from "../tasks/headers.ts";

const ROOT = new URL("../guests/", import.meta.url);

const manifest: ImagesManifest = JSON.parse(
  await Deno.readTextFile(new URL("images/manifest.json", ROOT)),
);

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The sections of an ELF file by name: offset and length. */
function sections(elf: Uint8Array): Map<string, { offset: number; size: number }> {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.length);
  const at = view.getUint32(0x20, true);
  const count = view.getUint16(0x30, true);
  const names = view.getUint32(at + 40 * view.getUint16(0x32, true) + 16, true);
  const found = new Map<string, { offset: number; size: number }>();
  for (let i = 0; i < count; i++) {
    const header = at + 40 * i;
    let end = names + view.getUint32(header, true);
    const start = end;
    while (elf[end] !== 0) end++;
    found.set(new TextDecoder().decode(elf.subarray(start, end)), {
      offset: view.getUint32(header + 16, true),
      size: view.getUint32(header + 20, true),
    });
  }
  return found;
}

Deno.test("guestNames lists what the manifest has, vm0 first", () => {
  const published = Object.entries(manifest.images).filter(([, image]) => isPublished(image));
  assert.deepEqual([...guestNames], published.map(([name]) => name));
  assert.deepEqual([...guestNames], Object.keys(guestSummaries));
  assert.equal(guestNames[0], "vm0");
  assert.deepEqual(Object.keys(manifest.images), GUESTS.map((g: GuestSource) => g.name));
  const others = Object.entries(guestBoards).flatMap(([name, boards]) =>
    boards.map((board) => `${name}-${board}`)
  );
  assert.deepEqual(
    others.sort(),
    Object.entries(manifest.images).filter(([, image]) => !hasModule(image)).map(([name]) => name)
      .sort(),
  );
});

Deno.test("loadGuest() gives the bytes of the committed ELF file", async () => {
  for (const name of guestNames) {
    const file = await Deno.readFile(new URL(manifest.images[name].file, ROOT));
    assert.deepEqual(await loadGuest(name), file, name);
  }
});

Deno.test("loadGuest() gives a copy", async () => {
  const first = await loadGuest("vm0");
  first.fill(0);
  assert.notEqual((await loadGuest("vm0"))[0], 0);
});

Deno.test("loadGuest() refuses an unknown guest and names those there are", async () => {
  for (const name of ["", "ucos", "toString", "__proto__"]) {
    await assert.rejects(loadGuest(name), /RangeError|no guest ".*"; there are vm0, /);
  }
});

Deno.test("the images are those of the manifest, below 64 KB", async () => {
  for (const [name, image] of Object.entries(manifest.images)) {
    const elf = await Deno.readFile(new URL(image.file, ROOT));
    assert.equal(elf.length, image.bytes, name);
    assert.equal(sha256(elf), image.sha256, name);
    assert.ok(elf.length < 64 * 1024, name);
  }
});

Deno.test("the images were built from the sources that are committed", async () => {
  for (const [name, image] of Object.entries(manifest.images)) {
    assert.ok(image.sources.length > 0, name);
    for (const source of image.sources) assert.ok(source in manifest.sources, source);
  }
  for (const [source, hash] of Object.entries(manifest.sources)) {
    const bytes = await Deno.readFile(new URL(source, ROOT));
    assert.equal(sha256(bytes), hash, `${source} has changed: run deno task guests`);
  }
});

Deno.test("the images and their modules are together below 1 MB", async () => {
  let bytes = 0;
  for (const [name, image] of Object.entries(manifest.images)) {
    bytes += image.bytes;
    if (hasModule(image)) {
      bytes += (await Deno.stat(new URL(`images/${name}.ts`, ROOT))).size;
    }
  }
  assert.ok(bytes < 1 << 20, `${bytes} bytes`);
});

Deno.test("headers() is what is committed", async () => {
  for (const [name, text] of Object.entries(headers())) {
    assert.equal(await Deno.readTextFile(new URL(name, INCLUDE)), text, name);
  }
});

Deno.test("images hold no path of the machine that built them", async () => {
  for (const image of Object.values(manifest.images)) {
    const text = new TextDecoder("latin1").decode(await Deno.readFile(new URL(image.file, ROOT)));
    assert.doesNotMatch(text, /\/tmp|\/home|\/work|\/usr|\/root/);
  }
});

Deno.test("each manifest section names page-aligned parts inside their pieces", async () => {
  for (const name of guestNames) {
    const elf = await loadGuest(name);
    const section = sections(elf).get(".understudy");
    assert.equal(section !== undefined, manifest.images[name].kind === "tasks", name);
    if (section === undefined) continue;
    const view = new DataView(elf.buffer, section.offset, section.size);
    const records = view.getUint32(8, true);
    assert.equal(view.getUint32(0, true), 0x464d5355, name);
    assert.equal(section.size, 16 + 48 * records, name);
    for (let i = 0; i < records; i++) {
      const word = (n: number) => view.getUint32(16 + 48 * i + 4 * n, true);
      const kind = word(0);
      const base = kind === 1 ? 0 : kind === 2 ? 0x100000 : kind === 3 ? 0x200000 : 0x1c00000;
      const [textStart, textEnd, dataStart, dataEnd, stackStart, stackEnd] = [1, 2, 3, 4, 5, 6].map(
        word,
      );
      for (let n = 1; n <= 6; n++) assert.equal(word(n) % 4096, 0, name);
      if (kind === 4) {
        assert.deepEqual([textEnd - textStart, dataStart, stackEnd], [0, base, 0], name);
        continue;
      }
      if (kind !== 3) assert.equal(textStart, base, name);
      assert.ok(textStart < textEnd, name);
      if (kind === 2) continue;
      assert.ok(textEnd <= dataStart && dataStart <= dataEnd, name);
      assert.equal(stackStart, dataEnd + 4096, `${name}: a guard page below the stack`);
      assert.ok(stackStart < stackEnd && stackEnd <= textStart + 0x100000, name);
      assert.ok(word(7) >= textStart && word(7) < textEnd, `${name}: entry`);
    }
  }
});

Deno.test("otherTools() names the compiler that is here and the one of the images", () => {
  assert.deepEqual(otherTools(manifest, manifest), []);
  assert.match(manifest.compiler, /gcc/);
  const [line, ...more] = otherTools({ ...manifest, compiler: "gcc 99.1" }, manifest);
  assert.equal(line, `compiler is "gcc 99.1", the images are from "${manifest.compiler}"`);
  assert.deepEqual(more, []);
  assert.equal(otherTools({ compiler: "none", linker: "none" }, manifest).length, 2);
});

Deno.test("guests/README.md says which bug is in which workload", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const header = await Deno.readTextFile(new URL("workloads/bug.h", ROOT));
  const rows = [...readme.matchAll(/^\| `([a-z-]+)` +\| .* \|$/gm)].filter(([row]) =>
    row.split("|").length === 12
  );
  const bugs = [...header.matchAll(/BUG\([A-Z_]+, "([a-z-]+)"\)/g)].map(([, bug]) => bug);
  assert.deepEqual(rows.map(([, bug]) => bug).sort(), bugs.sort());
  const [, heads] = /^(\| bug .*)$/m.exec(readme)!;
  const guests = [...heads.matchAll(/`([a-z0-9-]+)`/g)].map(([, guest]) => guest);
  const buggy = GUESTS.filter((g: GuestSource) => g.options.includes("-Iworkloads"));
  assert.deepEqual(
    guests,
    buggy.filter(isPublished).map((g: GuestSource) => g.name),
  );
});
