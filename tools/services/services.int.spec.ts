import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { findProcess, launch, stopProcess } from './background.js';
import { status, up } from './control.js';
import { fetchOnce } from './fetch-once.js';
import { exists } from './files.js';
import { withLock } from './lock.js';
import { cacheDir, checkout, pidFile } from './paths.js';
import { serviceNames } from './service.js';
import { portsAt, versions } from './versions.js';

const silent = (): void => undefined;
const pids = () => Promise.all(serviceNames.map(async (name) => (await findProcess(name))?.pid));

describe('services up', () => {
  it('leaves what runs alone, also when called twice at once', async () => {
    expect(await up([], silent)).toBe(true);
    const before = await pids();
    expect(await Promise.all([up([], silent), up(['kafka', 's3'], silent)])).toEqual([true, true]);
    expect(await pids()).toEqual(before);
    const lines: string[] = [];
    expect(await status(['kafka'], (line) => lines.push(line))).toBe(true);
    expect(lines[0]).toMatch(/^kafka +up /);
  }, 600_000);

  it('lets one command work at a time', async () => {
    const order: string[] = [];
    const work = (name: string) =>
      withLock(silent, async () => {
        order.push(`${name} in`);
        await sleep(50);
        order.push(`${name} out`);
      });
    await Promise.all([work('a'), work('b'), work('c')]);
    for (let index = 0; index < 6; index += 2) expect(order[index + 1]).toBe(order[index]?.replace('in', 'out'));
  });
});

describe('background processes', () => {
  const name = `spec-${process.pid}`;
  const start = (script: string) => launch(name, { port: 1, file: 'sh', args: ['-c', script], cwd: '/' });

  it('outlives its starter, is found again and stopped', async () => {
    await start('exec sleep 600');
    expect((await findProcess(name))?.pid).toBeGreaterThan(1);
    await stopProcess(name, 'SIGTERM');
    expect(await findProcess(name)).toBeUndefined();
    expect(await exists(pidFile(name))).toBe(false);
  });

  it('kills the whole group of one that ignores the signal', async () => {
    await start("trap '' TERM; sleep 600 & while :; do sleep 0.05; done");
    await sleep(200);
    await stopProcess(name, 'SIGTERM', 300);
    expect(await findProcess(name)).toBeUndefined();
  });

  it('does not take another process that got the number for ours', async () => {
    await writeFile(pidFile(name), JSON.stringify({ pid: process.pid, port: 1, startedTicks: 'of another life' }));
    expect(await findProcess(name)).toBeUndefined();
    await stopProcess(name, 'SIGKILL');
    expect(await exists(pidFile(name))).toBe(false);
  });
});

describe('downloads', () => {
  const name = `spec-${process.pid}`;

  it('are whole or absent', async () => {
    const fails = fetchOnce(name, async (folder) => {
      await writeFile(`${folder}/half`, 'x');
      throw new Error('connection lost');
    });
    await expect(fails).rejects.toThrow('connection lost');
    expect(await exists(`${cacheDir}/${name}`)).toBe(false);

    const folder = await fetchOnce(name, (target) => writeFile(`${target}/whole`, 'x'));
    const again = await fetchOnce(name, () => Promise.reject(new Error('fetched twice')));
    expect([again, await readFile(`${folder}/whole`, 'utf8')]).toEqual([folder, 'x']);
    await rm(folder, { recursive: true });
  });
});

describe('docker-compose.yml', () => {
  it('publishes the ports of versions.ts, with images of the same versions', async () => {
    const { services } = parse(await readFile(`${checkout}/docker-compose.yml`, 'utf8'), { merge: true }) as {
      services: Record<string, { image: string; ports: string[]; healthcheck: { test: string[] } }>;
    };
    const ports = portsAt(0);
    const expected = { 'postgres-18': ports.postgres18, 'postgres-15': ports.postgres15, ...ports };
    expect(Object.keys(services).sort()).toEqual([...serviceNames].sort());
    for (const name of serviceNames) {
      expect(services[name]?.ports[0]).toMatch(new RegExp(`^127\\.0\\.0\\.1:${expected[name]}:`));
      expect(services[name]?.healthcheck.test.length).toBeGreaterThan(1);
      expect(services[name]?.image).toMatch(/:v?\d+\.\d+/);
    }
    expect(services['s3']?.image.endsWith(versions.versitygw)).toBe(true);
    expect(services['meilisearch']?.image.endsWith(`v${versions.meilisearch}`)).toBe(true);
    expect(services['postgres-18']?.image).toBe(`postgres:${versions.postgres18.split('.').slice(0, 2).join('.')}`);
  });
});
