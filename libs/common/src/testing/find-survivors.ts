import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Which of these processes still run a second later; one that is dead but not yet reaped does not count. */
export async function findSurvivors(pids: readonly number[]): Promise<readonly number[]> {
  for (let tries = 0; ; tries += 1) {
    const states = await Promise.all(pids.map(async (pid) => ({ pid, isAlive: await isAlive(pid) })));
    const survivors = states.filter((state) => state.isAlive).map(({ pid }) => pid);
    if (survivors.length === 0 || tries === 50) return survivors;
    await sleep(20);
  }
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}
