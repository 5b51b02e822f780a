import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import { parseProfile } from '#common/engines/profiles.js';
import type { ProbeContext } from '#common/probes/probe-context.js';

const PASSWORD = 'correct horse battery';
const TOKEN = 'tok_5f2d9c';
const state = { health: 'ok', products: 2, slowMs: 0, failFirst: 0, echo: '' };
const asked: string[] = [];
let server: Server;
let other: Server;
let baseUrl: string;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  asked.push(`${request.method} ${request.url}`);
  const body = await text(request);
  const send = (status: number, json: unknown, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(json));
  if (state.failFirst > 0) {
    state.failFirst -= 1;
    return void send(503, { error: 'starting' });
  }
  if (request.url === '/slow') return void setTimeout(() => send(200, {}), 5_000).unref();
  if (request.url === '/moved') return void send(302, {}, { location: '/api/health' });
  if (request.url === '/away') return void send(302, {}, { location: `http://127.0.0.1:${portOf(other)}/stolen` });
  if (request.url === '/loop') return void send(302, {}, { location: '/loop' });
  if (request.url === '/api/health') return void send(200, { health: state.health });
  if (request.url === '/api/echo') return void send(200, { echo: state.echo || body });
  if (request.url === '/api/graphql') return void send(200, graphql(JSON.parse(body), request.headers.authorization));
  send(404, {});
}

function graphql({ query, variables }: { query: string; variables: Record<string, string> }, authorization = '') {
  if (query.includes('health')) return { data: { health: state.health } };
  if (query.includes('login')) {
    if (variables['password'] !== PASSWORD) return { errors: [{ message: `wrong password ${variables['password']}` }] };
    return { data: { login: { token: TOKEN } } };
  }
  if (authorization !== `Bearer ${TOKEN}`) return { errors: [{ message: `not logged in: ${authorization}` }] };
  return { data: { products: Array.from({ length: state.products }, (_, id) => ({ id, name: `product ${id}` })) } };
}

const portOf = (listening: Server): number => (listening.address() as AddressInfo).port;
const listen = (handler: typeof answer): Promise<Server> =>
  new Promise((resolve) => {
    const created = createServer((request, response) => void handler(request, response));
    created.listen(0, '127.0.0.1', () => resolve(created));
  });

beforeAll(async () => {
  server = await listen(answer);
  other = await listen(async (request, response) => {
    asked.push(`OTHER ${request.url}`);
    response.end('{}');
  });
  baseUrl = `http://127.0.0.1:${portOf(server)}/api`;
});
afterAll(() => {
  for (const listening of [server, other]) {
    listening.closeAllConnections();
    listening.close();
  }
});
beforeEach(() => {
  Object.assign(state, { health: 'ok', products: 2, failFirst: 0, echo: '' });
  asked.length = 0;
});

const context = { signal: new AbortController().signal } as ProbeContext;

async function probe(requests: object[], params: object = {}): Promise<ProbeOutcome> {
  const [prepared] = parseProfile({ probes: [{ use: 'http', baseUrl, requests, ...params }] });
  if (prepared === undefined) throw new Error('no probe');
  return prepared.run(context);
}

const problems = ({ evidence }: ProbeOutcome): string[] =>
  evidence.flatMap(({ subject, problem }) => (problem === undefined ? [] : [`${subject}: ${problem}`]));

const health = {
  name: 'health',
  path: '/graphql',
  graphql: { query: '{ health }' },
  expect: { json: [{ path: 'data.health', equals: 'ok' }] },
};
const login = (password: string) => ({
  name: 'login',
  path: '/graphql',
  graphql: { query: 'mutation($password: String!) { login(password: $password) { token } }', variables: { password } },
  capture: { token: 'data.login.token' },
});
const browse = {
  name: 'browse',
  path: '/graphql',
  graphql: { query: '{ products { id name } }' },
  headers: { authorization: 'Bearer ${token}' },
  expect: {
    json: [
      { path: 'data.products', minItems: 2 },
      { path: 'data.products[0].name', matches: '^product' },
    ],
  },
};

describe('http probe', () => {
  it('passes health, login and browsing with what the login gave', async () => {
    const outcome = await probe([health, login(PASSWORD), browse]);
    expect(problems(outcome)).toEqual([]);
    expect(outcome.verdict).toBe('passed');
    expect(outcome.summary).toBe(`3 requests to ${new URL(baseUrl).origin}; no difference`);
  });

  it('fails on a wrong health and too few products, naming both', async () => {
    Object.assign(state, { health: 'degraded', products: 1 });
    const outcome = await probe([health, login(PASSWORD), browse]);
    expect(outcome.verdict).toBe('failed');
    expect(problems(outcome)).toEqual([
      'health: data.health: differs',
      'browse: data.products: has 1 items, less than 2',
    ]);
    expect(outcome.evidence[0]).toMatchObject({ expected: { equals: 'ok' }, actual: 'degraded' });
  });

  it('captures, compares and sends numbers with all their digits', async () => {
    const urls: string[] = [];
    const exact = await listen(async (request, response) => {
      urls.push(request.url ?? '');
      response.end('{"id":9007199254740993,"list":[{"id":9007199254740993}]}');
    });
    const params = { baseUrl: `http://127.0.0.1:${portOf(exact)}` };
    const expectations = (equals: unknown, max: number) => ({
      name: 'first',
      path: '/',
      capture: { id: 'id' },
      expect: {
        json: [
          { path: 'list', equals: [{ id: equals }] },
          { path: 'id', max },
        ],
      },
    });
    const right = await probe(
      [expectations('9007199254740993', 9007199254740994), { name: 'by id', path: '/${id}' }],
      params,
    );
    expect([problems(right), urls]).toEqual([[], ['/', '/9007199254740993']]);
    const wrong = await probe([expectations(9007199254740992, 9007199254740992)], params);
    exact.close();
    expect(problems(wrong)).toEqual(['first: list: differs', 'first: id: more than 9007199254740992']);
  });

  it('does not send what waits for a capture that failed, and shows no password', async () => {
    const outcome = await probe([login('wrong-password-1'), browse]);
    expect(problems(outcome)).toEqual([
      'login: the GraphQL answer holds errors',
      'login: data.login.token: holds no text to capture as token',
      'browse: was not sent: an earlier request captured no token',
    ]);
    expect(JSON.stringify(outcome)).not.toContain('wrong-password-1');
    expect(JSON.stringify(outcome)).toContain('wrong password ***');
  });

  it('shows no token that comes back in an answer', async () => {
    state.echo = `you sent ${TOKEN}`;
    const echo = { name: 'echo', path: '/echo', expect: { contains: 'something else' } };
    const outcome = await probe([login(PASSWORD), echo]);
    expect(JSON.stringify(outcome)).not.toContain(TOKEN);
    expect(JSON.stringify(outcome)).toContain('you sent ***');
  });

  it('follows a redirect on the same host and none to another', async () => {
    const root = { baseUrl: new URL(baseUrl).origin };
    const moved = { name: 'moved', path: '/moved', expect: { json: [{ path: 'health', equals: 'ok' }] } };
    expect((await probe([moved], root)).verdict).toBe('passed');
    const away = await probe([{ name: 'away', path: '/away' }], root);
    expect(problems(away)).toEqual([`away: was redirected to another host, http://127.0.0.1:${portOf(other)}`]);
    expect(asked.filter((line) => line.startsWith('OTHER'))).toEqual([]);
    expect(problems(await probe([{ name: 'loop', path: '/loop' }], root))).toEqual([
      'loop: was redirected more than 5 times',
    ]);
  });

  it('fails when no server answers, or none in time', async () => {
    const silent = await probe([{ name: 'health', path: '/' }], { baseUrl: 'http://127.0.0.1:9' });
    expect(silent.verdict).toBe('failed');
    expect(problems(silent)[0]).toMatch(/^health: no answer: /);
    const root = { baseUrl: new URL(baseUrl).origin, requestTimeoutMs: 50 };
    expect(problems(await probe([{ name: 'slow', path: '/slow' }], root))).toEqual(['slow: no answer within 50 ms']);
  });

  it('asks again while an application is starting', async () => {
    state.failFirst = 2;
    expect((await probe([{ ...health, retryForMs: 10_000 }])).verdict).toBe('passed');
    expect(asked).toHaveLength(3);
  });

  it('tells a time limit of the whole probe as an error, not as a verdict', async () => {
    const root = { baseUrl: new URL(baseUrl).origin, timeoutMs: 150 };
    await expect(probe([{ name: 'slow', path: '/slow' }], root)).rejects.toMatchObject({ code: 'probe.timeout' });
  });
});
