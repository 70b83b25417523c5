import { describe, expect, it } from 'vitest';
import { queryStep, rateInterval } from '../src/prometheus/step';

describe('queryStep', () => {
  const HOUR = 3600;

  it('is never below the scrape interval', () => {
    expect(queryStep({ span: HOUR, maxPoints: 1000, interval: 1, minStep: 15 })).toBe(15);
  });

  it('rounds up to a step that people read', () => {
    expect(queryStep({ span: 24 * HOUR, maxPoints: 500, interval: 0, minStep: 15 })).toBe(300);
  });

  it('obeys the interval of the panel', () => {
    expect(queryStep({ span: HOUR, maxPoints: 1000, interval: 60, minStep: 15 })).toBe(60);
  });

  it('keeps below the most points that Prometheus answers', () => {
    const span = 90 * 24 * HOUR;
    expect(span / queryStep({ span, maxPoints: 1_000_000, interval: 0, minStep: 1 })).toBeLessThanOrEqual(11_000);
  });
});

describe('rateInterval', () => {
  it('spans four scrapes at small steps', () => {
    expect(rateInterval(15, 15)).toBe(60);
  });

  it('spans the step and one scrape at large ones', () => {
    expect(rateInterval(300, 15)).toBe(315);
  });
});
