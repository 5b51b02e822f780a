import { createRequire } from 'node:module';
import type sequencer from '@jest/test-sequencer';

// jest loads this file by require, and then an import of that package is its class, and otherwise its module.
const { default: Sequencer } = createRequire(import.meta.url)('@jest/test-sequencer') as typeof sequencer;

type Specs = Parameters<InstanceType<typeof Sequencer>['sort']>[0];

/** By their paths. A contract suite is a file of three lines and works for minutes; other specs wait for a server of their own. */
const LONG = /[.]contract[.]int[.]|restored-temporal|recover[.]int|pairs[.]e2e/;

/**
 * Begins with the specs that take longest. On a clean clone jest knows no durations and goes by the size of a file: at the end all cores but one
 * would wait for the longest.
 */
export default class LongFirst extends Sequencer {
  override async sort(tests: Specs): Promise<Specs> {
    const sorted = await super.sort(tests);
    const isLong = ({ path }: Specs[number]): boolean => LONG.test(path);
    return [...sorted.filter(isLong), ...sorted.filter((spec) => !isLong(spec))];
  }
}
