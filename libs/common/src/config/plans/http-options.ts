import { z } from 'zod';
import { parseJsonPath } from '#common/probes/http/json-path.js';

const REFERENCES = /\$\{[^}]*\}/g;

/** An address, in which references may stand for anything. */
export const HttpUrl = z
  .string()
  .refine((text) => isHttpUrl(text.replace(REFERENCES, 'x')), 'must be an http or https address without credentials');

export const Status = z.int().min(100).max(599);

export const JsonPath = z
  .string()
  .refine((text) => parseJsonPath(text) !== undefined, 'use a path like data.products[0].name');

function isHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}
