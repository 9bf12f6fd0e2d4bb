import assert from "node:assert/strict";
import { CAMPAIGN_SCHEMA, type CampaignSpec, type ExperimentId } from "../cli/campaign_spec.ts";
import { jobsOf, RANGE_MIN } from "../cli/queue.ts";
import { Queue } from "../cli/queue_nats.ts";

function spec(count: number, bugs = 0): CampaignSpec {
  return {
    schema: CAMPAIGN_SCHEMA,
    guests: [],
    vm0: "",
    lab: {},
    arms: [{ name: "a", options: {} }, { name: "b", options: {} }],
    forNs: 1,
    plan: { seed: 1, targets: [], from: 0, to: 1 },
    count,
    bugs: Array.from({ length: bugs }, () => ({ vm: "a", arg: "" })),
    output: { compare: "golden", late: 1, ignore: [], wrong: [] },
    gates: {},
    look: 1,
  };
}

Deno.test("jobsOf() covers what is missing, in ranges that are worth a golden run", () => {
  for (const count of [1, 99, 500, 599, 600, 1700]) {
    const campaign = spec(count, 2);
    const seen = new Set<string>();
    for (const { arm, kind, first, end } of jobsOf(campaign, () => false)) {
      if (kind === "transient") assert.ok(end - first >= Math.min(RANGE_MIN, count), `${count}`);
      for (let idx = first; idx < end; idx++) seen.add(`${arm} ${kind} ${idx}`);
    }
    assert.equal(seen.size, 2 * (count + 2));
  }
  const has = ({ arm, kind, idx }: ExperimentId) => kind === "planted" || arm === 0 || idx !== 777;
  assert.deepEqual([...jobsOf(spec(1700, 1), has)], [
    { arm: 1, kind: "transient", first: 500, end: 1000 },
  ]);
});

Deno.test("Queue.connect() refuses what is no server's address", async () => {
  for (const url of ["localhost", "http://localhost:4222", "nats://", "nats://a b"]) {
    await assert.rejects(Queue.connect(url), /allowed: nats:\/\/HOST:PORT/);
  }
});
