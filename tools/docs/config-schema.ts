import { z } from 'zod';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { toProfileSchema } from '#common/engines/profiles.js';
import type { GeneratedFile } from './generated-file.js';
import { toJsonText } from './generated-file.js';

interface ObjectSchema {
  readonly properties: Readonly<Record<string, object>>;
}

/** For editors: `# yaml-language-server: $schema=…/holdfast.schema.json`. Profiles with the parameters of every probe. */
export function configSchema(): GeneratedFile {
  const options = { io: 'input', reused: 'inline' } as const;
  const { properties, ...schema } = z.toJSONSchema(HoldfastConfig, options) as unknown as ObjectSchema;
  const { $schema: _, ...profile } = z.toJSONSchema(toProfileSchema(), options);
  const profiles = { ...properties['profiles'], additionalProperties: profile };
  return {
    path: 'docs/reference/holdfast.schema.json',
    text: toJsonText({ title: 'holdfast.yaml', ...schema, properties: { ...properties, profiles } }),
  };
}
