import { describe, expect, it } from '@jest/globals';
import type { ListedBackupView } from '#common/contracts/api-views.js';
import { joinLists } from './join-lists.js';

const view = (id: string, changes: Partial<ListedBackupView> = {}): ListedBackupView => ({
  ...{
    id,
    dataset: 'shop',
    repository: 'disk',
    kind: 'postgres',
    method: 'dump',
    purpose: 'regular',
    snapshotAt: null,
  },
  ...{ completedAt: null, sizeBytes: 1, sourceSizeBytes: 1, counts: { rows: 1 }, busPosition: 'none' },
  ...{ state: 'whole', damage: [], lastVerdict: null, verifiedAt: null, suspicion: null },
  ...{ holds: [], deletion: null, isLatest: false, isInCatalog: null },
  ...changes,
});

const asked = new Set(['disk']);
const verdict = (of: 'passed' | 'failed', day: number) => ({
  ...{ verdict: of, of: 'restore' as const, provenAt: `2026-11-0${day}T00:00:00.000Z` },
});

describe('a list of what is stored and what the catalog names', () => {
  it('shows what was made without the catalog, and says so', () => {
    const joined = joinLists({ stored: [view('b2'), view('b1')], asked, known: [view('b1', { holds: null })] });
    expect(joined.map(({ id, isInCatalog, holds }) => ({ id, isInCatalog, holds }))).toEqual([
      { id: 'b2', isInCatalog: false, holds: [] },
      { id: 'b1', isInCatalog: true, holds: [] },
    ]);
  });

  it('calls lost what only the catalog names', () => {
    const joined = joinLists({ stored: [view('b1')], asked, known: [view('b2'), view('b1')] });
    expect(joined[0]).toMatchObject({ id: 'b2', state: 'damaged', damage: [{ object: 'manifest.json' }] });
  });

  it('calls nothing lost of a repository that could not be asked, and nothing that is older than the list', () => {
    const elsewhere = view('b9', { repository: 'offsite' });
    const joined = joinLists({ stored: [view('b5')], asked, known: [elsewhere, view('b5'), view('b1')] });
    expect(joined.map(({ id, state }) => `${id} ${state}`)).toEqual(['b9 whole', 'b5 whole']);
  });

  it('believes the newer verdict, wherever it is known, and what is lost before all', () => {
    const known = view('b1', {
      ...{ lastVerdict: verdict('failed', 2), state: 'damaged' },
      damage: [{ object: 'database.dump', problem: 'the content differs' }],
    });
    const older = view('b1', { lastVerdict: verdict('passed', 1), verifiedAt: '2026-11-01T00:00:00.000Z' });
    expect(joinLists({ stored: [older], asked, known: [known] })[0]).toMatchObject({
      state: 'damaged',
      verifiedAt: null,
    });
    const newer = view('b1', { lastVerdict: verdict('passed', 3) });
    expect(joinLists({ stored: [newer], asked, known: [known] })[0]).toMatchObject({ state: 'whole' });
    const lost = view('b1', { state: 'damaged', damage: [{ object: 'globals.sql', problem: 'is missing' }] });
    expect(
      joinLists({ stored: [lost], asked, known: [view('b1', { lastVerdict: verdict('passed', 3) })] })[0],
    ).toMatchObject({
      state: 'damaged',
    });
  });
});
