import { createServer, type IncomingMessage, type Server } from 'node:http';
import { ApiError } from './api-error.js';
import { type Answer, type Route, readBody, type Service, send } from './http.js';
import { documentRoutes } from './routes/document-routes.js';
import { indexRoutes } from './routes/index-routes.js';
import { keyRoutes } from './routes/key-routes.js';
import { searchRoutes } from './routes/search-routes.js';
import { settingsRoutes } from './routes/settings-routes.js';
import { systemRoutes } from './routes/system-routes.js';
import { taskRoutes } from './routes/task-routes.js';

/** Where two patterns fit a path, the first one counts. */
const routes: readonly Route[] = [
  ...[
    ...systemRoutes,
    ...indexRoutes,
    ...documentRoutes,
    ...settingsRoutes,
    ...taskRoutes,
    ...keyRoutes,
    ...searchRoutes,
  ],
];

/** Answers the routes of the API. A path that is none gets an empty 404. */
export function createStandIn(service: Service): Server {
  return createServer((request, response) => {
    answer(request, service).then(
      (found) => send(response, found),
      (error: Error) => {
        const known = error instanceof ApiError ? error : new ApiError('internal', String(error.stack));
        send(response, { status: known.status, body: known.view });
      },
    );
  });
}

async function answer(request: IncomingMessage, service: Service): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://stand-in');
  // Read whatever is asked: a client that still sends does not listen.
  const body = await readBody(request);
  for (const route of routes) {
    const path = route.method === request.method ? matchPath(route.pattern, url.pathname) : undefined;
    if (path === undefined) continue;
    const { action } = route;
    const access =
      action === undefined ? { mayUse: () => true } : service.keys.authorize(request.headers.authorization, action);
    return route.handle({
      ...{ ...service, path, query: url.searchParams, body, contentType: request.headers['content-type'], access },
    });
  }
  return { status: 404 };
}

function matchPath(pattern: string, pathname: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split('/'), pathname.replace(/(?<=.)\/$/, '').split('/')];
  if (wanted.length !== given.length) return undefined;
  const path: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const text = decodePart(given[at] ?? '');
    if (part.startsWith(':')) path[part.slice(1)] = text;
    else if (part !== text) return undefined;
  }
  return path;
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
