/** The part of the Prometheus HTTP API that dashboards use, through the preview's own /prometheus proxy. */

export type Labels = Record<string, string>;
/** Seconds since the epoch and the value as Prometheus writes it. */
export type Sample = [number, string];

export interface Series {
  metric: Labels;
  value?: Sample;
  values?: Sample[];
}

export type QueryData =
  { resultType: 'vector' | 'matrix'; result: Series[] } | { resultType: 'scalar'; result: Sample };

export interface ExemplarSeries {
  seriesLabels: Labels;
  exemplars: Array<{ labels: Labels; value: string; timestamp: number }>;
}

type Parameters = Record<string, string | number>;

/** Answers Prometheus' `data`; throws with Prometheus' own words, or the status where it did not answer in JSON. */
async function get<T>(path: string, parameters: Parameters): Promise<T> {
  const query = new URLSearchParams(Object.entries(parameters).map(([key, value]) => [key, String(value)]));
  const response = await fetch(`/prometheus/api/v1/${path}?${query}`);
  if (!response.headers.get('content-type')?.includes('json')) {
    throw new Error(`Prometheus cannot be reached (${response.status} ${response.statusText})`);
  }
  const body = await response.json();
  if (body.status !== 'success') {
    throw new Error(`${body.errorType}: ${body.error}`);
  }
  return body.data;
}

export interface Range {
  start: number;
  end: number;
}

const matching = (selector: string | undefined, range: Range): Parameters =>
  selector ? { ...range, 'match[]': selector } : { ...range };

export const prometheus = {
  query: (query: string, time: number) => get<QueryData>('query', { query, time }),
  queryRange: (query: string, range: Range, step: number) => get<QueryData>('query_range', { query, ...range, step }),
  exemplars: (query: string, range: Range) => get<ExemplarSeries[]>('query_exemplars', { query, ...range }),
  labelValues: (label: string, selector: string | undefined, range: Range) =>
    get<string[]>(`label/${label}/values`, matching(selector, range)),
  labelNames: (selector: string | undefined, range: Range) => get<string[]>('labels', matching(selector, range)),
};
