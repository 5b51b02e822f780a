import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { findSurvivors } from '#common/testing/find-survivors.js';
import { fixtureProgram } from '#common/testing/fixture-program.js';
import { runCommand } from './run-command.js';

const calm = new AbortController().signal;
const program = (name: string, ...args: string[]) => ({ program: fixtureProgram(name), args });
const shell = (script: string, env: Record<string, string> = {}) => ({ program: 'sh', args: ['-c', script], env });

describe('runCommand', () => {
  it('returns the whole stdout of a child that succeeds', async () => {
    const end = await runCommand(shell('echo one; echo two >&2; echo three'), { signal: calm });
    expect(end).toEqual({ program: 'sh', exitCode: 0, signal: null, stderrTail: 'two', stdout: 'one\nthree\n' });
  });

  it('reports a failing child with the end of its stderr', async () => {
    await expect(runCommand(program('half-then-fail.sh'), { signal: calm })).rejects.toMatchObject({
      code: 'engine.exit',
      message: expect.stringMatching(/half-then-fail\.sh ended with exit code 1: out of luck/),
      context: { exitCode: 1, signal: null, stderrTail: 'out of luck after 100000 bytes' },
    });
  });

  it('reports a child that died by a signal', async () => {
    await expect(runCommand(shell('kill -SEGV $$'), { signal: calm })).rejects.toMatchObject({
      code: 'engine.exit',
      context: { exitCode: null, signal: 'SIGSEGV' },
    });
  });

  it('accepts the exit codes that its caller accepts', async () => {
    const end = await runCommand(shell('exit 3'), { signal: calm, acceptExitCodes: [0, 3] });
    expect(end.exitCode).toBe(3);
  });

  it.each([
    ['is absent', { program: 'holdfast-no-such-program', args: [] }, 'ENOENT'],
    ['is not executable', { program: '/etc/passwd', args: [] }, 'EACCES'],
    ['has an argument list too long', { program: 'true', args: ['x'.repeat(4 << 20)] }, 'E2BIG'],
  ])('says so when the program %s', async (_, command, reason) => {
    await expect(runCommand(command, { signal: calm })).rejects.toMatchObject({
      code: 'engine.spawn',
      context: { reason },
    });
  });

  it('survives a flood of stderr, keeps its end and hands over each line', async () => {
    const lines: string[] = [];
    const end = await runCommand(program('flood-stderr.sh'), {
      signal: calm,
      onStderrLine: (line) => lines.push(line),
    });
    expect(end.stdout).toBe('result\n');
    expect(end.stderrTail.endsWith('the last line')).toBe(true);
    expect(end.stderrTail.length).toBeLessThanOrEqual(8_200);
    expect(lines.length).toBeGreaterThan(40_000);
    expect(lines.at(-1)).toBe('the last line');
  });

  it('waits for the exit status of a child that closed stdout long before', async () => {
    await expect(runCommand(program('exit-late.sh', '7'), { signal: calm })).rejects.toMatchObject({
      code: 'engine.exit',
      context: { exitCode: 7 },
    });
  });

  it('feeds text and streams to stdin', async () => {
    const text = await runCommand(shell('cat'), { signal: calm, input: 'as text' });
    expect(text.stdout).toBe('as text');
    const body = Buffer.alloc(3_000_000, 'holdfast');
    const input = Readable.from([body.subarray(0, 1_000_001), body.subarray(1_000_001)]);
    const streamed = await runCommand(shell('sha256sum'), { signal: calm, input });
    expect(streamed.stdout).toContain(createHash('sha256').update(body).digest('hex'));
  });

  it('lets a child succeed that does not read all of its input', async () => {
    const input = Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(100_000)));
    const end = await runCommand(shell('head -c 5 >/dev/null; echo enough'), { signal: calm, input });
    expect(end.stdout).toBe('enough\n');
    expect(input.destroyed).toBe(true);
  });

  it('never passes a broken input off as a whole one', async () => {
    const broken = new Readable({ read() {} });
    broken.push('first half');
    const run = runCommand(shell('cat; echo swallowed >&2'), { signal: calm, input: broken });
    broken.destroy(new Error('the source went away'));
    await expect(run).rejects.toThrow('the source went away');

    const cut = new Readable({ read() {} });
    cut.push('first half');
    const second = runCommand(shell('cat'), { signal: calm, input: cut });
    cut.destroy();
    await expect(second).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
  });

  it('refuses more output than allowed', async () => {
    const run = runCommand(shell('yes'), { signal: calm, maxStdoutBytes: 1_000 });
    await expect(run).rejects.toMatchObject({ code: 'engine.exit', message: 'sh wrote more than 1000 bytes' });
  });

  it('hands the child nothing of the parent environment but the base', async () => {
    process.env['HOLDFAST_SPEC_SECRET'] = 'hunter2';
    const { stdout } = await runCommand(shell('env', { PGPASSFILE: '/nowhere' }), { signal: calm });
    delete process.env['HOLDFAST_SPEC_SECRET'];
    expect(stdout).toContain('PGPASSFILE=/nowhere');
    expect(stdout).toContain('LC_MESSAGES=C');
    expect(stdout).not.toContain('hunter2');
  });

  it('spawns nothing once aborted', async () => {
    const abort = AbortSignal.abort(new Error('too late'));
    await expect(runCommand(shell('echo spawned >&2'), { signal: abort })).rejects.toThrow('too late');
  });

  it('kills the whole group of a child that ignores SIGTERM, and gives the reason of the abort', async () => {
    const abort = new AbortController();
    const pids: number[] = [];
    const run = runCommand(shell(`echo $$ >&2; exec ${fixtureProgram('ignore-sigterm.sh')} >&2`), {
      signal: abort.signal,
      killAfterMs: 100,
      onStderrLine: (line) => (line === 'ready' ? abort.abort(new Error('claim lost')) : pids.push(Number(line))),
    });
    await expect(run).rejects.toThrow('claim lost');
    expect(pids).toHaveLength(1);
    expect(await findSurvivors(pids)).toEqual([]);
  });

  it('is not held by a daemon that a successful child left, and an abort ends that too', async () => {
    const abort = new AbortController();
    const pids: number[] = [];
    const run = runCommand(shell('sleep 1000 & echo $! >&2; exit 0'), {
      signal: abort.signal,
      onStderrLine: (line) => pids.push(Number(line)),
    });
    setTimeout(() => abort.abort(new Error('stopped')), 200);
    await once(abort.signal, 'abort');
    await expect(run).rejects.toThrow('stopped');
    expect(await findSurvivors(pids)).toEqual([]);
  });
});
