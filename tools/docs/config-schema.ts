import { z } from 'zod';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { GeneratedFile } from './generated-file.js';
import { toJsonText } from './generated-file.js';

/** For editors: `# yaml-language-server: $schema=…/holdfast.schema.json`. */
export const configSchema = (): GeneratedFile => ({
  path: 'docs/reference/holdfast.schema.json',
  text: toJsonText({ title: 'holdfast.yaml', ...z.toJSONSchema(HoldfastConfig, { io: 'input', reused: 'inline' }) }),
});
