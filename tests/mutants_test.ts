import assert from "node:assert/strict";
import { choose, mutantsOf, RULES, spoil } from "../tasks/mutate.ts";
import { page } from "../tasks/mutants.ts";
import { deno, files, ROOT } from "../tasks/run.ts";

/** Rule and new line of each mutant of one line. */
function changes(line: string): string[] {
  return mutantsOf("x.ts", line).map(({ rule, after }) => `${rule}: ${after}`);
}

Deno.test("mutantsOf() applies each rule", { permissions: "none" }, () => {
  const cases: [string, string[]][] = [
    ["a = b + c;", ["arithmetic: a = b - c;", "deletion: ;"]],
    ["return a & m | b;", ["bitwise: return a | m | b;", "bitwise: return a & m & b;"]],
    ["return a >>> n;", ["shift: return a << n;"]],
    ["return a === b;", ["equality: return a !== b;"]],
    ["return a <= b;", ["order: return a < b;"]],
    ["return a && b;", ["logic: return a || b;"]],
    ["a += b;", ["assignment: a -= b;", "deletion: ;"]],
    ["return true;", ["truth: return false;"]],
    ["for (; a.b; i++) {", ["step: for (; a.b; i--) {"]],
    ["return f(0xf0);", ["number: return f(0xe0);"]],
    ["return f(10);", ["number: return f(11);"]],
    ["if (f(a)) {", ["condition: if (!(f(a))) {"]],
    ["return (!a);", ["negation: return (a);"]],
    ["return (~a);", ["complement: return (a);"]],
    ["    this.#f(a, b);", ["deletion: ;"]],
    ["    base = c;", ["deletion: ;"]],
  ];
  for (const [line, expected] of cases) assert.deepEqual(changes(line), expected, line);
  const rules = new Set(cases.flatMap(([line]) => mutantsOf("x.ts", line).map((m) => m.rule)));
  assert.deepEqual([...rules].sort(), RULES.map((r) => r.name).sort());
});

Deno.test("mutantsOf() leaves comments, strings, types and imports alone", {
  permissions: "none",
}, () => {
  const text = [
    'import { a } from "./1.ts";',
    "/** a + b, 10",
    " * if (true) { */",
    'f("a + b, 10"); // a + 1',
    "f(`1 + 2`);",
    "export type Size = 1 | 2;",
    "export interface A {",
    "  readonly a: 1 | 2;",
    "  f(): true;",
    "}",
    "const f = (a: Map<string, number>): void => g<A>(a);",
    "  left = 0;",
    "  readonly #running: boolean = false;",
    "  fetch(size: 2 | 4, at: number | undefined): void {",
  ].join("\n");
  assert.deepEqual(
    mutantsOf("x.ts", text).map(({ line, rule, after }) => `${line} ${rule} ${after}`),
    ["5 deletion ;"],
  );
});

Deno.test("spoil() changes one line of the file", { permissions: "none" }, () => {
  const text = "f(1);\ng(2);\n";
  const mutants = mutantsOf("x.ts", text);
  assert.deepEqual(mutants.map((m) => [m.line, spoil(text, m)]), [
    [1, "f(2);\ng(2);\n"],
    [1, ";\ng(2);\n"],
    [2, "f(1);\ng(3);\n"],
    [2, "f(1);\n;\n"],
  ]);
});

Deno.test("choose() is seeded, takes a line once and takes turns", { permissions: "none" }, () => {
  const body = Array.from({ length: 40 }, (_, i) => `a${i} = b + ${i};`).join("\n");
  const all = [...mutantsOf("x.ts", body), ...mutantsOf("y.ts", "f(1);\ng(2);")];
  const chosen = choose(all, 20, 5);
  assert.deepEqual(choose(all, 20, 5), chosen);
  assert.notDeepEqual(choose(all, 20, 6), chosen);
  assert.equal(new Set(chosen.map((m) => `${m.file}:${m.line}`)).size, 20);
  assert.equal(chosen.filter((m) => m.file === "y.ts").length, 2);
  assert.equal(new Set(chosen.filter((m) => m.file === "x.ts").map((m) => m.rule)).size, 3);
  // A line more leaves the choice as it was.
  const moved = [...mutantsOf("x.ts", `// more\n${body}`), ...mutantsOf("y.ts", "f(1);\ng(2);")];
  assert.deepEqual(choose(moved, 20, 5).map((m) => m.after), chosen.map((m) => m.after));
});

/** A mutant that is known to survive. */
interface Known {
  file: string;
  before: string;
  after: string;
  nth?: number;
  reason: string;
}

Deno.test("docs/mutants.md lists every survivor: deno task mutants --doc", async () => {
  const text = await Deno.readTextFile(new URL("docs/mutants.md", ROOT));
  assert.equal(text, await page());
});

Deno.test("the sets name files that exist and mutants that can be made", () => {
  const sets = files("tests/mutation", ".json");
  assert(sets.length > 0);
  for (const name of sets) {
    const set = JSON.parse(Deno.readTextFileSync(new URL(name, ROOT))) as {
      files: string[];
      wanted: number;
      count: number;
      tests: string[];
      first?: Record<string, number[]>;
      accepted: Known[];
      survivors?: Known[];
      result?: { caught: number; survived: number; accepted: number };
    };
    assert(set.count >= (name.endsWith("/cpu.json") ? 100 : 60) && set.wanted >= 0.95, name);
    if (set.result !== undefined) {
      const { caught, survived, accepted } = set.result;
      assert.equal(caught + survived + accepted, set.count, `${name}: deno task mutants --update`);
      assert(caught / (caught + survived) >= set.wanted, name);
    }
    for (const [file, numbers] of Object.entries(set.first ?? {})) {
      assert(set.files.includes(file), `${name}: ${file}`);
      for (const number of numbers) assert(set.tests[number - 1] !== undefined, `${name}: ${file}`);
    }
    const made = new Map(set.files.map((file) => {
      const mutants = mutantsOf(file, Deno.readTextFileSync(new URL(file, ROOT)));
      return [file, new Set(mutants.map((m) => `${m.before}\n${m.after}\n${m.nth}`))];
    }));
    for (
      const { file, before, after, nth = 1, reason } of [...set.accepted, ...set.survivors ?? []]
    ) {
      const known = made.get(file)?.has(`${before}\n${after}\n${nth}`);
      assert(known, `${name}: ${file}: ${after}`);
      assert(reason.length > 20, `${name}: ${file}: ${after}: why?`);
    }
  }
});

Deno.test("tasks/mutants.ts lists mutants, and refuses wrong options in one line", async () => {
  const task = ["run", "--no-prompt", "--allow-read=.", "tasks/mutants.ts"];
  const listed = await deno([...task, "--list", "--count", "7"]);
  assert.equal(listed.code, 0, listed.stderr);
  assert.equal(listed.stdout.match(/core\/\w+\.ts:\d+ /g)?.length, 7);
  const wrong = [["--set", "none"], ["--count", "few"], ["--colour"], ["--update", "--check"]];
  for (const args of wrong) {
    const { code, stderr } = await deno([...task, ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^mutants: [^\n]+\n$/);
  }
});
