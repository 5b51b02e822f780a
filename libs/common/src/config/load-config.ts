import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import { HoldfastConfig } from './holdfast.config.js';
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
  const { value, secrets } = resolveReferences(parseYaml(file), env);
  const result = HoldfastConfig.safeParse(value);
  if (!result.success) {
    const problems = result.error.issues.map(toProblemLine);
    throw new AppError('config.invalid', `${file}: ${problems.join('; ')}`, { problems });
  }
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
  try {
    return parse(text) ?? {};
  } catch (error) {
    const where = error instanceof Error ? error.message.split('\n')[0] : 'not YAML';
    throw new AppError('config.invalid', `${file} is not valid YAML: ${where}`, {}, { cause: error });
  }
}

const toProblemLine = ({ path, message }: z.core.$ZodIssue): string =>
  `${path.map(String).join('.') || 'the document'}: ${message}`;
