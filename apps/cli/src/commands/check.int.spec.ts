import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { Installation } from '#common/service/installation.js';
import type { CheckOutcome } from '../checks/check.js';
import { Output } from '../output/output.js';
import type { VerbContext } from '../verb.js';
import { check } from './check.js';

// Port 9, "discard": every connection is refused at once.
const database = (name: string): string => `postgres://shop:secret@127.0.0.1:9/${name}?sslmode=disable`;
const application = { role: 'shop_app', tenantSetting: 'app.tenant' };
const dataset = {
  ...{ kind: 'postgres', url: database('shop'), repositories: ['offsite'], topics: [{ name: 'shop.orders' }] },
  tenantTables: { schema: 'public', column: 'tenant_id', application },
};
const accepts = { datasets: ['shop'], strategies: ['new'], destinations: ['shop*'] };
const { recipient } = await generateAgeKeys();
const config = HoldfastConfig.parse({
  catalog: { url: database('catalog') },
  bus: { brokers: ['127.0.0.1:9'] },
  repositories: {
    offsite: {
      ...{ url: 's3://shop/prod', endpoint: 'http://127.0.0.1:9', accessKeyId: 'key', secretAccessKey: 'secret' },
      encryption: { recipients: [recipient] },
    },
  },
  datasets: { shop: dataset, crm: dataset },
  targets: { staging: { kind: 'postgres', url: database('postgres'), owner: 'shop', accepts } },
});

describe('check, where nothing answers', () => {
  const installation = new Installation(config);
  const outcomes: CheckOutcome[] = [];
  beforeAll(async () => {
    const { signal } = new AbortController();
    const context = { loaded: { config }, installation, output: new Output(true), signal } as unknown as VerbContext;
    const { document } = await check.run(context, {}, '');
    outcomes.push(...(document as { checks: CheckOutcome[] }).checks);
  });
  afterAll(() => installation.close());
  const namesOf = (wanted: CheckOutcome['state']): string[] =>
    outcomes.filter(({ state }) => state === wanted).map(({ name }) => name);

  it('tells each connection once', () => {
    expect(namesOf('failed')).toEqual([
      'catalog: connection',
      'bus: topics',
      'repository offsite: write, list, read, remove',
      'dataset shop: connection',
      'dataset crm: connection',
      'target staging: connection and rights',
    ]);
  });

  it('names what it did not try, and why', () => {
    const skipped = outcomes.filter(({ state }) => state === 'skipped').map(({ name, found }) => [name, found]);
    const ofDataset = (name: string): string[][] => {
      const connected = `dataset ${name}: connection`;
      const probed = 'repository offsite: write, list, read, remove';
      return [
        [`dataset ${name}: client tools`, `not tried, for ${connected} failed`],
        [`dataset ${name}: every row is visible`, `not tried, for ${connected} failed`],
        [`dataset ${name}: forgotten slots`, `not tried, for ${connected} failed`],
        [`dataset ${name}: what the application sees`, `not tried, for ${connected} failed`],
        [`dataset ${name}: fits into its repository`, `not tried, for ${connected} and ${probed} failed`],
      ];
    };
    expect(skipped).toEqual([
      ['dataset shop: position on the bus', 'not tried, for bus: topics failed'],
      ['dataset crm: position on the bus', 'not tried, for bus: topics failed'],
      ...['rights to delete', 'object lock', 'encryption', 'index identity'].map((what) => [
        `repository offsite: ${what}`,
        'not tried, for repository offsite: write, list, read, remove failed',
      ]),
      ...ofDataset('shop'),
      ...ofDataset('crm'),
      ['target staging: client tools', 'not tried, for target staging: connection and rights failed'],
      ['target staging: owner', 'not tried, for target staging: connection and rights failed'],
      ['target staging: kept databases', 'not tried, for target staging: connection and rights failed'],
    ]);
  });
});
