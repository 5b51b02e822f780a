import { describe, expect, it } from '@jest/globals';
import { splitPage } from './split-page.js';

const split = (text: string): string[] => splitPage(Buffer.from(text)).map(String);

describe('a page of documents', () => {
  it('gives each document as the server wrote it', () => {
    const documents = [
      '{"id":9007199254740993,"n":1.0,"e":1e-400}',
      '{"t":"}],\\"{[ \\\\","o":{"a":[1,{"b":[]}],"é":"ü"}}',
      '{}',
      '{"results":[{"id":1}]}',
    ];
    expect(split(`{"results":[${documents.join(',')}],"offset":0,"limit":20,"total":4}`)).toEqual(documents);
    expect(split(`{ "total" : 4, "x" : {"results":[{}]}, "results" : [ ${documents.join(' ,\n')} ] }\n`)).toEqual(
      documents,
    );
  });

  it('may hold none', () => {
    expect(split('{"results":[],"offset":0,"limit":20,"total":0}')).toEqual([]);
  });

  it('is refused where it was cut off or is none', () => {
    const whole = '{"results":[{"a":"b"},{"c":[1]}],"total":2}';
    for (let length = 0; length < whole.length; length += 1)
      expect(() => split(whole.slice(0, length))).toThrow(expect.objectContaining({ code: 'meilisearch.refused' }));
    expect(() => split('[]')).toThrow(expect.objectContaining({ code: 'meilisearch.refused' }));
    expect(() => split('{"results":[1]}')).toThrow(expect.objectContaining({ code: 'meilisearch.refused' }));
  });
});
