import { type Cursor, STARVED } from './cursor.js';
import { Part, type Shape } from './shapes.js';

interface Frame {
  readonly shape: Shape;
  at: number;
  left: number;
}

/** Walks over one value after another, by its shape and without looking at it; it goes on where it stopped for want of bytes. */
export class ValueWalker {
  private readonly frames: Frame[] = [];

  begin(shape: Shape): void {
    this.frames.push({ shape, at: 0, left: 1 });
  }

  /** Returns whether the value is over. What is passed over need not be there yet: the cursor then stands behind its bytes. */
  walk(cursor: Cursor): boolean {
    for (let frame = this.frames.at(-1); frame !== undefined; frame = this.frames.at(-1)) {
      if (frame.at === frame.shape.length) this.repeat(frame);
      else {
        const before = cursor.at;
        if (!this.pass(frame, cursor)) {
          cursor.at = before;
          return false;
        }
      }
    }
    return cursor.at <= cursor.bytes.length;
  }

  private repeat(frame: Frame): void {
    frame.left -= 1;
    frame.at = 0;
    if (frame.left === 0) this.frames.pop();
  }

  private pass(frame: Frame, cursor: Cursor): boolean {
    const part = frame.shape[frame.at] as number | Shape;
    if (typeof part === 'number') {
      if (!skipPart(part, cursor)) return false;
      frame.at += 1;
      return true;
    }
    const left = cursor.length();
    if (left === STARVED) return false;
    frame.at += 1;
    if (left > 0) this.frames.push({ shape: part, at: 0, left });
    return true;
  }
}

function skipPart(part: number, cursor: Cursor): boolean {
  if (cursor.at >= cursor.bytes.length) return false;
  switch (part) {
    case Part.string:
      return cursor.skipString();
    case Part.length:
      return cursor.length() !== STARVED;
    case Part.eight:
      return cursor.skip(8);
    case Part.id:
      return cursor.skip(16);
    default: {
      const size = cursor.byte();
      // The three above stand for "not a number" and the infinities, without digits.
      return size !== STARVED && cursor.skip(size >= 253 ? 0 : size);
    }
  }
}
