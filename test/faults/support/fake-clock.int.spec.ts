import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#tools/platform/wait-until.js';
import { FakeClock } from './fake-clock.js';

const HOUR_S = 3_600;
const program = 'setInterval(() => console.log(Date.now(), performance.now()), 50)';

let clock: FakeClock;
let stop: () => void;
const lines: string[] = [];

beforeAll(async () => {
  clock = await FakeClock.make();
  const child = spawn(process.execPath, ['-e', program], { env: clock.env, stdio: ['ignore', 'pipe', 'ignore'] });
  stop = () => void child.kill('SIGKILL');
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
});

afterAll(async () => {
  stop?.();
  await clock?.close();
});

/** How far the process's wall clock is off, in hours. */
const hoursOff = (): number => Math.round((Number(lines.at(-1)?.split(' ')[0]) - Date.now()) / 1_000 / HOUR_S);

describe('a clock that is moved under a running process', () => {
  it.each([0, 1, -1])('is %s hours off, while the monotonic clock goes on', async (hours) => {
    await clock.move(hours * HOUR_S);
    await waitUntil('the process sees it', () => lines.length > 0 && hoursOff() === hours);
    const times = lines.map((line) => Number(line.split(' ')[1]));
    const steps = times.slice(1).map((time, index) => time - (times[index] as number));
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(Math.max(...steps)).toBeLessThan(60_000);
  });
});
