import type { LoadedConfig } from '#common/config/load-config.js';
import type { Installation } from '#common/service/installation.js';
import type { ApiClient } from './api-client.js';
import type { Output } from './output/output.js';
import type { VerbResult } from './verb-result.js';

/** What a verb works with. Nothing in it connects to anything before it is used. */
export interface VerbContext {
  readonly loaded: LoadedConfig;
  readonly installation: Installation;
  readonly api: ApiClient;
  readonly output: Output;
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal;
}

export type Options = Readonly<Record<string, unknown>>;

/** One verb of the command line: parse → API or operation → render. */
export interface Verb {
  /** `['backup', 'run']` */
  readonly path: readonly [string, ...string[]];
  readonly summary: string;
  /** In commander's notation: `['<dataset>', 'a dataset of holdfast.yaml']`. */
  readonly argument?: readonly [string, string];
  readonly options: readonly (readonly [flags: string, description: string, defaultValue?: string])[];
  readonly examples: readonly string[];
  run(context: VerbContext, options: Options, argument: string): Promise<VerbResult>;
}
