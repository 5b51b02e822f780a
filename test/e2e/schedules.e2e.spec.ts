import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ScheduleView } from '#common/contracts/api-views.js';
import { Platform } from '#tools/platform/platform.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { holdfast } from '../support/cli.js';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start({
    config: {
      datasets: { shop: { kind: 'postgres', url: 'postgres://nobody@127.0.0.1:9/shop', repositories: ['storage'] } },
      schedules: {
        nightly: { dataset: 'shop', cron: '30 2 * * *', zone: 'America/New_York', jitter: '10m' },
        busy: { dataset: 'shop', cron: '* * * * * *', zone: 'Asia/Kolkata' },
      },
    },
    services: ['scheduler'],
  });
});
afterAll(() => platform?.close());

async function schedules(line: string, config = platform.cliConfigFile) {
  const { exitCode, stdout, stderr } = await holdfast(
    ['schedules', ...line.split(' '), '--json', '--config', config],
    platform.env,
  );
  return { exitCode, stderr, document: JSON.parse(stdout) };
}

const list = async (line = 'list', config?: string): Promise<readonly ScheduleView[]> =>
  (await schedules(line, config)).document.schedules;
const busy = async (): Promise<ScheduleView | undefined> => (await list()).find(({ name }) => name === 'busy');

const audit = () =>
  platform.catalog<{ action: string; outcome: string; detail: { reason?: string } }>(
    `SELECT action, outcome, detail FROM holdfast.audit WHERE subject = 'schedule busy' ORDER BY id`,
  );

describe('schedules at the command line', () => {
  it('are listed with their next slots, in local time and UTC, and with what became of the last', async () => {
    const [nightly] = await list('list --count 5');
    expect(nightly?.next).toHaveLength(5);
    for (const { slotAt, startsAt, local } of nightly?.next ?? []) {
      const jitterMs = Date.parse(startsAt ?? '') - Date.parse(slotAt);
      expect(jitterMs).toBeGreaterThanOrEqual(0);
      expect(jitterMs).toBeLessThan(600_000);
      expect(local).toMatch(/ 02:3\d:\d\d -0[45]:00$/);
      expect(new Date(local.replace(' ', 'T').replace(' ', '')).toISOString()).toBe(startsAt);
    }
    const seen = await waitUntil('a slot was asked for', async () => {
      const schedule = await busy();
      return (schedule?.state?.lastRun ?? null) === null ? undefined : schedule;
    });
    expect(seen?.state).toMatchObject({ lastSlotAt: expect.any(String), lastRun: { state: 'pending' } });
    const [quiet] = await list();
    expect(quiet?.state).toEqual({ paused: null, lastSlotAt: null, lastRun: null, waiting: null });
  });

  it('are paused and resumed while they run, with the reason in list and audit trail', async () => {
    const paused = await schedules('pause busy --reason moving');
    expect(paused).toMatchObject({ exitCode: 0, document: { state: { paused: { reason: 'moving' } } } });
    expect((await busy())?.state?.paused).toEqual({ since: expect.any(String), reason: 'moving' });
    await waitUntil('a slot was passed over', async () =>
      (await audit()).some(({ action, outcome }) => action === 'slot.passed-over' && outcome === 'paused'),
    );
    expect((await schedules('pause busy')).document.state.paused.reason).toBe('moving');
    expect((await schedules('resume busy')).document.state.paused).toBeNull();
    const changes = (await audit()).filter(({ action }) => action.startsWith('schedule.'));
    expect(changes).toEqual([
      { action: 'schedule.paused', outcome: 'accepted', detail: { reason: 'moving' } },
      { action: 'schedule.paused', outcome: 'unchanged', detail: {} },
      { action: 'schedule.resumed', outcome: 'accepted', detail: {} },
    ]);
  });

  it('say what is wrong when there is no such schedule', async () => {
    const { exitCode, document } = await schedules('pause weekly');
    expect(exitCode).toBe(3);
    expect(document.error).toMatchObject({ code: 'request.refused', message: expect.stringContaining('weekly') });
  });

  it('are listed from the configuration alone when no scheduler answers', async () => {
    const file = join(platform.folder, 'alone.yaml');
    const config = JSON.parse(await readFile(platform.cliConfigFile, 'utf8'));
    await writeFile(file, JSON.stringify({ ...config, api: { ...config.api, url: 'http://127.0.0.1:9' } }));
    const [fromApi] = await list();
    for (const line of ['list', 'list --local']) {
      const [alone] = await list(line, file);
      expect(alone).toEqual({ ...fromApi, state: null });
    }
  });
});
