import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '#common/telemetry/logger.js';
import { ShutdownList } from './shutdown.js';

describe('shutdown', () => {
  it('closes in reverse order, one after the other, once, whatever fails or hangs', async () => {
    const list = new ShutdownList(silentLogger);
    const closed: string[] = [];
    const step = (name: string, close: () => Promise<void> = async () => undefined) =>
      list.add(
        name,
        async () => {
          closed.push(name);
          await close();
        },
        20,
      );
    step('catalog');
    step('bus', () => new Promise(() => undefined));
    step('runs', () => Promise.reject(new Error('on purpose')));
    step('intake', () => new Promise((resolve) => setImmediate(resolve)));
    await Promise.all([list.run('SIGTERM'), list.run('SIGINT')]);
    expect(closed).toEqual(['intake', 'runs', 'bus', 'catalog']);
  });

  it('begins no step before the one before it has ended', async () => {
    const list = new ShutdownList(silentLogger);
    const seen: string[] = [];
    for (const name of ['catalog', 'runs', 'intake'])
      list.add(name, async () => {
        seen.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        seen.push(`${name} has ended`);
      });
    await list.run('SIGTERM');
    expect(seen).toEqual(['intake', 'runs', 'catalog'].flatMap((name) => [`${name} begins`, `${name} has ended`]));
  });
});
