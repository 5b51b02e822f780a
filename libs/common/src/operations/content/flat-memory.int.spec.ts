import { fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';

const OBJECTS = 150_000;
/** Less than half of what a list of them takes. `npm run bench -- shared` does it with a million. */
const HEAP_MB = 32;

describe('shared objects by the hundred thousands', () => {
  it('are sorted and taken away from a listing by a process whose heap has room for less than half of them', async () => {
    const file = new URL('../../testing/sorting-worker.js', import.meta.url);
    const child = fork(file, { execArgv: [`--max-old-space-size=${HEAP_MB}`, '--max-semi-space-size=1'] });
    const exited = once(child, 'exit');
    await once(child, 'message');
    child.send(OBJECTS);
    const [left] = await Promise.race([once(child, 'message'), exited.then(() => [undefined])]);
    expect(left).toEqual([`${String(OBJECTS).padStart(64, '0')}-0011223344556677.zst`]);
    await exited;
  }, 120_000);
});
