import { findCommand } from '#tools/process/find-command.js';
import { runCommand } from '#tools/process/run-child.js';
import { checkout } from './paths.js';
import type { Service } from './service.js';

interface Container {
  readonly Service?: string;
  readonly State?: string;
  readonly Publishers?: readonly { readonly PublishedPort?: number }[] | null;
}

/** Whether `docker compose` of this checkout runs the service on its port: then it is ours, though no process of ours. */
export async function isComposed({ name, port }: Pick<Service, 'name' | 'port'>): Promise<boolean> {
  const docker = await findCommand('docker');
  if (docker === undefined) return false;
  const text = await runCommand(docker, ['compose', 'ps', '--format', 'json'], {
    cwd: checkout,
    timeoutMs: 10_000,
  }).catch(() => '');
  return toContainers(text).some(
    ({ Service, State, Publishers }) =>
      Service === name && State === 'running' && (Publishers ?? []).some(({ PublishedPort }) => PublishedPort === port),
  );
}

/** Compose before 2.21 prints one list, later ones an object a line. */
export function toContainers(text: string): Container[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.flatMap((line) => [JSON.parse(line) as Container | Container[]].flat());
}
