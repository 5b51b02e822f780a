import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { runChild } from './run-child.js';

const cwd = process.cwd();
const never = new AbortController().signal;
const sh = (script: string, options: { signal?: AbortSignal; timeoutMs?: number } = {}) =>
  runChild('/bin/sh', ['-c', script], { cwd, signal: never, output: 'capture', ...options });

async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await sleep(20);
  }
  return false;
}

describe('runChild', () => {
  it('is ok only after exit 0, and keeps what was written', async () => {
    expect(await sh('echo out; echo err >&2')).toMatchObject({ isOk: true, output: 'out\nerr\n' });
    expect(await sh('echo half; exit 3')).toMatchObject({ isOk: false, output: 'half\n' });
  });

  it('turns a command that does not exist into a result', async () => {
    const result = await runChild('/no/such/command', [], { cwd, signal: never, output: 'capture' });
    expect(result).toMatchObject({ isOk: false, output: expect.stringContaining('ENOENT') });
  });

  it('stops what the command started as well when it is aborted', async () => {
    const controller = new AbortController();
    const running = sh('sleep 60 & echo $!; wait', { signal: controller.signal });
    await sleep(200);
    controller.abort();
    const { isOk, output } = await running;
    expect(isOk).toBe(false);
    expect(await isGone(Number.parseInt(output, 10))).toBe(true);
  });

  it('does not let a hanging command pass for a running one', async () => {
    const { isOk, output } = await sh('sleep 60', { timeoutMs: 100 });
    expect({ isOk, output }).toEqual({ isOk: false, output: 'not done after 100 ms\n' });
  });
});
