import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { findSurvivors } from '#common/testing/find-survivors.js';
import { fixtureProgram } from '#common/testing/fixture-program.js';
import type { Command } from './command.js';
import { spawnChain } from './spawn-chain.js';

const calm = new AbortController().signal;
const shell = (script: string): Command => ({ program: 'sh', args: ['-c', script] });
const fixture = (name: string, ...args: string[]): Command => ({ program: fixtureProgram(name), args });
const node = (name: string, ...args: string[]): Command => ({
  program: process.execPath,
  args: [fixtureProgram(name), ...args],
});

async function read(stream: Readable): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of stream) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { size, sha256: hash.digest('hex') };
}

describe('spawnChain', () => {
  it('carries 20 MB through three programs unchanged', async () => {
    const direct = await read(spawnChain([node('produce-bytes.mjs', '20000000')], { signal: calm }).stdout);
    const chain = spawnChain(
      [
        node('produce-bytes.mjs', '20000000'),
        { program: 'zstd', args: ['-1', '-c', '-q'] },
        { program: 'zstd', args: ['-d', '-c', '-q'] },
      ],
      { signal: calm },
    );
    expect(await read(chain.stdout)).toEqual(direct);
    expect(direct.size).toBe(20_000_000);
    expect((await chain.ended).map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect(chain.pids).toHaveLength(3);
  });

  it('feeds an input through the chain', async () => {
    const body = Buffer.alloc(5_000_000, 'holdfast');
    const chain = spawnChain([shell('cat'), shell('cat')], { signal: calm, input: Readable.from([body]) });
    expect((await read(chain.stdout)).sha256).toBe(createHash('sha256').update(body).digest('hex'));
  });

  it('errors after the last byte when the producer died and its consumer exited 0', async () => {
    const chain = spawnChain([fixture('half-then-fail.sh'), { program: 'zstd', args: ['-c', '-q'] }], { signal: calm });
    const blamed = {
      code: 'engine.exit',
      context: {
        program: fixtureProgram('half-then-fail.sh'),
        exitCode: 1,
        stderrTail: expect.stringContaining('luck'),
      },
    };
    await expect(read(chain.stdout)).rejects.toMatchObject(blamed);
    await expect(chain.ended).rejects.toMatchObject(blamed);
  });

  it('errors when the only exit status that is not 0 comes late', async () => {
    const chain = spawnChain([fixture('exit-late.sh', '9'), shell('cat')], { signal: calm });
    await expect(read(chain.stdout)).rejects.toMatchObject({ code: 'engine.exit', context: { exitCode: 9 } });
  });

  it('ends only when a late producer has exited 0', async () => {
    const chain = spawnChain([fixture('exit-late.sh', '0'), shell('cat')], { signal: calm });
    expect((await read(chain.stdout)).size).toBe(6);
  });

  it('blames the consumer when the producer died of its closed pipe', async () => {
    const chain = spawnChain([shell('yes'), shell('head -c 10 >/dev/null; echo full >&2; exit 4')], { signal: calm });
    await expect(read(chain.stdout)).rejects.toMatchObject({ context: { exitCode: 4, stderrTail: 'full' } });
  });

  it('does not take the output for whole when the consumer left early with 0', async () => {
    const chain = spawnChain([{ program: 'yes', args: [] }, shell('head -c 10')], { signal: calm });
    await expect(read(chain.stdout)).rejects.toMatchObject({ code: 'engine.exit', context: { program: 'yes' } });
  });

  it('stops a producer that would never notice that its consumer failed', async () => {
    const chain = spawnChain([fixture('hang.sh'), shell('exit 5')], { signal: calm });
    await expect(chain.ended).rejects.toMatchObject({ context: { exitCode: 5 } });
    expect(await findSurvivors(chain.pids)).toEqual([]);
  });

  it.each([[0], [1], [2]])('names an absent program at place %i and leaves nothing running', async (place) => {
    const commands = [fixture('hang.sh'), shell('cat'), shell('cat')];
    commands[place] = { program: 'holdfast-no-such-program', args: [] };
    const chain = spawnChain(commands, { signal: calm });
    await expect(read(chain.stdout)).rejects.toMatchObject({ code: 'engine.spawn' });
    await expect(chain.ended).rejects.toMatchObject({
      context: { program: 'holdfast-no-such-program', reason: 'ENOENT' },
    });
    expect(await findSurvivors(chain.pids)).toEqual([]);
  });

  it('drains a flood of stderr from every child', async () => {
    const programs = new Set<string>();
    const chain = spawnChain([fixture('flood-stderr.sh'), shell('cat; echo me too >&2')], {
      signal: calm,
      onStderrLine: (_line, program) => programs.add(program),
    });
    expect((await read(chain.stdout)).size).toBe(7);
    const [first, second] = await chain.ended;
    expect(first?.stderrTail.endsWith('the last line')).toBe(true);
    expect(second?.stderrTail).toBe('me too');
    expect([...programs].sort()).toEqual([fixtureProgram('flood-stderr.sh'), 'sh'].sort());
  });

  it('kills every process of every group when aborted, also those that ignore SIGTERM', async () => {
    const abort = new AbortController();
    const chain = spawnChain([fixture('hang.sh'), shell('cat'), shell("trap '' TERM; cat; sleep 1000")], {
      signal: abort.signal,
      killAfterMs: 100,
    });
    const seen: string[] = [];
    chain.stdout.on('data', (chunk: Buffer) => {
      seen.push(chunk.toString());
      if (seen.join('').split('\n').length > 2) abort.abort(new Error('cancelled'));
    });
    await expect(chain.ended).rejects.toThrow('cancelled');
    const pids = [...chain.pids, ...seen.join('').split('\n').filter(Boolean).map(Number)];
    expect(pids.length).toBeGreaterThanOrEqual(5);
    expect(await findSurvivors(pids)).toEqual([]);
    expect(chain.stdout.errored).toMatchObject({ message: 'cancelled' });
  });

  it('spawns nothing once aborted', async () => {
    const chain = spawnChain([shell('echo no')], { signal: AbortSignal.abort(new Error('too late')) });
    expect(chain.pids).toEqual([]);
    await expect(chain.ended).rejects.toThrow('too late');
    await expect(read(chain.stdout)).rejects.toThrow('too late');
  });

  it('stops when its reader gives up, with the error of the reader', async () => {
    const chain = spawnChain([shell('exec yes'), shell('cat')], { signal: calm });
    chain.stdout.once('data', () => chain.stdout.destroy(new Error('the storage is full')));
    await expect(chain.ended).rejects.toThrow('the storage is full');
    expect(await findSurvivors(chain.pids)).toEqual([]);
  });

  it('never passes a broken input off as a whole one', async () => {
    const input = new Readable({ read() {} });
    input.push('half');
    const chain = spawnChain([shell('cat'), shell('cat')], { signal: calm, input });
    setImmediate(() => input.destroy(new Error('the download broke')));
    await expect(read(chain.stdout)).rejects.toThrow('the download broke');
  });

  it('leaves no unhandled rejection when no caller looks', async () => {
    const unhandled: unknown[] = [];
    const remember = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', remember);
    spawnChain([shell('exit 1')], { signal: calm });
    spawnChain([{ program: 'holdfast-no-such-program', args: [] }], { signal: calm });
    await sleep(200);
    process.off('unhandledRejection', remember);
    expect(unhandled).toEqual([]);
  });
});
