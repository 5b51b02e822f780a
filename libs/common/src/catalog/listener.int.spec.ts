import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import type { Catalog } from './catalog.js';

let bed: CatalogTestBed;
let gate: TcpGate;
let gated: Catalog;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
  const { hostname, port } = new URL(bed.url);
  gate = await TcpGate.open({ host: hostname, port: Number(port) });
  gated = await bed.another(gate.rewrite(bed.url));
});
afterAll(async () => {
  await bed.close();
  await gate.close();
});

/** Collects payloads; `next` waits for the one after those already asked for. */
function inbox() {
  const waiting: ((payload: string | undefined) => void)[] = [];
  const arrived: (string | undefined)[] = [];
  return {
    callback: (payload: string | undefined) => {
      const taker = waiting.shift();
      if (taker === undefined) arrived.push(payload);
      else taker(payload);
    },
    next: () =>
      arrived.length > 0
        ? Promise.resolve(arrived.shift())
        : new Promise<string | undefined>((resolve) => waiting.push(resolve)),
  };
}

describe('listening', () => {
  it('goes on after the connection was lost, and says that something may have been missed', async () => {
    const first = inbox();
    const second = inbox();
    await gated.listen('channel_one', first.callback);
    await gated.listen('Channel "two"', second.callback);
    await bed.admin.query(`SELECT pg_notify('channel_one', 'a'), pg_notify('Channel "two"', 'b')`);
    expect(await first.next()).toBe('a');
    expect(await second.next()).toBe('b');

    gate.shut();
    await bed.admin.query(`SELECT pg_notify('channel_one', 'missed')`);
    gate.reopen();
    expect(await first.next()).toBeUndefined();
    await bed.admin.query(`SELECT pg_notify('channel_one', 'c'), pg_notify('Channel "two"', 'd')`);
    expect(await first.next()).toBe('c');
    expect([await second.next(), await second.next()]).toEqual([undefined, 'd']);
  });

  it('stops for one of two callbacks without the other', async () => {
    const [one, two] = [inbox(), inbox()];
    const unlisten = await gated.listen('shared', one.callback);
    await gated.listen('shared', two.callback);
    unlisten();
    await bed.admin.query(`NOTIFY shared, 'x'`);
    expect(await two.next()).toBe('x');
    const nothing = Symbol('nothing');
    expect(await Promise.race([one.next(), Promise.resolve(nothing)])).toBe(nothing);
  });
});
