/** The step of a range query and the interval that makes rate() safe at that step, all in seconds. */

const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
/** Prometheus refuses a range query that asks for more points a series. */
const MAX_POINTS = 11_000;

interface StepRequest {
  /** Length of the time range. */
  span: number;
  /** How many points the panel has room for. */
  maxPoints: number;
  /** The step that the panel asks for, 0 for none. */
  interval: number;
  /** The smallest step that makes sense: the query's own minimum, else the scrape interval. */
  minStep: number;
}

export function queryStep({ span, maxPoints, interval, minStep }: StepRequest): number {
  const wanted = Math.max(span / maxPoints, interval, span / MAX_POINTS);
  const round = STEPS.find((step) => step >= wanted * 0.75) ?? wanted;
  return Math.max(round, minStep, Math.ceil(span / MAX_POINTS));
}

/** Grafana's $__rate_interval: four scrapes at least, so that one lost scrape leaves rate() its two points. */
export function rateInterval(step: number, scrape: number): number {
  return Math.max(step + scrape, 4 * scrape);
}
