/**
 * Where a campaign is kept: one SQLite file, one row an experiment with all that repeats it.
 *
 * @module
 */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { hashBytes, InputError, type StratumSize } from "../mod.ts";
import {
  CAMPAIGN_SCHEMA,
  type CampaignSpec,
  type ExperimentId,
  type ExperimentRow,
  experimentsOf,
} from "./campaign_spec.ts";

/** Marks a file as ours: "USCP". */
const APPLICATION_ID = 0x5553_4350;
/** Version of the tables. */
const VERSION = 1;

/** Columns of an experiment, in their order, with their types. */
const COLUMNS = {
  arm: "INTEGER",
  kind: "TEXT",
  idx: "INTEGER",
  target: "TEXT",
  vm: "TEXT",
  fault: "TEXT",
  outcome: "TEXT",
  fired: "INTEGER",
  detected: "INTEGER",
  manifested: "INTEGER",
  recovered: "INTEGER",
  party: "TEXT",
  task: "TEXT",
  struck_at: "INTEGER",
  latency: "INTEGER",
  detector: "TEXT",
  lost: "INTEGER",
  cycles: "INTEGER",
  actions: "TEXT",
  repeated: "INTEGER",
  late: "INTEGER",
  ended: "TEXT",
  simulated: "INTEGER",
  hash: "TEXT",
  detail: "TEXT",
} as const satisfies Record<keyof ExperimentRow, string>;

/** Names of the columns. */
export const COLUMN_NAMES: readonly (keyof ExperimentRow)[] = Object.keys(
  COLUMNS,
) as (keyof ExperimentRow)[];

const FLAGS: ReadonlySet<string> = new Set(["fired", "detected", "manifested", "recovered"]);

/** A stretch of work at a campaign. */
export interface Session {
  /** Experiments run in it. */
  readonly experiments: number;
  /** Seconds that it took, golden runs included. */
  readonly seconds: number;
  /** Workers. */
  readonly workers: number;
}

/** How a store is opened. */
export type StoreMode =
  /** A new file; an existing one is refused. */
  | "create"
  /** An existing file, to add to. */
  | "append"
  /** An existing file, to read. */
  | "read";

/** An open store. */
export class Store implements Disposable {
  /** Path of the file. */
  readonly path: string;
  /** The campaign. */
  readonly spec: CampaignSpec;
  /** What there is of each target. */
  readonly sizes: readonly StratumSize[];
  readonly #db: DatabaseSync;

  private constructor(
    path: string,
    spec: CampaignSpec,
    sizes: readonly StratumSize[],
    db: DatabaseSync,
  ) {
    this.path = path;
    this.spec = spec;
    this.sizes = sizes;
    this.#db = db;
  }

  /**
   * Makes a store for a campaign.
   *
   * @param path Path of the file, which must not exist.
   * @param spec The campaign.
   * @param sizes What there is of each target.
   * @throws {InputError} When it exists or can't be written.
   */
  static create(path: string, spec: CampaignSpec, sizes: readonly StratumSize[]): Store {
    if (exists(path)) {
      throw new InputError(path, "exists already", "allowed: another name, or --resume to go on");
    }
    const db = openFile(path, false);
    db.exec(`
      PRAGMA journal_mode = DELETE;
      PRAGMA synchronous = NORMAL;
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${VERSION};
      CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE experiment (
        ${Object.entries(COLUMNS).map(([name, type]) => `${name} ${type} NOT NULL`).join(", ")},
        PRIMARY KEY (arm, kind, idx)
      ) WITHOUT ROWID;
      CREATE TABLE session (experiments INTEGER, seconds REAL, workers INTEGER);
    `);
    const meta = db.prepare("INSERT INTO meta VALUES (?, ?)");
    meta.run("spec", JSON.stringify(spec));
    meta.run("sizes", JSON.stringify(sizes));
    return new Store(path, spec, sizes, db);
  }

  /**
   * Opens a store.
   *
   * @param mode "append" or "read".
   * @throws {InputError} When there is no such file, it is damaged, or something else.
   */
  static open(path: string, mode: Exclude<StoreMode, "create">): Store {
    if (!exists(path)) throw new InputError(path, "there is no such file");
    checkHeader(path);
    const db = openFile(path, mode === "read");
    try {
      const value = (pragma: string) =>
        Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
      if (value("application_id") !== APPLICATION_ID) {
        throw new InputError(path, "is a database of something else");
      }
      if (value("user_version") !== VERSION) {
        throw new InputError(path, `has version ${value("user_version")}`, `allowed: ${VERSION}`);
      }
      if (value("quick_check") !== "ok") throw new InputError(path, "is damaged");
      const meta = (key: string): unknown =>
        JSON.parse(String(db.prepare("SELECT value FROM meta WHERE key = ?").get(key)?.value));
      const spec = meta("spec") as CampaignSpec;
      if (spec?.schema !== CAMPAIGN_SCHEMA) {
        throw new InputError(path, `holds schema ${spec?.schema}`, `allowed: ${CAMPAIGN_SCHEMA}`);
      }
      return new Store(path, spec, meta("sizes") as StratumSize[], db);
    } catch (error) {
      db.close();
      if (error instanceof InputError) throw error;
      throw new InputError(path, `is damaged: ${reason(error)}`);
    }
  }

  /** Adds experiments, all or none of them; one that is there already stays as it is. */
  add(rows: readonly ExperimentRow[]): number {
    const places = COLUMN_NAMES.map(() => "?").join(", ");
    const insert = this.#db.prepare(
      `INSERT OR IGNORE INTO experiment (${COLUMN_NAMES.join(", ")}) VALUES (${places})`,
    );
    let added = 0;
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      for (const row of rows) {
        const values = COLUMN_NAMES.map((name): SQLInputValue => {
          const value = row[name];
          return typeof value === "boolean" ? Number(value) : value;
        });
        added += Number(insert.run(...values).changes);
      }
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
    return added;
  }

  /**
   * Begins a stretch of work.
   *
   * @returns Its number, for {@linkcode updateSession}.
   */
  beginSession(workers: number): number {
    const { lastInsertRowid } = this.#db.prepare("INSERT INTO session VALUES (0, 0, ?)")
      .run(workers);
    return Number(lastInsertRowid);
  }

  /** Notes how far a stretch of work has come. */
  updateSession(session: number, experiments: number, seconds: number): void {
    this.#db.prepare("UPDATE session SET experiments = ?, seconds = ? WHERE rowid = ?")
      .run(experiments, seconds, session);
  }

  /** Adds a stretch of work of another store. */
  addSession({ experiments, seconds, workers }: Session): void {
    this.#db.prepare("INSERT INTO session VALUES (?, ?, ?)").run(experiments, seconds, workers);
  }

  /** The stretches of work so far. */
  sessions(): Session[] {
    return this.#db.prepare("SELECT * FROM session ORDER BY rowid").all() as unknown as Session[];
  }

  /** Number of experiments in it. */
  get count(): number {
    return Number(this.#db.prepare("SELECT count(*) AS n FROM experiment").get()!.n);
  }

  /** True when all experiments of the campaign are in it. */
  get complete(): boolean {
    return this.count === experimentsOf(this.spec);
  }

  /** The experiments that are there, by arm, kind and number. */
  has(): (id: ExperimentId) => boolean {
    const there = new Set<string>();
    for (const row of this.#db.prepare("SELECT arm, kind, idx FROM experiment").iterate()) {
      there.add(`${row.arm} ${row.kind} ${row.idx}`);
    }
    return ({ arm, kind, idx }) => there.has(`${arm} ${kind} ${idx}`);
  }

  /** One experiment. */
  get({ arm, kind, idx }: ExperimentId): ExperimentRow | undefined {
    const found = this.#db.prepare(
      "SELECT * FROM experiment WHERE arm = ? AND kind = ? AND idx = ?",
    ).get(arm, kind, idx);
    return found === undefined ? undefined : rowOf(found);
  }

  /** All experiments, by arm, kind and number. */
  *rows(): Generator<ExperimentRow> {
    const all = this.#db.prepare("SELECT * FROM experiment ORDER BY arm, kind, idx");
    for (const row of all.iterate()) yield rowOf(row);
  }

  /** Closes the file. */
  close(): void {
    this.#db.close();
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function rowOf(found: Record<string, unknown>): ExperimentRow {
  return Object.fromEntries(
    COLUMN_NAMES.map((name) => [name, FLAGS.has(name) ? found[name] === 1 : found[name]]),
  ) as unknown as ExperimentRow;
}

/** Hash of a campaign, for comparing stores. */
export function specHash(spec: CampaignSpec): string {
  return hashBytes(new TextEncoder().encode(JSON.stringify(spec)));
}

/**
 * Puts the experiments of stores of one campaign together.
 *
 * @param out Path of the file to be made.
 * @param paths The stores.
 * @returns Experiments in the new store, and those that more than one store had.
 * @throws {InputError} When they are of different campaigns, or disagree about an experiment.
 */
export function mergeStores(
  out: string,
  paths: readonly string[],
): { experiments: number; doubled: number } {
  const stores = paths.map((path) => Store.open(path, "read"));
  try {
    const hash = specHash(stores[0]!.spec);
    for (const store of stores) {
      if (specHash(store.spec) !== hash) {
        throw new InputError(store.path, `is of another campaign than ${stores[0]!.path}`);
      }
    }
    const merged = Store.create(out, stores[0]!.spec, stores[0]!.sizes);
    let doubled = 0;
    try {
      for (const store of stores) {
        let batch: ExperimentRow[] = [];
        const flush = () => {
          const twice = batch.length - merged.add(batch);
          doubled += twice;
          for (const row of twice === 0 ? [] : batch) {
            const before = merged.get(row)!;
            if (before.hash === row.hash && before.outcome === row.outcome) continue;
            throw new InputError(
              store.path,
              `experiment ${row.arm}:${row.idx} came to something else there`,
            );
          }
          batch = [];
        };
        for (const row of store.rows()) {
          batch.push(row);
          if (batch.length === BATCH) flush();
        }
        flush();
        for (const session of store.sessions()) merged.addSession(session);
      }
      return { experiments: merged.count, doubled };
    } finally {
      merged.close();
    }
  } finally {
    for (const store of stores) store.close();
  }
}

/** Rows of a transaction. */
const BATCH = 1000;

const HEADER = new TextEncoder().encode("SQLite format 3\0");

/** A file that SQLite would take for an empty database, or refuse, is refused here. */
function checkHeader(path: string): void {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    throw new InputError(path, reason(error));
  }
  try {
    const bytes = new Uint8Array(HEADER.length);
    const read = file.readSync(bytes) ?? 0;
    if (read < HEADER.length || HEADER.some((byte, i) => bytes[i] !== byte)) {
      throw new InputError(path, "is no store of a campaign");
    }
  } finally {
    file.close();
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new InputError(path, reason(error));
  }
}

function openFile(path: string, readOnly: boolean): DatabaseSync {
  try {
    return new DatabaseSync(path, { readOnly });
  } catch (error) {
    throw new InputError(path, `can't be opened: ${reason(error)}`);
  }
}

/** Why a file could not be used, in words for its user. */
function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return "run with --allow-read and --allow-write";
  return error instanceof Error ? error.message : String(error);
}
