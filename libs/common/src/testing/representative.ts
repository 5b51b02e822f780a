/** `npm run test:every` and `npm run test:faults` run every case; `npm test` runs those that represent the rest. */
export const runsEvery = process.env['HOLDFAST_EVERY'] === '1';

/** Of versions and makes of a server, or steps at which a process dies, for which a spec repeats itself: all of them, or the first. */
export const representative = <T>(each: readonly [T, ...T[]]): readonly T[] => (runsEvery ? each : [each[0]]);
