import { describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { Installation } from '#common/service/installation.js';
import { backupIntake } from './executor-intake.js';

const now = new Date('2026-11-21T10:00:00Z');
const installation = new Installation(
  HoldfastConfig.parse({
    repositories: { disk: { url: 'file:///var/lib/holdfast' } },
    datasets: { shop: { kind: 'postgres', url: 'postgres://app@db.example:5433/shop', repositories: ['disk'] } },
  }),
);

function decide(fields: object) {
  const raw = { specversion: '1.0' as const, id: 'e-1', source: '/spec', type: BackupRequested.type };
  const event = BackupRequested.parse({ ...raw, time: now.toISOString(), data: { dataset: 'shop', ...fields } });
  return backupIntake(installation).decide(event, now);
}

describe('the intake of backups', () => {
  it('resolves a request that names no method to the default of the dataset’s kind', () => {
    expect(decide({})).toMatchObject({ kind: 'backup', dataset: 'shop', resolved: { method: 'dump' } });
  });

  it('lets one backup of a dataset by one method run at a time', () => {
    expect(decide({ method: 'dump' }).resource).toBe('dataset shop dump');
  });

  it.each(['magic', 'not a NAME'])(
    'refuses the method "%s", which the kind has not, and names those that it has',
    (method) => {
      expect(() => decide({ method })).toThrow(
        expect.objectContaining({
          code: 'request.refused',
          message: expect.stringMatching(/no method ".+" for datasets of kind postgres; there is: .*dump/),
        }),
      );
    },
  );

  it('refuses a dataset that is not configured', () => {
    expect(() => decide({ dataset: 'crm' })).toThrow(expect.objectContaining({ code: 'request.refused' }));
  });
});
