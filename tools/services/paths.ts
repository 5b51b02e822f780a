import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This file runs as dist/tools/services/paths.js, three folders below the checkout. */
export const checkout = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');

/** Everything the services leave behind: git-ignored, and a link when the service user could not reach it (home.ts). */
export const servicesDir = join(checkout, '.services');

export const cacheDir = join(servicesDir, 'cache');
export const dataDir = (service: string): string => join(servicesDir, 'data', service);
export const logFile = (service: string): string => join(servicesDir, 'logs', `${service}.log`);
export const pidFile = (service: string): string => join(servicesDir, 'run', `${service}.json`);
export const configFile = (name: string): string => join(servicesDir, 'run', name);
