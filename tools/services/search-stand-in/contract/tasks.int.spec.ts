import { afterAll, describe, expect, it } from '@jest/globals';
import { ask, type Body, done, dropIndexes, errorOf, newName } from './client.js';

afterAll(dropIndexes);

const DOCUMENTS = 1_500;

/** Enough text to keep either server busy while the next requests come in. */
function heavyDocuments(count = DOCUMENTS): object[] {
  const text = 'one two three four five six seven eight nine ten '.repeat(20);
  return Array.from({ length: count }, (_, id) => ({ id, text: `${id} ${text}` }));
}

/**
 * Cancels one heavy task and a light one behind it. On a busy machine the server may have done both before it reads the
 * cancelation, so the heavy one doubles until the cancelation comes in time.
 */
async function cancelTwoInTime(name: string, count = DOCUMENTS) {
  const heavy = await ask('POST', `/indexes/${name}/documents`, heavyDocuments(count));
  const light = await ask('POST', `/indexes/${name}/documents`, [{ id: 'light' }]);
  const query = `uids=${heavy.body.taskUid},${light.body.taskUid}`;
  const asked = await ask('POST', `/tasks/cancel?${query}`);
  expect(asked).toMatchObject({ status: 200, body: { type: 'taskCancelation', indexUid: null, status: 'enqueued' } });
  const cancelation = await done(Promise.resolve(asked));
  if (cancelation.details.canceledTasks === 2 || count > 16 * DOCUMENTS) return { heavy, light, query, cancelation };
  await done(ask('DELETE', `/indexes/${name}/documents`));
  return cancelTwoInTime(name, 2 * count);
}

const uidsOf = (body: Body): number[] => body.results.map(({ uid }: { uid: number }) => uid);

describe('tasks', () => {
  it('are listed newest first, in pages, by index, status, type and uid', async () => {
    const name = newName();
    const tasks = [
      await done(ask('POST', '/indexes', { uid: name, primaryKey: 'id' })),
      await done(ask('POST', '/indexes', { uid: name })),
      await done(ask('POST', `/indexes/${name}/documents`, [{ id: 1 }])),
    ];
    const uids = tasks.map(({ uid }) => uid);
    const newestFirst = uids.toReversed();
    const page = (await ask('GET', `/tasks?indexUids=${name}&limit=2`)).body;
    expect(page).toMatchObject({ total: 3, limit: 2, from: newestFirst[0], next: newestFirst[2] });
    expect(uidsOf(page)).toEqual(newestFirst.slice(0, 2));
    expect(page.results[0]).toEqual(tasks[2]);
    const rest = (await ask('GET', `/tasks?indexUids=${name}&limit=2&from=${page.next}`)).body;
    expect(rest).toMatchObject({ total: 3, from: uids[0], next: null });
    expect(uidsOf((await ask('GET', `/tasks?indexUids=${name}&reverse=true`)).body)).toEqual(uids);

    expect(uidsOf((await ask('GET', `/tasks?indexUids=${name}&statuses=failed`)).body)).toEqual([uids[1]]);
    const added = await ask('GET', `/tasks?indexUids=${name}&types=documentAdditionOrUpdate,documentDeletion`);
    expect(uidsOf(added.body)).toEqual([uids[2]]);
    expect(uidsOf((await ask('GET', `/tasks?uids=${uids[0]},${uids[2]}`)).body)).toEqual([uids[2], uids[0]]);
    const before = await ask('GET', `/tasks?indexUids=${name}&beforeEnqueuedAt=${tasks[1].enqueuedAt}`);
    expect(uidsOf(before.body)).toEqual([uids[0]]);
  });

  it('say what is wrong with a question about them', async () => {
    const codes = [
      ['statuses=lost', 'invalid_task_statuses'],
      ['types=lost', 'invalid_task_types'],
      ['uids=x', 'invalid_task_uids'],
      ['canceledBy=x', 'invalid_task_canceled_by'],
      ['limit=x', 'invalid_task_limit'],
      ['color=red', 'bad_request'],
    ] as const;
    for (const [query, code] of codes) {
      expect({ query, ...(await ask('GET', `/tasks?${query}`)) }).toMatchObject({
        query,
        status: 400,
        body: errorOf(code),
      });
    }
    expect(await ask('GET', '/tasks/4294967295')).toMatchObject({ status: 404, body: errorOf('task_not_found') });
  });

  it('are worked on in their order, and wait while one is not done', async () => {
    const [busy, waiting] = [newName(), newName()];
    const heavy = await ask('POST', `/indexes/${busy}/documents`, heavyDocuments());
    const light = await ask('POST', '/indexes', { uid: waiting });
    const now = (await ask('GET', `/tasks/${light.body.taskUid}`)).body;
    expect(now).toMatchObject({
      status: 'enqueued',
      batchUid: null,
      startedAt: null,
      finishedAt: null,
      duration: null,
    });
    const pending = (await ask('GET', `/tasks?statuses=enqueued,processing&indexUids=${busy},${waiting}`)).body;
    expect(pending.total).toBe(2);
    const [first, second] = [await done(Promise.resolve(heavy)), await done(Promise.resolve(light))];
    expect([first.status, second.status]).toEqual(['succeeded', 'succeeded']);
    expect(Date.parse(first.startedAt)).toBeLessThanOrEqual(Date.parse(second.startedAt));
    expect(first.details).toEqual({ receivedDocuments: DOCUMENTS, indexedDocuments: DOCUMENTS });
  });

  it('are cancelled while they wait and while they work, and change nothing then', async () => {
    const name = newName();
    const { heavy, light, query, cancelation } = await cancelTwoInTime(name);
    expect(cancelation).toMatchObject({ status: 'succeeded', details: { matchedTasks: 2, canceledTasks: 2 } });
    expect(decodeURIComponent(cancelation.details.originalFilter)).toBe(`?${query}`);
    for (const { body } of [heavy, light]) {
      const task = (await ask('GET', `/tasks/${body.taskUid}`)).body;
      expect(task).toMatchObject({ status: 'canceled', canceledBy: cancelation.uid, error: null });
      expect(task.details).toEqual({ receivedDocuments: expect.any(Number), indexedDocuments: 0 });
    }
    expect((await ask('GET', `/tasks?canceledBy=${cancelation.uid}`)).body.total).toBe(2);
    expect((await ask('GET', `/indexes/${name}/documents`)).body.total ?? 0).toBe(0);
    expect((await ask('POST', '/tasks/cancel')).body).toEqual(errorOf('missing_task_filters'));
  });

  it('are forgotten when they are done, and only then', async () => {
    const name = newName();
    const { uid } = await done(ask('POST', '/indexes', { uid: name }));
    const deletion = await done(ask('DELETE', `/tasks?uids=${uid}`));
    expect(deletion).toMatchObject({
      type: 'taskDeletion',
      status: 'succeeded',
      details: { matchedTasks: 1, deletedTasks: 1 },
    });
    expect((await ask('GET', `/tasks/${uid}`)).status).toBe(404);
    expect((await ask('DELETE', '/tasks')).body).toEqual(errorOf('missing_task_filters'));
  });
});
