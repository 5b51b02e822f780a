import { z } from 'zod';

const REFERENCES = /\$\{[^}]*\}/g;

/** An address, in which references may stand for anything. */
export const HttpUrl = z
  .string()
  .refine((text) => isHttpUrl(text.replace(REFERENCES, 'x')), 'must be an http or https address without credentials');

function isHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}
