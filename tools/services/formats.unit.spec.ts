import { describe, expect, it } from '@jest/globals';
import { lastLines } from '#tools/process/run-child.js';
import { selectServices, toState } from './control.js';
import { parseGoMinor } from './go.js';
import { toBrokerProperties, toPom } from './kafka-files.js';
import { parseBrokerCount, toMetadataRequest } from './kafka-metadata.js';
import { toConf } from './postgres-cluster.js';
import { serviceNames } from './service.js';
import { versions } from './versions.js';

describe('what a started server is known by', () => {
  it('tells ours from foreign, moved and silent ones', () => {
    const ours = { pid: 1, port: 10, startedTicks: '1' };
    expect(toState({ port: 10 }, ours, true)).toBe('up');
    expect(toState({ port: 10 }, ours, false)).toBe('silent');
    expect(toState({ port: 11 }, ours, true)).toBe('moved');
    expect(toState({ port: 10 }, undefined, true)).toBe('foreign');
    expect(toState({ port: 10 }, undefined, false)).toBe('down');
  });
});

describe('selecting services', () => {
  it('takes all when none is named, and those named otherwise', () => {
    expect(selectServices([]).map(({ name }) => name)).toEqual([...serviceNames]);
    expect(selectServices(['s3', 'kafka']).map(({ name }) => name)).toEqual(['kafka', 's3']);
  });

  it('refuses a name that it does not know', () => {
    expect(() => selectServices(['kafak'])).toThrow('unknown service "kafak": it is one of postgres-18,');
  });
});

describe('generated files', () => {
  it('asks Maven for the pinned broker', () => {
    expect(toPom()).toContain(`<artifactId>kafka_2.13</artifactId><version>${versions.kafka}</version>`);
  });

  it('advertises the port it listens on, on the loopback only', () => {
    const lines = toBrokerProperties({ folder: '/d', port: 1, controllerPort: 2 }).split('\n');
    expect(lines).toContain('listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2');
    expect(lines).toContain('advertised.listeners=PLAINTEXT://127.0.0.1:1');
    expect(lines).toContain('auto.create.topics.enable=false');
  });

  it('quotes PostgreSQL settings', () => {
    expect(toConf({ a: "it's", b: '' })).toBe("a = 'it''s'\nb = ''\n");
  });
});

describe('answers of others', () => {
  it('reads how many brokers a metadata answer names, once it is whole', () => {
    const answer = Buffer.from([0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 3]);
    expect(parseBrokerCount(answer)).toBe(3);
    expect(parseBrokerCount(answer.subarray(0, 11))).toBeUndefined();
    expect(toMetadataRequest().readInt32BE(0)).toBe(toMetadataRequest().length - 4);
  });

  it('reads the version of Go', () => {
    expect(parseGoMinor('go version go1.26.8 linux/amd64\n')).toBe(26);
    expect(parseGoMinor('command not found')).toBe(0);
  });

  it('keeps the last lines that say something', () => {
    expect(lastLines('one\n\u001b[31mtwo\u001b[0m\n\n three\n\n', 2)).toBe('two\n   three');
  });
});
