/**
 * The queue on loopback: a campaign is dealt out through a real server to real workers, while one
 * worker is killed, the server is killed and started again, and a range is sent twice. The store must
 * then be the one of a run without a queue, row for row.
 *
 * Needs nats-server (Debian's package of that name).
 *
 * @module
 */

import { subject } from "../cli/queue.ts";
import { Queue } from "../cli/queue_nats.ts";
import { specHash, Store } from "../cli/store.ts";
import { deno, ROOT } from "./run.ts";

const DIR = new URL(".tmp/queue/", ROOT).pathname;
const PORT = 24222;
const URL_ = `nats://127.0.0.1:${PORT}`;
const COUNT = 1200;
const CAMPAIGN = `guests: [logger]
for: 300ms
machine: {sdram: 32}
targets: [registers, task-stack, kernel-bss, kernel-text]
bugs: [{vm: logger, arg: "bug=undefined@50ms"}]
`;

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The command as `deno task understudy-net` runs it, but for the folder that it may write to. */
const COMMAND = [
  ...["run", "--no-prompt", "--no-lock", "--allow-read", `--allow-write=${DIR}`],
  "--allow-net=127.0.0.1",
  "--allow-env=CLICOLOR_FORCE,NO_COLOR,FORCE_COLOR,LOG_TOKENS,LOG_STREAM",
  new URL("cli/main.ts", ROOT).href,
  "inject",
];

/** Runs the command in the background. */
function inject(...args: string[]): Deno.ChildProcess {
  return new Deno.Command("deno", {
    args: [...COMMAND, ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function startServer(): Deno.ChildProcess {
  try {
    return new Deno.Command("nats-server", {
      args: ["-js", "-sd", `${DIR}js`, "-a", "127.0.0.1", "-p", String(PORT)],
      stdout: "null",
      stderr: "null",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("nats-server is not installed: apt-get install nats-server");
    Deno.exit(1);
  }
}

async function kill(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended.
  }
  await child.status;
}

/** Experiments in the store; 0 while there is none. */
function stored(db: string): number {
  try {
    using store = Store.open(db, "read");
    return store.count;
  } catch {
    return 0;
  }
}

async function until(what: string, done: () => boolean): Promise<void> {
  for (let i = 0; i < 1200; i++) {
    if (done()) return;
    await wait(100);
  }
  throw new Error(`${what}: did not happen`);
}

async function main(): Promise<number> {
  await Deno.remove(DIR, { recursive: true }).catch(() => {});
  await Deno.mkdir(DIR, { recursive: true });
  const file = `${DIR}campaign.yaml`;
  await Deno.writeTextFile(file, CAMPAIGN);
  const db = `${DIR}queue.db`;
  const plain = `${DIR}plain.db`;
  const children: Deno.ChildProcess[] = [];
  const start = (child: Deno.ChildProcess) => {
    children.push(child);
    return child;
  };
  let server = start(startServer());
  try {
    await wait(500);
    const victim = start(inject("worker", "--queue", URL_, "--workers", "1"));
    const feeder = start(inject(file, "--out", db, "--count", String(COUNT), "--queue", URL_));
    const fed = feeder.output();
    await until("rows", () => stored(db) > 0);
    console.log(`killing a worker at ${stored(db)} rows`);
    await kill(victim);
    start(inject("worker", "--queue", URL_, "--workers", "2"));
    {
      using store = Store.open(db, "read");
      const queue = await Queue.connect(URL_);
      const job = { arm: 0, kind: "transient", first: 0, end: 500 };
      await queue.publish(subject("jobs", specHash(store.spec)), job);
      await queue.close();
      console.log("sent a range twice");
    }
    await wait(1500);
    console.log(`killing the server at ${stored(db)} rows`);
    await kill(server);
    await wait(1000);
    server = start(startServer());
    const { code, stderr } = await fed;
    if (code !== 0) throw new Error(`feeder: ${code}\n${new TextDecoder().decode(stderr)}`);
  } finally {
    for (const child of children) await kill(child);
  }
  const local = await deno([...COMMAND, file, "--out", plain, "--count", String(COUNT), "--json"]);
  if (local.code !== 0) throw new Error(local.stderr);
  using one = Store.open(db, "read");
  using other = Store.open(plain, "read");
  const expected = [...other.rows()].map((row) => JSON.stringify(row));
  const found = [...one.rows()].map((row) => JSON.stringify(row));
  const same = found.length === expected.length && found.every((row, i) => row === expected[i]);
  console.log(`${found.length} rows, ${same ? "the same" : "NOT the same"} as without a queue`);
  return same ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
