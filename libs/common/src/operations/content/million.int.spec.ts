import { fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';

describe('a million shared objects', () => {
  it('are sorted and taken away from a listing by a process whose heap may not exceed 64 MB', async () => {
    const file = new URL('../../testing/million-worker.js', import.meta.url);
    // The collector takes what it needs and no more: a list of them in memory would end the process.
    const child = fork(file, { execArgv: ['--max-old-space-size=64'] });
    const exited = once(child, 'exit');
    await once(child, 'message');
    child.send(1_000_000);
    const [left] = await Promise.race([once(child, 'message'), exited.then(() => [undefined])]);
    expect(left).toEqual([`${'1000000'.padStart(64, '0')}-0011223344556677.zst`]);
    await exited;
  }, 300_000);
});
