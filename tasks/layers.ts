/**
 * The import order: `core/` is a stack of files without circles, and the folders above it look
 * downward only. What a file of `core/` may name besides is held by the lint rules of
 * `lint_core.ts`.
 *
 * `deno run --allow-read=. --allow-run=deno tasks/layers.ts` prints the map of `core/`, lowest first.
 *
 * @module
 */

import { deno, files, ROOT } from "./run.ts";

/** Imports between the repository's own files: name of a file to the names that it imports. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** What a folder may import; a folder that is not named here may import anything. */
const ALLOWED: readonly (readonly [folder: string, targets: readonly string[]])[] = [
  ["core/", ["core/"]],
  ["mod.ts", ["core/"]],
  ["guests/", ["guests/", "core/"]],
  ["cli/", ["cli/", "mod.ts", "guests/mod.ts", "deno.json"]],
  ["examples/", ["mod.ts", "guests/mod.ts"]],
];

/** The part of `deno info --json` that is read here. */
interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string; readonly error?: string };
      readonly type?: { readonly specifier?: string; readonly error?: string };
    }[];
  }[];
}

/**
 * Reads the import graph of the given files and of what they import, as Deno resolves it.
 *
 * @param roots Names relative to the repository.
 * @throws {Error} An import leads nowhere.
 */
export async function importGraph(roots: readonly string[]): Promise<Graph> {
  const graph = new Map<string, readonly string[]>();
  const prefix = ROOT.href;
  for (const root of roots) {
    if (graph.has(root)) continue;
    const { code, stdout, stderr } = await deno(["info", "--json", root]);
    if (code !== 0) throw new Error(`deno info ${root}: ${stderr.trim()}`);
    for (const module of (JSON.parse(stdout) as Info).modules) {
      if (!module.specifier.startsWith(prefix)) continue;
      const name = module.specifier.slice(prefix.length);
      if (module.error !== undefined) throw new Error(`${name}: ${module.error}`);
      const targets = new Set<string>();
      for (const { code, type } of module.dependencies ?? []) {
        for (const target of [code?.specifier, type?.specifier]) {
          if (target?.startsWith(prefix)) targets.add(target.slice(prefix.length));
        }
      }
      graph.set(name, [...targets].sort());
    }
  }
  return graph;
}

/**
 * Puts files in order, each above all that it imports.
 *
 * @param graph Imports; targets outside the graph are ignored.
 * @returns The files by layer, lowest first, or the circle that makes an order impossible.
 */
export function layersOf(graph: Graph): { layers: string[][]; circle?: string[] } {
  const level = new Map<string, number>();
  const path: string[] = [];
  let circle: string[] | undefined;
  const visit = (file: string): number => {
    const known = level.get(file);
    if (known !== undefined) return known;
    const at = path.indexOf(file);
    if (at >= 0) {
      circle ??= [...path.slice(at), file];
      return 0;
    }
    path.push(file);
    let height = 0;
    for (const target of graph.get(file) ?? []) {
      if (graph.has(target)) height = Math.max(height, visit(target) + 1);
    }
    path.pop();
    level.set(file, height);
    return height;
  };
  for (const file of graph.keys()) visit(file);
  const layers: string[][] = [];
  for (const [file, height] of level) {
    while (layers.length <= height) layers.push([]);
    layers[height]!.push(file);
  }
  for (const layer of layers) layer.sort();
  return circle === undefined ? { layers } : { layers, circle };
}

/**
 * Judges the import order.
 *
 * @returns One line for each offence; empty when the order holds.
 */
export function offences(graph: Graph): string[] {
  const found: string[] = [];
  for (const [file, targets] of graph) {
    const rule = ALLOWED.find(([folder]) => file.startsWith(folder));
    if (rule === undefined) continue;
    for (const target of targets) {
      if (!rule[1].some((allowed) => target.startsWith(allowed))) {
        found.push(`${file} imports ${target}; ${rule[0]} may import ${rule[1].join(", ")} only`);
      }
    }
  }
  const { circle } = layersOf(graph);
  if (circle !== undefined) found.push(`imports in a circle: ${circle.join(" -> ")}`);
  return found.sort();
}

/** All files that the import order is about. */
export function layeredFiles(): string[] {
  return files("", ".ts").filter((name) => /^(mod\.ts$|(core|cli|guests|examples)\/)/.test(name));
}

if (import.meta.main) {
  const core = new Map(
    [...await importGraph(layeredFiles())].filter(([name]) => name.startsWith("core/")),
  );
  for (const [height, layer] of layersOf(core).layers.entries()) {
    console.log(`${String(height).padStart(2)}  ${layer.map((name) => name.slice(5)).join(", ")}`);
  }
}
