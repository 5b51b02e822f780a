import { describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { runChecks } from './check.js';

const refuse = (error: AppError) => () => Promise.reject(error);

describe('checks', () => {
  it('tell one connection error once, and try all that does not need the connection', async () => {
    const outcomes = await runChecks([
      { name: 'connection', run: refuse(new AppError('postgres.unreachable', 'no answer')) },
      { name: 'rows', needs: ['connection'], run: () => Promise.reject(new Error('must not be tried')) },
      { name: 'repository', run: async () => 'elsewhere' },
    ]);
    expect(outcomes.map(({ name, state, found }) => [name, state, found])).toEqual([
      ['connection', 'failed', 'no answer'],
      ['rows', 'skipped', 'not tried, for connection failed'],
      ['repository', 'ok', 'elsewhere'],
    ]);
  });

  it('go on where the connection stands and only a right is missing', async () => {
    const outcomes = await runChecks([
      { name: 'rights', run: refuse(new AppError('postgres.permission', 'may not')) },
      { name: 'tools', needs: ['other', 'rights'], run: async () => 'pg_restore 18' },
    ]);
    expect(outcomes.map(({ state }) => state)).toEqual(['failed', 'ok']);
  });
});
