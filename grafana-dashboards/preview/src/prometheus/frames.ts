/** Prometheus answers as Grafana data frames: time series, tables and heatmap rows. */
import { type DataFrame, DataFrameType, type Field, FieldType } from '@grafana/data';
import type { QueryData, Sample, Series } from './api';
import type { PromQuery } from './query';
import { legend, toNumber } from './series';

interface Asked {
  query: PromQuery;
  /** With its variables filled in. */
  expr: string;
  /** Seconds; 0 for an instant query. */
  step: number;
  interpolate: (text: string) => string;
  /** Among other queries of its panel, whose table columns must not be called the same. */
  amongOthers: boolean;
}

export function toFrames(data: QueryData, asked: Asked): DataFrame[] {
  const series = data.resultType === 'scalar' ? [{ metric: {}, value: data.result }] : data.result;
  switch (asked.query.format) {
    case 'table':
      return [table(series, asked)];
    case 'heatmap':
      return series.length > 0 ? [heatmapRows(series, asked)] : [];
    default:
      return series.map((one) => timeSeries(one, asked));
  }
}

const executed = ({ expr, step }: Asked) => ({ executedQueryString: `Expr: ${expr}\nStep: ${step}s` });
const samples = ({ value, values }: Series): Sample[] => values ?? (value ? [value] : []);

function frame(refId: string, fields: Field[], rest: Partial<DataFrame>): DataFrame {
  return { refId, fields, length: fields[0]?.values.length ?? 0, ...rest };
}

function timeSeries(series: Series, asked: Asked): DataFrame {
  const { times, values } = withGaps(samples(series), asked.step);
  const name = asked.interpolate(legend(asked.query.legendFormat, series.metric, asked.expr));
  return frame(
    asked.query.refId,
    [
      { name: 'Time', type: FieldType.time, config: { interval: asked.step * 1000 }, values: times },
      {
        name: 'Value',
        type: FieldType.number,
        labels: series.metric,
        config: { displayNameFromDS: name },
        values,
      },
    ],
    { name, meta: { type: DataFrameType.TimeSeriesMulti, ...executed(asked) } },
  );
}

/** A null after each point whose successor is missing, so that a line breaks where the data did. */
export function withGaps(points: Sample[], step: number): { times: number[]; values: Array<number | null> } {
  const times: number[] = [];
  const values: Array<number | null> = [];
  let previous: number | undefined;
  for (const [seconds, value] of points) {
    if (previous !== undefined && seconds - previous > step * 1.01) {
      times.push((previous + step) * 1000);
      values.push(null);
    }
    times.push(seconds * 1000);
    values.push(toNumber(value));
    previous = seconds;
  }
  return { times, values };
}

function table(series: Series[], asked: Asked): DataFrame {
  const rows = series.flatMap((one) => samples(one).map((sample) => ({ metric: one.metric, sample })));
  const labels = [...new Set(series.flatMap((one) => Object.keys(one.metric)))].sort();
  return frame(
    asked.query.refId,
    [
      { name: 'Time', type: FieldType.time, config: {}, values: rows.map(({ sample }) => sample[0] * 1000) },
      ...labels.map((name) => ({
        name,
        type: FieldType.string,
        config: { filterable: true },
        values: rows.map(({ metric }) => metric[name] ?? ''),
      })),
      {
        name: asked.amongOthers ? `Value #${asked.query.refId}` : 'Value',
        type: FieldType.number,
        config: {},
        values: rows.map(({ sample }) => toNumber(sample[1])),
      },
    ],
    { meta: { preferredVisualisationType: 'table', ...executed(asked) } },
  );
}

/** Cumulative `le` buckets as one field a bucket, each with its own count alone. */
function heatmapRows(series: Series[], asked: Asked): DataFrame {
  const buckets = [...series].sort((a, b) => upperBound(a) - upperBound(b));
  const seconds = [...new Set(buckets.flatMap((bucket) => samples(bucket).map(([time]) => time)))].sort(
    (a, b) => a - b,
  );
  let below = new Map<number, number>();
  const rows = buckets.map((bucket) => {
    const cumulative = new Map(samples(bucket).map(([time, value]) => [time, toNumber(value)]));
    const values = seconds.map((time) => {
      const count = cumulative.get(time);
      return count === undefined ? null : Math.max(0, count - (below.get(time) ?? 0));
    });
    below = cumulative;
    return { name: bucket.metric.le ?? '', type: FieldType.number, config: {}, labels: bucket.metric, values };
  });
  const time = { name: 'Time', type: FieldType.time, config: { interval: asked.step * 1000 } };
  return frame(asked.query.refId, [{ ...time, values: seconds.map((s) => s * 1000) }, ...rows], {
    meta: { type: DataFrameType.HeatmapRows, ...executed(asked) },
  });
}

function upperBound({ metric }: Series): number {
  return toNumber(metric.le ?? 'NaN');
}
