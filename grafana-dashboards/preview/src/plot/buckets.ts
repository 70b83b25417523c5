/** The rows of a heatmap frame: how many observations fell into each bucket at each time. Pure. */
import { type DataFrame, type Field, FieldType } from '@grafana/data';

export interface Buckets {
  times: number[];
  /** Width of a column, milliseconds. */
  step: number;
  /** From the lowest up. */
  rows: Array<{ upperBound: number; counts: Array<number | null> }>;
  /** The largest count. */
  max: number;
}

export function toBuckets(frames: DataFrame[]): Buckets | undefined {
  const frame = frames.find(({ fields }) => fields.some(({ type }) => type === FieldType.number));
  const time = frame?.fields.find(({ type }) => type === FieldType.time);
  if (!frame || !time) {
    return undefined;
  }
  const rows = frame.fields
    .filter(({ type }) => type === FieldType.number)
    .map((field) => ({ upperBound: upperBound(field), counts: field.values }));
  const max = Math.max(...rows.flatMap(({ counts }) => counts.map((count) => count ?? 0)));
  return { times: time.values, step: time.config.interval ?? 0, rows, max };
}

function upperBound({ name }: Field): number {
  return name === '+Inf' ? Infinity : Number(name);
}

/** Where a value lies on a scale that counts rows, linear within its own. */
export function rowPosition({ rows }: Buckets, value: number): number {
  const row = rows.findIndex(({ upperBound }) => value <= upperBound);
  if (row < 0) {
    return rows.length;
  }
  const lower = rows[row - 1]?.upperBound ?? 0;
  const upper = rows[row]?.upperBound ?? Infinity;
  return row + (Number.isFinite(upper) ? (value - lower) / (upper - lower) : 0.5);
}
