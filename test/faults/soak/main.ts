import { randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '#tools/check/root.js';
import { stopSignal } from '#tools/process/stop-signal.js';
import { watchServices } from '#tools/services/started.js';
import type { Cluster } from '../support/cluster.js';
import { makePlan } from './make-plan.js';
import { toText } from './plan-text.js';
import { soak } from './soak.js';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, minutes: { type: 'string', default: '3' }, 'plan-only': { type: 'boolean' } },
});

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** What the apps wrote, for the reader who wants to know how it came to this. */
async function keepLogs(cluster: Cluster, seed: number): Promise<void> {
  const folder = join(root, '.soak', `seed-${seed}`);
  await mkdir(folder, { recursive: true });
  const logs = cluster.replicas.map(({ name, app }, number) =>
    writeFile(join(folder, `${String(number).padStart(3, '0')}-${name}-${app.pid}.log`), `${app.output.join('\n')}\n`),
  );
  const events = cluster.bus.events.map(({ type, id, causationId, data }) =>
    JSON.stringify({ type, id, causationId, data }),
  );
  await Promise.all([...logs, writeFile(join(folder, 'events.jsonl'), `${events.join('\n')}\n`)]);
  for (const table of ['runs', 'audit', 'outbox', 'backups', 'leases']) {
    const rows = await cluster.catalog<{ row: object }>(`SELECT to_jsonb(t) AS row FROM holdfast.${table} t`);
    await writeFile(join(folder, `${table}.jsonl`), `${rows.map(({ row }) => JSON.stringify(row)).join('\n')}\n`);
  }
  print(`logs, events and tables are in ${folder}`);
}

/** `npm run test:soak [-- --seed N --minutes M --plan-only]`: the same numbers make the same plan. */
async function main(): Promise<number> {
  const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
  const plan = makePlan(seed, Math.round(Number(values.minutes) * 60));
  print(toText(plan));
  if (values['plan-only']) return 0;
  const services = await watchServices();
  try {
    if (!(await services.start(stopSignal()))) return 1;
    const { broken, runs, restSeconds } = await soak(plan, {
      say: print,
      onBroken: (cluster) => keepLogs(cluster, seed),
    });
    print(`\nsoak seed ${seed}, ${plan.seconds} s, ${plan.actions.length} actions, at rest after ${restSeconds} s`);
    for (const [name, count] of Object.entries(runs).sort()) print(`  ${String(count).padStart(5)}  ${name}`);
    print(broken.length === 0 ? 'every promise held' : `\nbroken (${broken.length}):\n${broken.join('\n')}`);
    return broken.length === 0 ? 0 : 1;
  } finally {
    await services.stop();
  }
}

process.exitCode = await main();
