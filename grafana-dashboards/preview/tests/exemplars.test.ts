import { describe, expect, it } from 'vitest';
import { readExemplars, toExemplarFrame } from '../src/prometheus/exemplars';

const exemplar = (timestamp: number, traceId: string) => ({ labels: { trace_id: traceId }, value: '0.5', timestamp });

describe('exemplars', () => {
  it('survive the way through a frame, in order of time', () => {
    const series = [{ seriesLabels: { pod: 'p' }, exemplars: [exemplar(2, 'b'), exemplar(1, 'a')] }];
    const frame = toExemplarFrame(series, 'A', 10);
    expect(readExemplars(frame && [frame])).toEqual([
      { time: 1000, value: 0.5, labels: { pod: 'p', trace_id: 'a' }, traceId: 'a' },
      { time: 2000, value: 0.5, labels: { pod: 'p', trace_id: 'b' }, traceId: 'b' },
    ]);
  });

  it('leave the largest of neighbours where there are too many', () => {
    const exemplars = Array.from({ length: 6 }, (_, index) => ({ ...exemplar(index, 't'), value: String(index % 3) }));
    const frame = toExemplarFrame([{ seriesLabels: {}, exemplars }], 'A', 2);
    expect(frame?.fields[0]?.values).toEqual([2000, 5000]);
  });

  it('make no frame where there are none', () => {
    expect(toExemplarFrame([], 'A', 10)).toBeUndefined();
  });
});
