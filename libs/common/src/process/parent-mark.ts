import { readFileSync, readlinkSync } from 'node:fs';
import { platform } from 'node:os';
import { parseStat } from './process-table.js';

/** Tells every child, and what it starts in its turn, which process it works for. */
export const PARENT_MARK = 'HOLDFAST_PARENT';

/** A process that starts others: its number, its start, and where numbers mean anything. */
export interface MarkedParent {
  readonly pid: number;
  readonly startedAt: string;
  /** Of its processes; containers have one each, and number them all from 1. */
  readonly namespace: string;
}

let own: MarkedParent | undefined;

/** This process; undefined where there is no /proc to tell it apart from the next one of its number. */
export function thisParent(): MarkedParent | undefined {
  if (own === undefined && platform() === 'linux') own = readThisParent();
  return own;
}

function readThisParent(): MarkedParent | undefined {
  try {
    const entry = parseStat(readFileSync('/proc/self/stat', 'utf8'));
    const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
    return entry === undefined || namespace === undefined ? undefined : { ...entry, namespace };
  } catch {
    return undefined;
  }
}

/** For the environment of every child: nothing of it is secret. */
export function toParentMark(): Record<string, string> {
  const parent = thisParent();
  return parent === undefined ? {} : { [PARENT_MARK]: `${parent.pid}:${parent.startedAt}:${parent.namespace}` };
}

export function parseParentMark(text: string): MarkedParent | undefined {
  const [, pid, startedAt, namespace] = /^(\d+):(\d+):(\d+)$/.exec(text) ?? [];
  if (pid === undefined || startedAt === undefined || namespace === undefined) return undefined;
  return { pid: Number(pid), startedAt, namespace };
}
