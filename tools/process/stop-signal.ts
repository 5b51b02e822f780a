/**
 * Aborts on the first SIGINT or SIGTERM, so that everything that was started can be stopped in order. A second Ctrl-C while
 * that goes on changes nothing: a terminal sends it to us and to npm, which sends it to us again.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => controller.abort(new Error(name)));
  return controller.signal;
}
