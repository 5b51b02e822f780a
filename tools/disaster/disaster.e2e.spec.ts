import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { root } from '#tools/check/root.js';
import { runChild } from '#tools/process/run-child.js';
import { listRunning } from '#tools/sandbox/process-note.js';
import { toSandbox } from '#tools/sandbox/sandbox.js';

it('a platform that is destroyed whole is recovered to one moment by one command, also with catalog, bus and services gone', async () => {
  const entry = join(root, 'dist/tools/disaster/main.js');
  const options = { cwd: root, signal: AbortSignal.timeout(290_000), output: 'capture' as const };
  const { isOk, output } = await runChild(process.execPath, [entry, '--small'], options);
  expect({ isOk, output }).toMatchObject({ isOk: true, output: expect.stringContaining('every event once') });
  for (const what of ['products', 'orders', 'pictures', 'documents', 'sessions', 'events'])
    expect(output.match(new RegExp(`^\\w+ +${what} +\\d+ +\\d+ `, 'gm'))).toHaveLength(2);
  expect(listRunning(toSandbox('disaster').home)).toEqual([]);
}, 300_000);
