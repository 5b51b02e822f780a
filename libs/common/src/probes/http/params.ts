import { z } from 'zod';
import { parseJsonPath } from './json-path.js';
import { namesIn } from './template.js';

/** Where in the JSON of an answer. */
export const JsonPath = z
  .string()
  .refine((text) => parseJsonPath(text) !== undefined, 'use a path like data.products[0].name')
  .describe('Where in the JSON answer: data.products[0].name');

const Pattern = z.string().refine(isPattern, 'is not a regular expression');

export const JsonExpectation = z.strictObject({
  path: JsonPath,
  exists: z.boolean().optional(),
  equals: z.json().optional(),
  matches: Pattern.optional().describe('A regular expression that the text at the path matches'),
  min: z.number().optional(),
  max: z.number().optional(),
  minItems: z.int().min(0).optional(),
  maxItems: z.int().min(0).optional(),
});
export type JsonExpectation = z.output<typeof JsonExpectation>;

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export const Status = z.int().min(100).max(599);

export const HttpRequest = z
  .strictObject({
    name: z.string().min(1).describe('Names the request in the evidence'),
    method: z.enum(METHODS).optional().describe('Default: GET, with a body POST'),
    path: z.string().startsWith('/'),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.json().optional().describe('Sent as JSON'),
    graphql: z
      .strictObject({ query: z.string(), variables: z.record(z.string(), z.json()).default({}) })
      .optional()
      .describe('Sent as a GraphQL request; errors in the answer fail it'),
    expect: z
      .strictObject({
        status: z
          .union([Status, z.array(Status).min(1)])
          .optional()
          .describe('Default: any 2xx'),
        json: z.array(JsonExpectation).default([]),
        contains: z.string().optional().describe('A text that the answer contains'),
      })
      .prefault({}),
    capture: z
      .record(z.string().regex(/^[A-Za-z_][\w-]*$/), JsonPath)
      .default({})
      .describe('Later requests write ${name} for what stood at the path'),
    retryForMs: z.int().min(0).default(0).describe('Asked again for so long while it fails: an app that is starting'),
  })
  .refine((request) => request.body === undefined || request.graphql === undefined, 'has either body or graphql');
export type HttpRequest = z.output<typeof HttpRequest>;

export const HttpParams = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .refine(hasNoCredentials, 'must hold no credentials; send an authorization header')
    .describe('No request and no redirect leaves this host'),
  requestTimeoutMs: z.int().min(10).default(10_000),
  requests: z.array(HttpRequest).min(1).superRefine(requireCaptures).describe('Sent one after the other'),
});
export type HttpParams = z.output<typeof HttpParams>;

/** A request may only write what an earlier one captured. */
function requireCaptures(requests: readonly HttpRequest[], context: z.core.$RefinementCtx): void {
  const known = new Set<string>();
  requests.forEach(({ path, headers, body, graphql, capture }, index) => {
    for (const name of namesIn([path, headers, body ?? null, graphql?.variables ?? null])) {
      const message = `\${${name}} is captured by no earlier request`;
      if (!known.has(name)) context.addIssue({ code: 'custom', input: requests, path: [index], message });
    }
    for (const name of Object.keys(capture)) known.add(name);
  });
}

function hasNoCredentials(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url === undefined || (url.username === '' && url.password === '');
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
