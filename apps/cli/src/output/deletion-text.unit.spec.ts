import { describe, expect, it } from '@jest/globals';
import type { DeletionPreview } from '#common/service/retention/delete-backup.js';
import { toDeletionText } from './deletion-text.js';

const previewed: DeletionPreview = {
  ...{
    backupId: 'b1',
    dataset: 'shop',
    repository: 'offsite',
    state: 'whole',
    purpose: 'regular',
    snapshotAt: null,
    objects: [],
  },
  ...{ sizeBytes: 0, freesSpace: true, neededBy: [], keptBy: [], isLastGood: false, isLastVerified: false },
  ...{ goodLeft: 1, newestLeft: null, refusals: [] },
};
/** The lines after the table and the list of objects, which is empty here. */
const endOf = (changed: Partial<DeletionPreview>): string[] => {
  const lines = toDeletionText({ ...previewed, ...changed }).split('\n');
  return lines.slice(lines.lastIndexOf('') + 1);
};

describe('the preview of a deletion', () => {
  it('ends with the command that is not refused', () => {
    expect(endOf({})).toEqual(['nothing stands in the way: `holdfast backup delete b1 --yes` does it']);
    const twice = 'nothing stands in the way: `holdfast backup delete b1 --yes --even-last-good b1` does it';
    expect(endOf({ isLastGood: true })).toEqual([twice]);
  });

  it('ends with all that stands in the way, and with the next command where one helps', () => {
    const [held, last] = ['held by audit', 'the last good backup'];
    expect(endOf({ isLastGood: true, neededBy: [held], refusals: [held, last] })).toEqual([
      'refused: it is held by audit',
      'refused: it is the last good backup',
    ]);
    expect(endOf({ isLastGood: true, refusals: [last] })).toEqual([
      'refused: it is the last good backup',
      'take another backup first, or name this one twice: `holdfast backup delete b1 --yes --even-last-good b1`',
    ]);
  });
});
