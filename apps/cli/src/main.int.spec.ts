import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '#common/config/load-config.js';
import { Exit } from '#common/errors/exit.js';
import { Installation } from '#common/service/installation.js';
import { storeBackup } from '#common/testing/stored-backup.js';

const main = join(import.meta.dirname, 'main.js');
/** A broker that takes connections and never says a word: the client library waits for it in its own time. */
const broker = createServer((socket) => {
  sockets.push(socket);
  socket.on('error', () => undefined);
});
const sockets: Socket[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  broker.listen(0, '127.0.0.1');
  await once(broker, 'listening');
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  broker.close();
  await rm(folder, { recursive: true });
});

async function writeConfig(more: object = {}): Promise<string> {
  const { port } = broker.address() as { port: number };
  const topics = [{ name: 'orders' }];
  const url = 'postgres://nobody:unused@127.0.0.1:9/shop';
  const file = join(folder, 'holdfast.yaml');
  const config = {
    bus: { brokers: [`127.0.0.1:${port}`] },
    repositories: { disk: { url: `file://${folder}` } },
    datasets: { shop: { kind: 'postgres', url, repositories: ['disk'], topics } },
    ...more,
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

describe('the command line', () => {
  it('ends at once when it is asked a second time', async () => {
    const line = ['replay', 'plan', '--dataset', 'shop', '--since', '2026-11-21T09:30:00Z'];
    const args = [main, ...line, '--config', await writeConfig()];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const [said, ended] = [text(child.stderr), once(child, 'exit')];
    await once(broker, 'connection');
    const again = setInterval(() => child.kill('SIGTERM'), 50);
    const [exitCode, signal] = await ended;
    clearInterval(again);
    expect({ exitCode, signal }).toEqual({ exitCode: Exit.failed, signal: null });
    // The slow way, which waits for the broker, tells the problem at its end.
    expect(await said).toBe('');
  }, 30_000);

  it('exits as for what it could not reach, with no verdict, where a verification finds no target', async () => {
    const accepts = { datasets: ['shop'], destinations: ['shop*'] };
    const config = await writeConfig({
      targets: { staging: { kind: 'postgres', url: 'postgres://nobody:unused@127.0.0.1:9/postgres', accepts } },
      profiles: { asserted: { probes: [{ use: 'sql', assertions: [{ query: 'SELECT 1', rows: 1 }] }] } },
    });
    const installation = new Installation(loadConfig(config).config);
    const { backupId } = await storeBackup(installation.repository('disk'), 1);
    await installation.close();
    const what = ['--target', 'staging', '--destination', 'shop_2', '--backup', backupId, '--profile', 'asserted'];
    const args = [main, 'verify', 'run', ...what, '--local', '--json', '--config', config];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const [said, [exitCode]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect(exitCode).toBe(Exit.unreachable);
    expect(JSON.parse(said)).toEqual({ error: expect.objectContaining({ code: 'probe.unreachable' }) });
  }, 30_000);
});
