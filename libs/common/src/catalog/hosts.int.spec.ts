import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import { endpoints } from '#tools/services/endpoints.js';
import { openCatalog } from './catalog.js';

const { host, port, user, password } = endpoints.postgres18;
let bed: CatalogTestBed;
let gates: TcpGate[];

beforeAll(async () => {
  bed = await CatalogTestBed.open();
  gates = [await TcpGate.open({ host, port }), await TcpGate.open({ host, port })];
});
afterAll(async () => {
  await Promise.all(gates.map((gate) => gate.close()));
  await bed.close();
});

describe('a catalog whose url names several hosts', () => {
  it('goes over to the next one when one is away, and back when that is away too, transactions and notifications alike', async () => {
    const hosts = gates.map((gate) => `127.0.0.1:${gate.port}`).join(',');
    const url = `postgres://${user}:${password}@${hosts}/${bed.database}?target_session_attrs=read-write`;
    const catalog = await openCatalog({ url, applicationName: 'spec' });
    try {
      let heard = 0;
      await catalog.listen('spec', () => {
        heard += 1;
      });
      const untilHeard = async (): Promise<void> => {
        for (const before = heard; heard === before; ) {
          await bed.admin.query('NOTIFY spec');
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      };
      const [first, second] = gates as [TcpGate, TcpGate];
      first.shut();
      expect(await catalog.transaction((tx) => tx.now())).toBeInstanceOf(Date);
      await untilHeard();
      first.reopen();
      second.shut();
      expect(await catalog.transaction((tx) => tx.now())).toBeInstanceOf(Date);
      await untilHeard();
      second.reopen();
    } finally {
      await catalog.close();
    }
  });
});
