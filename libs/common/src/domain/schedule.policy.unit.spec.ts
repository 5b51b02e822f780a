import { describe, expect, it } from '@jest/globals';
import { toJitterMs } from './jitter.js';
import { decideDue, type ScheduleState } from './schedule.policy.js';

const HOUR = 3_600_000;
/** Every full hour. */
const hourly = (_: string, after: Date) => new Date(Math.floor(after.getTime() / HOUR) * HOUR + HOUR);
const at = (time: string) => new Date(`2026-03-10T${time}Z`);
const nightly = (overrides: Partial<ScheduleState> = {}): ScheduleState => ({
  name: 'nightly',
  doneUntil: at('02:00:00'),
  jitterMs: 0,
  missed: 'run-once',
  blackout: [],
  inBlackout: 'postpone',
  overlap: 'skip',
  isPaused: false,
  isPreviousOpen: false,
  waiting: null,
  ...overrides,
});
const decide = (overrides: Partial<ScheduleState>, now: string) => decideDue([nightly(overrides)], hourly, at(now));
const due = (time: string, isLate = false) => ({ schedule: 'nightly', slotAt: at(time), isLate });
const passed = (time: string, reason: string) => ({ schedule: 'nightly', slotAt: at(time), reason });
const waiting = (time: string, reason: 'blackout' | 'overlap', until: string | null) => ({
  schedule: 'nightly',
  slotAt: at(time),
  reason,
  until: until === null ? null : at(until),
});

describe('decideDue', () => {
  it('given no slot since the last, then nothing is due', () => {
    expect(decide({}, '02:59:59')).toEqual({ due: [], passed: [], waiting: [] });
  });

  it('given a slot that has just come, then it is due', () => {
    expect(decide({}, '03:00:00')).toEqual({ due: [due('03:00:00')], passed: [], waiting: [] });
  });

  it('given an outage over three slots, then one late run serves them all', () => {
    expect(decide({}, '05:30:00')).toEqual({
      due: [due('05:00:00', true)],
      passed: [passed('03:00:00', 'superseded'), passed('04:00:00', 'superseded')],
      waiting: [],
    });
  });

  it('given `missed: skip`, then a missed slot is passed over and said so', () => {
    expect(decide({ missed: 'skip' }, '03:30:00')).toEqual({
      due: [],
      passed: [passed('03:00:00', 'missed')],
      waiting: [],
    });
  });

  it('given `missed: skip`, then a slot that comes on time runs', () => {
    expect(decide({ missed: 'skip' }, '03:00:10').due).toEqual([due('03:00:00')]);
  });

  it('given a paused schedule, then all its slots are passed over and said so', () => {
    expect(decide({ isPaused: true }, '04:00:00')).toEqual({
      due: [],
      passed: [passed('03:00:00', 'paused'), passed('04:00:00', 'paused')],
      waiting: [],
    });
  });
});

describe('decideDue with jitter', () => {
  const jitterMs = 30 * 60_000;
  const start = (slot: string) => at(slot).getTime() + toJitterMs('nightly', at(slot), jitterMs);
  const decideAt = (ms: number, overrides: Partial<ScheduleState> = {}) =>
    decideDue([nightly({ jitterMs, ...overrides })], hourly, new Date(ms));

  it('given a slot that has come, then it starts when its jitter is over and not before', () => {
    expect(start('03:00:00')).toBeGreaterThan(at('03:00:00').getTime());
    expect(decideAt(start('03:00:00') - 1)).toEqual({ due: [], passed: [], waiting: [] });
    expect(decideAt(start('03:00:00'), { missed: 'skip' }).due).toEqual([due('03:00:00')]);
  });

  it('given an outage, then the newest slot whose jitter is over is late, and one that is still early is kept', () => {
    const { due: late, passed: older } = decideAt(at('05:00:00').getTime());
    expect(late).toEqual([due('04:00:00', true)]);
    expect(older).toEqual([passed('03:00:00', 'superseded')]);
  });
});

describe('decideDue in a blackout', () => {
  const blackout = [{ zone: 'UTC', fromMs: 2.5 * HOUR, toMs: 4.5 * HOUR, days: undefined }];

  it('given `postpone`, then a slot waits for the end and says until when', () => {
    expect(decide({ blackout }, '03:00:00')).toEqual({
      due: [],
      passed: [],
      waiting: [waiting('03:00:00', 'blackout', '04:30:00')],
    });
  });

  it('given several slots in one window, then the newest waits, and it alone runs when the window ends', () => {
    expect(decide({ blackout }, '04:00:00').waiting).toEqual([waiting('04:00:00', 'blackout', '04:30:00')]);
    expect(decide({ blackout, missed: 'skip' }, '04:30:00')).toEqual({
      due: [due('04:00:00')],
      passed: [passed('03:00:00', 'superseded')],
      waiting: [],
    });
  });

  it('given `skip`, then a slot is passed over and said so', () => {
    expect(decide({ blackout, inBlackout: 'skip' }, '03:00:00')).toEqual({
      due: [],
      passed: [passed('03:00:00', 'blackout')],
      waiting: [],
    });
  });

  it('given jitter that carries a slot into the window, then it waits as well', () => {
    const from = toJitterMs('nightly', at('03:00:00'), HOUR);
    expect(from).toBeGreaterThan(0);
    const window = [{ zone: 'UTC', fromMs: 3 * HOUR + from, toMs: 4 * HOUR, days: undefined }];
    const decision = decideDue([nightly({ jitterMs: HOUR, blackout: window })], hourly, at('03:00:01'));
    const until = new Date(at('04:00:00').getTime() + from);
    expect(decision.waiting).toEqual([{ schedule: 'nightly', slotAt: at('03:00:00'), reason: 'blackout', until }]);
  });

  it('given a slot from before the window that no scheduler saw in time, then it waits too', () => {
    const late = { blackout, doneUntil: at('01:00:00') };
    expect(decide(late, '02:45:00').waiting).toEqual([waiting('02:00:00', 'blackout', '04:30:00')]);
    expect(decide({ ...late, inBlackout: 'skip' }, '02:45:00').passed).toEqual([passed('02:00:00', 'blackout')]);
    expect(decide({ ...late, missed: 'skip' }, '02:45:00').passed).toEqual([passed('02:00:00', 'missed')]);
  });

  it('given a slot that came seconds before the window, then it runs', () => {
    const window = [{ zone: 'UTC', fromMs: 3 * HOUR + 1_000, toMs: 5 * HOUR, days: undefined }];
    expect(decide({ blackout: window }, '03:00:02').due).toEqual([due('03:00:00')]);
  });

  it('given windows that leave no room, then slots are passed over rather than kept for ever', () => {
    const always = [{ zone: 'UTC', fromMs: 0, toMs: 24 * HOUR, days: undefined }];
    expect(decide({ blackout: always }, '03:00:00').passed).toEqual([passed('03:00:00', 'blackout')]);
  });

  it('given a pause, then a slot that waits is passed over', () => {
    expect(decide({ blackout, isPaused: true }, '03:00:00').passed).toEqual([passed('03:00:00', 'paused')]);
  });
});

describe('decideDue while the run of the last slot is open', () => {
  it('given `skip`, then the slot is passed over and said so', () => {
    expect(decide({ isPreviousOpen: true }, '03:00:00')).toEqual({
      due: [],
      passed: [passed('03:00:00', 'overlap')],
      waiting: [],
    });
  });

  it('given `queue`, then the slot waits', () => {
    expect(decide({ isPreviousOpen: true, overlap: 'queue' }, '03:00:00')).toEqual({
      due: [],
      passed: [],
      waiting: [waiting('03:00:00', 'overlap', null)],
    });
  });

  it('given `queue` and another slot, then only the newest waits', () => {
    expect(decide({ isPreviousOpen: true, overlap: 'queue' }, '04:00:00')).toEqual({
      due: [],
      passed: [passed('03:00:00', 'superseded')],
      waiting: [waiting('04:00:00', 'overlap', null)],
    });
  });

  it('given `queue`, then the slot that waited runs when the run has ended, and is neither late nor missed', () => {
    const wait = { slotAt: at('03:00:00'), reason: 'overlap' as const, until: null };
    expect(decide({ overlap: 'queue', missed: 'skip', waiting: wait }, '03:50:00').due).toEqual([due('03:00:00')]);
  });

  it('given a blackout when the run has ended, then the slot waits for its end', () => {
    const blackout = [{ zone: 'UTC', fromMs: 3.5 * HOUR, toMs: 3.9 * HOUR, days: undefined }];
    const wait = { slotAt: at('03:00:00'), reason: 'overlap' as const, until: null };
    expect(decide({ overlap: 'queue', blackout, waiting: wait }, '03:50:00').waiting).toEqual([
      waiting('03:00:00', 'blackout', '03:54:00'),
    ]);
  });
});
