import { z } from 'zod';
import { toAppError } from './app-error.js';

/** What another reader refuses is a problem of this field, in its words. */
export const readBy = (read: (text: string) => unknown) =>
  z.string().superRefine((text, context) => {
    try {
      read(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: toAppError(error).message });
    }
  });
