import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly benchmark: 'backup' | 'memory';
  readonly sizesBytes: readonly number[];
  readonly rounds: number;
}

export const usage = `usage: npm run bench -- backup [--size 200M] [--rounds 5]
       npm run bench -- memory [--size 200M,2G]

  backup  seconds of one backup, bare tools and Holdfast in turns, into the same store
  memory  resident memory of a process that makes a backup, and of one that fetches it for a restore

Needs the services: npm run services -- up postgres-18 s3 kafka`;

const UNITS: Readonly<Record<string, number>> = { M: 1e6, G: 1e9 };

/** Undefined when the command line cannot be understood. */
export function parseOptions(argv: readonly string[]): BenchOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { size: { type: 'string' }, rounds: { type: 'string', default: '5' } },
  });
  const [benchmark, ...rest] = positionals;
  if ((benchmark !== 'backup' && benchmark !== 'memory') || rest.length > 0) return undefined;
  const sizesBytes = (values.size ?? (benchmark === 'backup' ? '200M' : '200M,2G')).split(',').map(toBytes);
  const rounds = Number(values.rounds);
  const areGood = [rounds, ...sizesBytes].every((number) => Number.isInteger(number) && number > 0);
  return areGood ? { benchmark, sizesBytes, rounds } : undefined;
}

function toBytes(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([MG])$/.exec(text) ?? [];
  return Math.round(Number(number) * (UNITS[unit] ?? Number.NaN));
}
