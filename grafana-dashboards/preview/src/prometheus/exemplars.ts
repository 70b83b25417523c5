/** Exemplars as the annotation frame that Grafana's Prometheus data source answers. */
import { type DataFrame, DataTopic, FieldType } from '@grafana/data';
import type { ExemplarSeries, Labels } from './api';
import { toNumber } from './series';

export const EXEMPLAR = 'exemplar';
const TRACE_LABELS = ['trace_id', 'traceID', 'traceId'];

/** At most `limit` of them over the time range, of neighbours the largest: one looks for what was slow. */
export function toExemplarFrame(series: ExemplarSeries[], refId: string, limit: number): DataFrame | undefined {
  const all = series
    .flatMap(({ seriesLabels, exemplars }) =>
      exemplars.map((one) => ({ ...one, labels: { ...seriesLabels, ...one.labels } })),
    )
    .sort((a, b) => a.timestamp - b.timestamp);
  if (all.length === 0) {
    return undefined;
  }
  const neighbours = Math.ceil(all.length / limit);
  const kept = Array.from({ length: Math.ceil(all.length / neighbours) }, (_, index) =>
    largest(all.slice(index * neighbours, (index + 1) * neighbours)),
  );
  const labels = [...new Set(kept.flatMap((one) => Object.keys(one.labels)))].sort();
  return {
    refId,
    name: EXEMPLAR,
    length: kept.length,
    meta: { dataTopic: DataTopic.Annotations, custom: { resultType: EXEMPLAR } },
    fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: kept.map((one) => one.timestamp * 1000) },
      { name: 'Value', type: FieldType.number, config: {}, values: kept.map((one) => toNumber(one.value)) },
      ...labels.map((name) => ({
        name,
        type: FieldType.string,
        config: {},
        values: kept.map((one) => one.labels[name] ?? ''),
      })),
    ],
  };
}

function largest<T extends { value: string }>(some: T[]): T {
  return some.reduce((best, one) => (toNumber(one.value) > toNumber(best.value) ? one : best));
}

export interface Exemplar {
  time: number;
  value: number;
  labels: Labels;
  traceId?: string;
}

export function readExemplars(frames: DataFrame[] | undefined): Exemplar[] {
  return (frames ?? [])
    .filter((frame) => frame.meta?.custom?.resultType === EXEMPLAR)
    .flatMap((frame) => {
      const [time, value, ...labels] = frame.fields;
      return Array.from({ length: frame.length }, (_, row) => {
        const own = Object.fromEntries(labels.map((field) => [field.name, String(field.values[row])]));
        const trace = TRACE_LABELS.find((name) => own[name]);
        return { time: time?.values[row], value: value?.values[row], labels: own, traceId: trace && own[trace] };
      });
    });
}
