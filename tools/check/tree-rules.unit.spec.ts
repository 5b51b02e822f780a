import { describe, expect, it } from '@jest/globals';
import { layers } from './layers-of-common.js';
import { decideTreeViolations } from './tree-rules.js';

const reasonsFor = (path: string) => decideTreeViolations([path], Object.keys(layers)).map(({ reason }) => reason);

describe('decideTreeViolations', () => {
  it.each([
    ['libs/common/src/lsn.ts', 'no file sits directly in libs/common/src/'],
    ['libs/common/src/domain/utils/lsn.ts', '"utils" says nothing about what is in it'],
    ['apps/cli/src/helpers/print.ts', '"helpers" says nothing about what is in it'],
    ['libs/common/src/managers/run.ts', '"managers" is not in tools/check/layer-table.cjs'],
    ['libs/common/src/bus/index.ts', 'no barrels'],
  ])('refuses %s', (path, reason) => {
    expect(reasonsFor(path)).toEqual([expect.stringContaining(reason)]);
  });

  it.each([
    'libs/common/src/domain/lsn.ts',
    'libs/common/src/testing/builders.ts',
    'apps/cli/src/commands/check.ts',
    'tools/services/main.ts',
  ])('accepts %s', (path) => {
    expect(reasonsFor(path)).toEqual([]);
  });
});
