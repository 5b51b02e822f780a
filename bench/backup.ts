import { generateAgeKeys } from '#common/sealing/age.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { takeBareBackup } from './bare-backup.js';
import { createFilledDatabase, sizeOf } from './filled-database.js';
import { takeHoldfastBackup } from './holdfast-backup.js';
import type { BenchOptions } from './options.js';
import { median, printTable, toMegabytes } from './report.js';

interface Contender {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

/** Rounds in turns, each beginning with another contender, so that whatever else the machine does hits all of them alike. */
export async function benchBackup({ sizesBytes, rounds }: BenchOptions): Promise<void> {
  for (const sizeBytes of sizesBytes) {
    console.log(`making a database of ${toMegabytes(sizeBytes)}`);
    const database = await createFilledDatabase(sizeBytes);
    const bed = await S3Bed.make();
    const repository = bed.open();
    const { recipient } = await generateAgeKeys();
    const encrypted = bed.open({ encryption: { recipients: [recipient] } });
    try {
      const dataset = database.dataset({ fingerprintTables: [], compression: { level: 3, threads: 2 } });
      let count = 0;
      const contenders: Contender[] = [
        { name: 'bare', run: () => takeBareBackup(database, bed, `bare/${count++}.dump.zst`) },
        { name: 'Holdfast, counts only', run: () => takeHoldfastBackup(dataset, repository) },
        { name: 'Holdfast, counts only, encrypted', run: () => takeHoldfastBackup(dataset, encrypted) },
        {
          name: 'Holdfast',
          run: () => takeHoldfastBackup({ ...dataset, fingerprintTables: ['*.*'] }, repository),
        },
      ];
      const seconds = await measure(contenders, rounds);
      const manifest = await takeHoldfastBackup(dataset, repository);
      const stored = manifest.objects.reduce((sum, object) => sum + object.sizeBytes, 0);
      console.log(
        `\ndatabase ${toMegabytes(await sizeOf(database))}, stored ${toMegabytes(stored)}; seconds of one backup:`,
      );
      report(contenders, seconds, rounds);
    } finally {
      await repository.close();
      await encrypted.close();
      await bed.dispose();
      await database.drop();
    }
  }
}

/** The first round warms caches and connections, and is not counted. */
async function measure(contenders: readonly Contender[], rounds: number): Promise<number[][]> {
  const seconds: number[][] = contenders.map(() => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const index = (round + turn) % contenders.length;
      const startedAt = performance.now();
      await contenders[index]?.run();
      if (round > 0) seconds[index]?.push((performance.now() - startedAt) / 1_000);
    }
  }
  return seconds;
}

function report(contenders: readonly Contender[], seconds: readonly number[][], rounds: number): void {
  const bare = median(seconds[0] ?? []);
  const heads = Array.from({ length: rounds }, (_, round) => `round ${round + 1}`);
  const rows = contenders.map(({ name }, index) => {
    const own = seconds[index] ?? [];
    return [name, ...own.map((value) => value.toFixed(2)), median(own).toFixed(2), (median(own) / bare).toFixed(2)];
  });
  printTable([['', ...heads, 'median', 'ratio'], ...rows]);
}
