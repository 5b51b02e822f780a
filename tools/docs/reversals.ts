import { loadReversals } from '#tools/reversals/reversal.js';
import type { GeneratedFile } from './generated-file.js';

const cell = (text: string): string => text.replaceAll('|', '\\|');

export const reversals = (): GeneratedFile => ({
  path: 'docs/reference/reversals.md',
  text: [
    '# Reversals',
    '',
    'What was done to the code to break each sentence of [ordering](../design/ordering.md#how-the-sentences-were-tried), and the test that',
    'failed then. `npm run test:reversals` does it again.',
    '',
    '| sentence | what is true of the reversed code | file | test that fails |',
    '|---|---|---|---|',
    ...loadReversals().map(
      ({ sentence, what, file, spec, test }) =>
        `| ${sentence} | ${cell(what)} | \`${file.replace('libs/common/src/', '')}\` | \`${spec}\`: ${cell(test)} |`,
    ),
    '',
  ].join('\n'),
});
