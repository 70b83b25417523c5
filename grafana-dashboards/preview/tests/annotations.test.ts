import { FieldType } from '@grafana/data';
import { describe, expect, it } from 'vitest';
import { annotationEvents, annotationQuery, type PromAnnotation, stretches } from '../src/prometheus/annotations';

const annotation = (rest: Partial<PromAnnotation>): PromAnnotation => ({
  name: 'Alerts',
  enable: true,
  iconColor: 'red',
  ...rest,
});

function frame(labels: Record<string, string>, times: number[], values: Array<number | null>) {
  return {
    length: times.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: { interval: 15_000 }, values: times },
      { name: 'Value', type: FieldType.number, config: {}, labels, values },
    ],
  };
}

describe('stretches', () => {
  it('joins neighbours and parts what a gap or a zero separates', () => {
    expect(stretches([0, 15, 30, 60, 75], [1, 1, 0, 1, 1], 15)).toEqual([
      [0, 15],
      [60, 75],
    ]);
  });
});

describe('annotationEvents', () => {
  it('makes a region of a stretch and words of its labels', () => {
    const source = annotation({ titleFormat: '{{alertname}}', textFormat: 'on {{pod}}', tagKeys: 'severity, none' });
    const labels = { alertname: 'Down', pod: 'a', severity: 'critical' };
    expect(annotationEvents(source, [frame(labels, [0, 15_000], [1, 1])])).toEqual([
      { title: 'Down', text: 'on a', tags: ['critical'], time: 0, timeEnd: 15_000, isRegion: true },
    ]);
  });

  it('takes the moment from the value where told to', () => {
    const source = annotation({ useValueForTime: true });
    const events = annotationEvents(source, [frame({}, [0, 15_000], [7_000, 7_000])]);
    expect(events.map(({ time }) => time)).toEqual([7_000]);
  });
});

describe('annotationQuery', () => {
  it('reads the fields beside the query', () => {
    expect(annotationQuery(annotation({ expr: 'ALERTS', step: '30s' }))).toMatchObject({
      expr: 'ALERTS',
      interval: '30s',
    });
  });

  it('asks nothing without an expression', () => {
    expect(annotationQuery(annotation({}))).toBeUndefined();
  });
});
