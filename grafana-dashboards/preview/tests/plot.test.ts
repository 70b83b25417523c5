import { FieldType } from '@grafana/data';
import { describe, expect, it } from 'vitest';
import { bands } from '../src/plot/bands';
import { rowPosition, toBuckets } from '../src/plot/buckets';
import { drawable } from '../src/plot/drawable';
import { share } from '../src/plot/gaugeArc';

const OPEN = { text: 'open', color: 'red' };
const CLOSED = { text: 'closed', color: 'green' };

describe('bands', () => {
  it('tells states without words apart by their colour', () => {
    const [off, on] = [
      { text: ' ', color: 'transparent' },
      { text: ' ', color: 'blue' },
    ];
    expect(bands({ times: [0, 10, 20], states: [off, on, on], step: 10, merge: true })).toEqual([
      { ...off, from: 0, to: 10 },
      { ...on, from: 10, to: 30 },
    ]);
  });

  it('merges neighbours of one state and ends each at the next', () => {
    expect(bands({ times: [0, 10, 20], states: [CLOSED, CLOSED, OPEN], step: 10, merge: true })).toEqual([
      { ...CLOSED, from: 0, to: 20 },
      { ...OPEN, from: 20, to: 30 },
    ]);
  });

  it('leaves a hole where there is no value', () => {
    const found = bands({ times: [0, 10, 50], states: [OPEN, undefined, OPEN], step: 10, merge: true });
    expect(found.map(({ from, to }) => [from, to])).toEqual([
      [0, 10],
      [50, 60],
    ]);
  });
});

describe('rowPosition', () => {
  const field = (name: string) => ({ name, type: FieldType.number, config: {}, values: [1] });
  const time = { name: 'Time', type: FieldType.time, config: { interval: 15 }, values: [0] };
  const buckets = toBuckets([{ length: 1, fields: [time, field('1'), field('3'), field('+Inf')] }]);

  it.each([
    [0.5, 0.5],
    [2, 1.5],
    [100, 2.5],
  ])('puts %d at %d', (value, expected) => {
    expect(buckets && rowPosition(buckets, value)).toBe(expected);
  });
});

describe('share', () => {
  it.each([
    [50, 0.5],
    [-1, 0],
    [200, 1],
    [NaN, 0],
  ])('of %d is %d', (value, expected) => {
    expect(share(value, 0, 100)).toBe(expected);
  });
});

describe('drawable', () => {
  const frame = (type: FieldType, values: unknown[]) => ({
    length: values.length,
    fields: [{ name: '', type, config: {}, values }],
  });

  it('leaves a hole for what is not finite', () => {
    expect(drawable([frame(FieldType.number, [1, NaN, Infinity, null])])[0]?.fields[0]?.values).toEqual([
      1,
      null,
      null,
      null,
    ]);
  });

  it('drops frames without numbers', () => {
    expect(drawable([frame(FieldType.string, ['a']), frame(FieldType.number, [])])).toEqual([]);
  });
});
