import { buffer } from 'node:stream/consumers';
import { expect, it } from '@jest/globals';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { keysOf, type RepositoryBed } from './repository-bed.js';
import { unfinishedBody } from './unfinished-body.js';

const { signal } = new AbortController();
const text = (value: string) => Buffer.from(value);

interface Place {
  readonly bed: RepositoryBed;
  readonly repository: BackupRepository;
}

/** What every storage must do about removals, versions and locks; part of the contract of a backup repository. */
export function describeRemovals(of: () => Place): void {
  it('says what a removal gave back, and gives it back', async () => {
    const { bed, repository } = of();
    await repository.put('freed/object', text('first'), { signal });
    await repository.put('freed/object', text('second one'), { signal });
    const { sizeBytes, isFreed } = await repository.remove('freed/object', { signal });
    expect(isFreed).toBe(true);
    expect([null, 'second one'.length, 'firstsecond one'.length]).toContain(sizeBytes);
    expect(await bed.listStored()).not.toContainEqual(expect.stringContaining('freed/object'));
    expect((await repository.remove('freed/object', { signal })).isFreed).toBe(true);
  });

  it('says beforehand that it may remove, and changes nothing by asking', async () => {
    const { bed, repository } = of();
    await repository.put('asked/object', text('x'), { signal });
    const before = await bed.listStored();
    await repository.requireRemovable('asked/object', { signal });
    await repository.requireRemovable('asked/deep/and/absent', { signal });
    expect(await keysOf(repository, 'asked')).toEqual(['asked/object']);
    expect(await bed.listStored()).toEqual(before);
  });

  it('takes a lock that is asked for as no error where it has none, and locks where it has', async () => {
    const { repository } = of();
    const until = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 3_600_000);
    await repository.put('locked/object', text('x'), { signal, retainUntil: until });
    await repository.put(
      'locked/in-parts',
      unfinishedBody(20 << 20, (body) => body.push(null)),
      {
        ...{ signal, retainUntil: until },
      },
    );
    const later = new Date(until.getTime() + 3_600_000);
    await repository.extendRetention('locked/object', later, { signal });
    await repository.extendRetention('locked/object', until, { signal });
    const lockOf = async (key: string) => (await repository.stat(key, { signal }))?.lockedUntil;
    const isLocking = repository.lock !== undefined;
    expect(await lockOf('locked/object')).toEqual(isLocking ? later : null);
    expect(await lockOf('locked/in-parts')).toEqual(isLocking ? until : null);
    const removal = repository.remove('locked/object', { signal });
    if (isLocking) await expect(removal).rejects.toMatchObject({ code: 'repository.locked' });
    else expect(await removal).toMatchObject({ isFreed: true });
    expect(await keysOf(repository, 'locked')).toContain(isLocking ? 'locked/object' : 'locked/in-parts');
  });

  it('locks nothing below _control/, where what is renewed goes with everything that it was', async () => {
    const { bed, repository } = of();
    const key = '_control/backups/renewed';
    const until = new Date(Date.now() + 3_600_000);
    for (const body of ['one', 'two']) await repository.put(key, text(body), { signal, retainUntil: until });
    expect((await repository.stat(key, { signal }))?.lockedUntil).toBeNull();
    expect(await repository.remove(key, { signal })).toMatchObject({ isFreed: true });
    expect(await bed.listStored()).not.toContainEqual(expect.stringContaining('renewed'));
  });

  it('removes nothing that is to be seen when it removes what is hidden', async () => {
    const { repository } = of();
    await repository.put('hidden/object', text('old'), { signal });
    await repository.put('hidden/object', text('new'), { signal });
    const { versioning } = await repository.traits({ signal });
    const later = new Date(Date.now() + 3_600_000);
    expect(await repository.removeHidden('hidden', later, { signal })).toBe(versioning === true ? 1 : 0);
    expect(String(await buffer(await repository.get('hidden/object', { signal })))).toBe('new');
  });
}
