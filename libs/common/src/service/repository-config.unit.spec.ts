import { describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { Installation } from './installation.js';

const keys = (name: string) => ({ accessKeyId: name, secretAccessKey: `secret of ${name}` });
const shop = { kind: 'postgres', url: 'postgres://u@db/shop', repositories: ['offsite'] };

function problemsOf(repository: object, dataset: object = {}): string[] {
  const { error } = HoldfastConfig.safeParse({
    repositories: { offsite: repository },
    datasets: { shop: { ...shop, ...dataset } },
  });
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('the configuration of a repository', () => {
  it('takes a credential that deletes beside the one that writes, or beside the identity of the machine', () => {
    for (const writing of [keys('writer'), {}])
      expect(problemsOf({ url: 's3://b/p', ...writing, delete: keys('sweeper') })).toEqual([]);
  });

  it('takes none that is the same twice, and none that is half', () => {
    expect(problemsOf({ url: 's3://b/p', ...keys('writer'), delete: keys('writer') })).toEqual([
      expect.stringMatching(/^repositories[.]offsite[.]delete[.]accessKeyId: is the credential that writes/),
    ]);
    expect(problemsOf({ url: 's3://b/p', delete: { accessKeyId: 'sweeper' } })).toEqual([
      expect.stringMatching(/^repositories[.]offsite[.]delete[.]secretAccessKey: /),
    ]);
  });

  it('says of each field that means nothing to a directory that it does not apply', () => {
    const lock = { mode: 'governance' };
    const within = { retention: { within: '30d' } };
    const problems = problemsOf({ url: 'file:///backups', ...keys('writer'), delete: keys('sweeper'), lock }, within);
    expect(problems.map((problem) => problem.split(':')[0])).toEqual(
      ['accessKeyId', 'secretAccessKey', 'delete', 'lock'].map((field) => `repositories.offsite.${field}`),
    );
    expect(problems[2]).toContain('does not apply to a file:// repository: the rights of its directory say');
  });

  it('takes a lock only where the retention of the dataset says how long', () => {
    const repository = { url: 's3://b/p', lock: { mode: 'compliance' } };
    const problem =
      'datasets.shop.retention: repository "offsite" locks its backups for `within` of the retention, and there is none';
    for (const retention of [undefined, { last: 3 }]) expect(problemsOf(repository, { retention })).toEqual([problem]);
    expect(problemsOf(repository, { retention: { within: '30d' } })).toEqual([]);
  });

  it('locks the backups of a dataset for its retention, and safety dumps for theirs', async () => {
    const installation = new Installation(
      HoldfastConfig.parse({
        repositories: { offsite: { url: 's3://b/p', lock: { mode: 'governance' } } },
        datasets: { shop: { ...shop, retention: { within: '2d', safetyWithin: '12h' } } },
      }),
    );
    const periods = { shop: { regularMs: 2 * 86_400_000, safetyMs: 12 * 3_600_000 } };
    expect(installation.repository('offsite').lock).toEqual({ mode: 'governance', periods });
    await installation.close();
  });
});
