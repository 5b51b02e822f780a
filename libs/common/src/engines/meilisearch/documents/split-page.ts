import { AppError } from '#common/errors/app-error.js';

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const RESULTS = Buffer.from('"results"');

/** What a page of documents holds: their texts as the server wrote them, so that no number loses a digit. Throws: meilisearch.refused. */
export function splitPage(page: Buffer): readonly Buffer[] {
  const documents: Buffer[] = [];
  let at = skipSpace(page, 0);
  if (page[at] !== OPEN_OBJECT) throw unreadable();
  at = skipSpace(page, at + 1);
  while (page[at] === QUOTE) {
    const end = skipValue(page, at);
    const isResults = page.subarray(at, end).equals(RESULTS);
    at = skipSpace(page, end);
    if (page[at] !== COLON) throw unreadable();
    at = skipSpace(page, at + 1);
    if (!isResults) at = skipValue(page, at);
    else at = splitList(page, at, documents);
    at = skipSpace(page, at);
    if (page[at] === COMMA) at = skipSpace(page, at + 1);
  }
  if (page[at] !== CLOSE_OBJECT) throw unreadable();
  return documents;
}

function splitList(page: Buffer, from: number, into: Buffer[]): number {
  if (page[from] !== OPEN_LIST) throw unreadable();
  let at = skipSpace(page, from + 1);
  while (page[at] === OPEN_OBJECT) {
    const end = skipValue(page, at);
    into.push(page.subarray(at, end));
    at = skipSpace(page, end);
    if (page[at] === COMMA) at = skipSpace(page, at + 1);
  }
  if (page[at] !== CLOSE_LIST) throw unreadable();
  return at + 1;
}

function skipSpace(page: Buffer, from: number): number {
  let at = from;
  while ((page[at] ?? 0xff) <= 0x20) at += 1;
  return at;
}

/** Where the value ends that begins here. */
function skipValue(page: Buffer, from: number): number {
  if (page[from] === QUOTE) return skipText(page, from);
  if (isOpening(page[from])) return skipNested(page, from);
  let at = from;
  while (at < page.length && page[at] !== COMMA && !isClosing(page[at])) at += 1;
  return at;
}

function skipNested(page: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < page.length; ) {
    const byte = page[at];
    if (byte === QUOTE) {
      at = skipText(page, at);
      continue;
    }
    at += 1;
    if (isOpening(byte)) depth += 1;
    else if (isClosing(byte)) depth -= 1;
    if (depth === 0) return at;
  }
  throw unreadable();
}

const isOpening = (byte: number | undefined): boolean => byte === OPEN_LIST || byte === OPEN_OBJECT;
const isClosing = (byte: number | undefined): boolean => byte === CLOSE_LIST || byte === CLOSE_OBJECT;

function skipText(page: Buffer, from: number): number {
  for (let at = from + 1; ; at += 1) {
    at = page.indexOf(QUOTE, at);
    if (at < 0) throw unreadable();
    let before = at;
    while (page[before - 1] === BACKSLASH) before -= 1;
    if ((at - before) % 2 === 0) return at + 1;
  }
}

const unreadable = (): AppError => new AppError('meilisearch.refused', 'a page of documents is not what the API says');
