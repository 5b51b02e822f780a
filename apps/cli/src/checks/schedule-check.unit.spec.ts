import { describe, expect, it } from '@jest/globals';
import { ScheduleConfig } from '#common/config/policies.config.js';
import type { Installation } from '#common/service/installation.js';
import { runCheck } from './check.js';
import { scheduleCheck } from './schedule-check.js';

const now = () => new Date('2026-03-28T12:00:00Z');
const check = (fields: object) => {
  const nightly = ScheduleConfig.parse({ dataset: 'shop', zone: 'Europe/Berlin', ...fields });
  const installation = { schedule: () => ({ ...nightly, method: 'dump' }) } as unknown as Installation;
  return runCheck(scheduleCheck('nightly', { installation }, now));
};

describe('the check of a schedule', () => {
  it('says when it asks next', async () => {
    expect(await check({ cron: '30 2 * * *' })).toMatchObject({
      state: 'ok',
      found: 'next at 2026-03-29 03:00:00 +02:00 (2026-03-29T01:00:00.000Z) in Europe/Berlin',
    });
  });

  it.each([
    ['whose date never comes', { cron: '0 0 30 2 *' }, 'no time fits its cron "0 0 30 2 *"'],
    [
      'whose slots are all passed over',
      { cron: '0 14 * * *', blackout: [{ from: '13:00', to: '15:00' }], inBlackout: 'skip' },
      'all lie in a blackout',
    ],
  ])('warns of one %s', async (_, fields, found) => {
    expect(await check(fields)).toMatchObject({ state: 'warning', found: expect.stringContaining(found) });
  });
});
