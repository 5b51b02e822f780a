import { type CodeSpec, Codes } from '#common/errors/codes.js';
import { Exit } from '#common/errors/exit.js';
import type { GeneratedFile } from './generated-file.js';

const meaning: Readonly<Record<keyof typeof Exit, string>> = {
  done: 'The request is done, and where it wanted a verdict, the verdict is passed.',
  failed: 'It was tried and did not succeed, or the verdict is not `passed`.',
  badInput: 'The arguments, the configuration or the request are wrong; nothing was tried.',
  refused: 'Well-formed, but not allowed, expired, or not possible as things stand; nothing was changed.',
  unreachable: 'A service that is needed does not answer.',
};

export const exitCodes = (): GeneratedFile => ({
  path: 'docs/reference/exit-codes.md',
  text: [
    '# Exit codes of `holdfast`',
    '',
    '| code | name | meaning |',
    '|---|---|---|',
    ...Object.entries(Exit).map(([name, code]) => `| ${code} | ${name} | ${meaning[name as keyof typeof Exit]} |`),
    '',
  ].join('\n'),
});

export const errorCodes = (): GeneratedFile => ({
  path: 'docs/reference/error-codes.md',
  text: [
    '# Error codes',
    '',
    'Every failure carries one of these codes, in events, log lines and `--json` alike.',
    '',
    '| code | tried again | exit | what to do |',
    '|---|---|---|---|',
    ...Object.entries(Codes).map(
      ([code, { retryable, passes, exit, hint }]: [string, CodeSpec]) =>
        `| \`${code}\` | ${passes ? 'until it has passed' : retryable ? 'yes' : 'no'} | ${exit} | ${hint} |`,
    ),
    '',
  ].join('\n'),
});
