import { describe, expect, it } from 'vitest';
import { toFrames, withGaps } from '../src/prometheus/frames';
import type { PromQuery } from '../src/prometheus/query';

const asked = (query: Partial<PromQuery>, amongOthers = false) => ({
  query: { refId: 'A', expr: 'up', ...query },
  expr: 'up',
  step: 15,
  interpolate: (text: string) => text,
  amongOthers,
});

const column = (frames: ReturnType<typeof toFrames>, name: string) =>
  frames[0]?.fields.find((field) => field.name === name)?.values;

describe('withGaps', () => {
  it('breaks the line where a scrape is missing', () => {
    expect(
      withGaps(
        [
          [0, '1'],
          [15, '2'],
          [60, '3'],
        ],
        15,
      ),
    ).toEqual({ times: [0, 15_000, 30_000, 60_000], values: [1, 2, null, 3] });
  });

  it('reads the values that are no plain numbers', () => {
    expect(
      withGaps(
        [
          [0, '+Inf'],
          [15, 'NaN'],
        ],
        15,
      ).values,
    ).toEqual([Infinity, NaN]);
  });
});

describe('toFrames', () => {
  it('names a series by its legend', () => {
    const data = {
      resultType: 'matrix' as const,
      result: [{ metric: { pod: 'a' }, values: [[0, '1']] as Array<[number, string]> }],
    };
    expect(toFrames(data, asked({ legendFormat: 'pod {{pod}}{{missing}}' }))[0]?.name).toBe('pod a');
  });

  it('makes a table of labels and values', () => {
    const data = {
      resultType: 'vector' as const,
      result: [{ metric: { b: '1', a: '2' }, value: [1, '3'] as [number, string] }],
    };
    const [frame] = toFrames(data, asked({ format: 'table' }));
    expect(frame?.fields.map(({ name }) => name)).toEqual(['Time', 'a', 'b', 'Value']);
  });

  it('tells the values of several tables apart', () => {
    const data = { resultType: 'vector' as const, result: [{ metric: {}, value: [1, '3'] as [number, string] }] };
    expect(column(toFrames(data, asked({ format: 'table' }, true)), 'Value #A')).toEqual([3]);
  });

  it('takes cumulative buckets apart, lowest first', () => {
    const bucket = (le: string, count: string) => ({ metric: { le }, values: [[0, count]] as Array<[number, string]> });
    const data = { resultType: 'matrix' as const, result: [bucket('+Inf', '9'), bucket('1', '4'), bucket('5', '7')] };
    const [frame] = toFrames(data, asked({ format: 'heatmap' }));
    expect(frame?.fields.slice(1).map(({ name, values }) => [name, values])).toEqual([
      ['1', [4]],
      ['5', [3]],
      ['+Inf', [2]],
    ]);
  });
});
