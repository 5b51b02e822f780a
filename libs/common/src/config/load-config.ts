import { readFileSync } from 'node:fs';
import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { isLossyNumber } from '#common/domain/exact-json.js';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
import { HoldfastConfig } from './holdfast.config.js';
import { findVisibleSecrets } from './plans/find-visible-secrets.js';
import { type Environment, resolveReferences } from './references.js';

export interface LoadedConfig {
  readonly config: HoldfastConfig;
  /** Values that must never be printed. */
  readonly secrets: readonly string[];
  readonly file: string;
}

/** The only place that reads the environment. */
export const environment: Environment = process.env;

/** `--config`, else HOLDFAST_CONFIG, else ./holdfast.yaml. */
export const configFile = (asked: string | undefined, env: Environment = environment): string =>
  asked ?? env.HOLDFAST_CONFIG ?? 'holdfast.yaml';

/** Reads, resolves and checks one holdfast.yaml. Throws: config.invalid naming every path that is wrong, and how to mend it. */
export function loadConfig(file: string, env: Environment = environment): LoadedConfig {
  const document = parseYaml(file);
  const { value, secrets } = resolveReferences(document, env);
  const result = HoldfastConfig.safeParse(value);
  const problems = [...findVisibleSecrets(document), ...(result.error?.issues.map(toProblemLine) ?? [])];
  if (!result.success || problems.length > 0)
    throw new AppError('config.invalid', `${file}: ${problems.join('; ')}`, { problems });
  return { config: result.data, secrets, file };
}

function parseYaml(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const hint =
      'Name the file with --config or HOLDFAST_CONFIG; docs/reference/holdfast.example.yaml is a commented start.';
    throw new AppError('config.invalid', `${file} cannot be read`, {}, { cause: error, hint });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error !== undefined) {
    throw new AppError(
      'config.invalid',
      `${file} is not valid YAML: ${error.message.split('\n', 1).join('')}`,
      {},
      { cause: error },
    );
  }
  refuseLossyNumbers(document, (offset) => `${file}: line ${lines.linePos(offset).line}`);
  return document.toJS() ?? {};
}

/** A number with more digits than a double holds would be compared, or used, as another one. */
function refuseLossyNumbers(document: Document, toPlace: (offset: number) => string): void {
  visit(document, {
    Scalar: (_, { value, source = '', range }) => {
      if (typeof value !== 'number' || !isLossyNumber(source)) return;
      const hint =
        'Write it in quotes: where a value of the data is expected, its digits as text stand for the number.';
      const place = toPlace(range?.[0] ?? 0);
      throw new AppError(
        'config.invalid',
        `${place}: ${source} has more digits than a number here can hold`,
        {},
        { hint },
      );
    },
  });
}

const toProblemLine = (issue: z.core.$ZodIssue): string => toIssueText(issue, 'the document');
