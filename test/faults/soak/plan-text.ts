import type { Action, Request, SoakPlan } from './actions.js';

/** For people, one line an action; the first line is all that is needed to have the same plan again. */
export const toText = ({ seed, seconds, actions }: SoakPlan): string =>
  [
    `soak seed ${seed}, ${seconds} s, ${actions.length} actions`,
    ...actions.map((action) => `${(action.atMs / 1_000).toFixed(1).padStart(7)} s  ${toLine(action)}`),
  ].join('\n');

export function toLine(action: Action): string {
  switch (action.do) {
    case 'live':
      return `${action.orders} orders are placed`;
    case 'ask':
      return `request ${action.number} by ${action.via}: ${toWish(action.request)}`;
    case 'ask again':
      return `request ${action.number} once more`;
    case 'kill':
    case 'stop':
    case 'start':
      return `${action.do} ${action.slot}`;
    case 'freeze':
    case 'thaw':
      return `${action.do} ${action.slot}${action.withChildren ? ' and its children' : ''}`;
    case 'shut':
    case 'reopen':
      return `${action.do} the ${action.what} for ${action.slot}`;
    case 'storm':
    case 'calm':
      return `${action.do} at the storage for ${action.slot}: ${action.fault} to ${action.methods.join(', ')}`;
  }
}

function toWish(request: Request): string {
  switch (request.ask) {
    case 'backup':
      return `backup of ${request.dataset}${request.hasDeadline ? ', soon or never' : ''}`;
    case 'restore': {
      const extras = [request.isVerified ? ', verified' : '', request.safetyBackup ? ', with safety dump' : ''];
      return `restore of ${request.dataset}, backup ${request.backup}, into ${request.into}${extras.join('')}`;
    }
    case 'verification':
      return `verification of what request ${request.restore} restored`;
    case 'replay':
      return `replay (${request.mode}) since backup ${request.backup}`;
    case 'cancel':
      return `cancel request ${request.request}`;
    case 'nonsense':
      return request.kind;
  }
}
