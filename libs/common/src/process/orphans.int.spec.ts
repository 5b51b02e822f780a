import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from '@jest/globals';
import { findSurvivors } from '#common/testing/find-survivors.js';
import { fixtureProgram } from '#common/testing/fixture-program.js';
import { endOrphans, findOrphans } from './orphans.js';
import { PARENT_MARK, thisParent, toParentMark } from './parent-mark.js';

const { signal } = new AbortController();
/** Long enough for another spec on this machine to see the end of what it has killed itself. */
const patient = { signal, graceMs: 3_000, killAfterMs: 500 };
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process of Holdfast's with a child of its own, both alive. */
async function startParent(): Promise<{ parent: ChildProcess; pid: number }> {
  const args = [fixtureProgram('run-child.mjs'), fixtureProgram('ignore-sigterm.sh')];
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(parent);
  const lines: string[] = [];
  for await (const line of createInterface({ input: parent.stdout })) {
    lines.push(line);
    if (line === 'ready') break;
  }
  return { parent, pid: Number(lines[0]) };
}

async function startMarked(mark: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const child = spawn('sleep', ['1000'], { env: { ...mark }, detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  children.push(child);
  return child;
}

const orphanPids = async (): Promise<number[]> => (await findOrphans()).map(({ pid }) => pid);

describe('a child whose parent was killed', () => {
  it('is ended with its whole group, also when it ignores SIGTERM, and one whose parent lives is not', async () => {
    const [killed, living] = [await startParent(), await startParent()];
    killed.parent.kill('SIGKILL');
    await once(killed.parent, 'close');
    const own = (await findOrphans()).filter(({ group }) => group === killed.pid).map(({ pid }) => pid);
    // The program, and the loop that it started, which may be at rest in a `sleep`.
    expect(own.length).toBeGreaterThanOrEqual(2);
    expect(own).toContain(killed.pid);
    // An executor of another installation on this machine may come first to one or the other.
    await endOrphans(patient);
    expect(await findSurvivors(own)).toEqual([]);
    expect(await findSurvivors([living.pid])).toEqual([living.pid]);
    process.kill(-living.pid, 'SIGKILL');
  });

  it('is known although its parent’s number is in use again', async () => {
    const { pid, namespace } = thisParent() ?? { pid: 0, namespace: '' };
    const child = await startMarked({ [PARENT_MARK]: `${pid}:1:${namespace}` });
    expect(await orphanPids()).toContain(child.pid);
  });

  it('is left alone when it works for this process, for another process namespace, or for no Holdfast', async () => {
    const marks = [toParentMark(), { [PARENT_MARK]: '1:1:1' }, { [PARENT_MARK]: 'what' }, {}];
    const others = await Promise.all(marks.map(startMarked));
    const orphans = await orphanPids();
    for (const { pid } of others) expect(orphans).not.toContain(pid);
  });
});
