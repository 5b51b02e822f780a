import { parseArgs } from 'node:util';

const BENCHMARKS = ['backup', 'memory', 'many-datasets', 'back-pressure', 'shared', 'damages'] as const;

export interface BenchOptions {
  readonly benchmark: (typeof BENCHMARKS)[number];
  readonly sizesBytes: readonly number[];
  readonly rounds: number;
  readonly datasets: number;
  readonly executors: number;
  readonly requests: number;
  /** Numbers of shared objects. */
  readonly entries: readonly number[];
}

export const usage = `usage: npm run bench -- backup [--size 200M] [--rounds 5]
       npm run bench -- memory [--size 200M,2G]
       npm run bench -- many-datasets [--datasets 1000] [--executors 4]
       npm run bench -- back-pressure [--requests 20000] [--datasets 1000] [--executors 4]
       npm run bench -- shared [--entries 10000,100000,1000000]
       npm run bench -- damages

  backup         seconds of one backup, bare tools and Holdfast in turns, into the same storage
  memory         resident memory of a process that makes a backup, and of one that fetches it for a restore
  many-datasets  so many databases due in one minute: until all is done, and what it costs catalog, bus and machine
  back-pressure  so many requests at once while the catalog is away: what each service holds in memory, and that none is lost
  shared         memory of backups that share so many objects: making them, checking them, expiring them; needs no service
  damages        each way in which a restore is damaged on purpose, and the probe that finds it; needs every service

Needs the services: npm run services -- up postgres-18 s3 kafka`;

const UNITS: Readonly<Record<string, number>> = { M: 1e6, G: 1e9 };

/** Undefined when the command line cannot be understood. */
export function parseOptions(argv: readonly string[]): BenchOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      size: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      datasets: { type: 'string', default: '1000' },
      executors: { type: 'string', default: '4' },
      requests: { type: 'string', default: '20000' },
      entries: { type: 'string', default: '10000,100000,1000000' },
    },
  });
  const [name, ...rest] = positionals;
  const benchmark = BENCHMARKS.find((known) => known === name);
  if (benchmark === undefined || rest.length > 0) return undefined;
  const sizesBytes = (values.size ?? (benchmark === 'backup' ? '200M' : '200M,2G')).split(',').map(toBytes);
  const counts = [values.rounds, values.datasets, values.executors, values.requests].map(Number);
  const [rounds, datasets, executors, requests] = counts;
  const entries = values.entries.split(',').map(Number);
  const numbers = [...counts, ...sizesBytes, ...entries];
  const areGood = numbers.every((number) => Number.isInteger(number) && Number(number) > 0);
  return areGood
    ? ({ benchmark, sizesBytes, rounds, datasets, executors, requests, entries } as BenchOptions)
    : undefined;
}

function toBytes(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([MG])$/.exec(text) ?? [];
  return Math.round(Number(number) * (UNITS[unit] ?? Number.NaN));
}
