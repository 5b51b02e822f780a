import type { BusLoad } from './bus-load.js';
import type { Timeline } from './timeline.js';

export interface Outcome {
  readonly datasets: number;
  readonly timeline: Timeline;
  readonly bus: BusLoad;
  readonly manifests: number;
}

/** Says that everything was done once, or throws saying what was not. */
export function toVerdict({ datasets, timeline, bus, manifests }: Outcome): string {
  const twice = [...bus.completed].filter(([, times]) => times !== 1);
  const { requested, runs, completed, retried } = timeline;
  const counts = {
    ...{ requested, runs, completed, manifests },
    'backup.completed': [...bus.completed.values()].reduce((sum, times) => sum + times, 0),
    'datasets called completed': bus.completed.size,
  };
  const said = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  const wrong = Object.values(counts).some((count) => count !== datasets) || bus.failed.size > 0 || twice.length > 0;
  const summary = `${said.join(', ')}, ${bus.failed.size} backup.failed, ${retried} runs with a second attempt`;
  if (wrong) throw new Error(`not everything was done once: ${summary}`);
  return summary;
}
