import { AppError } from '#common/errors/app-error.js';

/** Whether the work was done: what a lock of the storage keeps is a later sweep's. Throws: what else the work throws. */
export async function unlessLocked(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'repository.locked') return false;
    throw error;
  }
}
