import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { runsEvery } from '#common/testing/representative.js';
import { root } from '#tools/check/root.js';
import { listRunning } from '#tools/sandbox/process-note.js';
import { toSandbox } from '#tools/sandbox/sandbox.js';

const entry = join(root, 'dist/tools/quickstart/main.js');
const { home } = toSandbox('quickstart');
let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill('SIGTERM');
});

function start(until?: RegExp): Promise<{ code: number | null; output: string }> {
  const started = spawn(process.execPath, [entry], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  child = started;
  let output = '';
  const onData = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
    if (until?.test(output)) started.kill('SIGINT');
  };
  started.stdout.on('data', onData);
  started.stderr.on('data', onData);
  return new Promise((resolve) => {
    started.once('close', (code) => resolve({ code, output }));
  });
}

describe('npm run quickstart', () => {
  if (runsEvery)
    it('stops all that it started when it is interrupted in the middle of a backup', async () => {
      const { code, output } = await start(/← backup\.started/);
      expect({ code, output }).toMatchObject({ code: 130, output: expect.stringContaining('interrupted') });
      expect(listRunning(home)).toEqual([]);
    }, 180_000);

  it('ends with every verdict passed and every order back, and leaves nothing running', async () => {
    const { code, output } = await start();
    expect({ code, output }).toMatchObject({
      code: 0,
      output: expect.stringContaining('every order is back, none twice'),
    });
    expect(output).toMatch(/← backup\.progressed +dump: [\d.]+ kB/);
    expect(output).not.toMatch(/\bfailed\b|inconclusive|Warning|\bNO\b/);
    expect(listRunning(home)).toEqual([]);
  }, 300_000);
});
