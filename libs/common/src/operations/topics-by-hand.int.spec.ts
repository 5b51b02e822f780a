import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { runCommand } from '#common/process/run-command.js';
import { TopicsTestBed } from '#common/testing/topics-test-bed.js';
import { cacheDir } from '#tools/services/paths.js';

const { signal } = new AbortController();
const DUMP = 'kafka-dump-log.sh';

let bed: TopicsTestBed;
beforeAll(async () => {
  bed = await TopicsTestBed.create();
}, 60_000);
afterAll(() => bed.close());

/** The program of Kafka as its distribution has it. */
async function installDump(folder: string): Promise<void> {
  const [install] = (await readdir(cacheDir)).filter((name) => name.startsWith('kafka-'));
  const libs = join(cacheDir, install ?? '', 'libs', '*');
  const script = `#!/bin/sh\nexec java -Xmx128m -cp '${libs}' kafka.tools.DumpLogSegments "$@"\n`;
  await writeFile(join(folder, DUMP), script);
  await chmod(join(folder, DUMP), 0o755);
}

it('a backup is cut into log files by the commands of its manifest, and Kafka prints every record at its offset', async () => {
  const topic = await bed.bed.topic('by-hand', 2, { 'retention.ms': '-1' });
  for (const [index, value] of ['first', 'second', 'third'].entries())
    await bed.bed.producer.send({ topic, messages: [{ partition: index % 2, key: `k${index}`, value }] });
  const manifest = await bed.backup('by-hand');
  const folder = join(bed.backups.folder, 'by-hand');
  await mkdir(folder);
  await installDump(folder);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const end = manifest.restoreByHand.findIndex((line) => line.startsWith('# To restore them'));
  const commands = manifest.restoreByHand.slice(0, end).map((line) => line.replace(/(?=kafka-dump-log)/, './'));
  const script = ['set -e', `cd '${folder}'`, 'jq .facts manifest.json > facts.json', ...commands].join('\n');
  const { stdout } = await runCommand({ program: 'sh', args: ['-c', script] }, { signal });
  expect(await readdir(join(folder, `${topic}-0`))).toEqual(['00000000000000000000.log']);
  expect((await readFile(join(folder, `${topic}-1`, '00000000000000000000.log'))).length).toBeGreaterThan(0);
  for (const line of [/offset: 0 .*key: k0 payload: first/, /offset: 0 .*key: k1 payload: second/])
    expect(stdout).toMatch(line);
  expect(stdout).toMatch(/offset: 1 .*key: k2 payload: third/);
}, 120_000);
