/** Annotations from PromQL: a series' non-zero stretches become events, as in Grafana's Prometheus data source. */
import { type AnnotationEvent, type AnnotationQuery, type DataFrame, FieldType } from '@grafana/data';
import type { PromQuery } from './query';
import { fillLabels } from './series';

/** The fields that the dashboard JSON puts beside the query. */
export interface PromAnnotation extends AnnotationQuery<PromQuery> {
  expr?: string;
  step?: string;
  titleFormat?: string;
  textFormat?: string;
  /** Labels shown as tags, comma-separated. */
  tagKeys?: string;
  /** The value is the event's time in milliseconds. */
  useValueForTime?: boolean | 'on' | 'off';
}

const DEFAULT_STEP = '60s';

export function annotationQuery(annotation: PromAnnotation): PromQuery | undefined {
  const expr = annotation.expr ?? annotation.target?.expr;
  if (!expr) {
    return undefined;
  }
  const interval = annotation.step || annotation.target?.interval || DEFAULT_STEP;
  return { ...annotation.target, refId: 'annotation', expr, interval, range: true, instant: false };
}

export function annotationEvents(annotation: PromAnnotation, frames: DataFrame[]): AnnotationEvent[] {
  return frames.flatMap((frame) => {
    const times: number[] = frame.fields.find((field) => field.type === FieldType.time)?.values ?? [];
    const field = frame.fields.find((one) => one.type === FieldType.number);
    const labels = field?.labels ?? {};
    const event = {
      title: fillLabels(annotation.titleFormat ?? annotation.name, labels),
      text: fillLabels(annotation.textFormat ?? '', labels),
      tags: tags(annotation.tagKeys, labels),
    };
    const values: Array<number | null> = field?.values ?? [];
    if (annotation.useValueForTime === true || annotation.useValueForTime === 'on') {
      const moments = new Set(values.filter((value) => value !== null && value > 0));
      return [...moments].map((time) => ({ ...event, time: time ?? undefined }));
    }
    const step = frame.fields[0]?.config.interval ?? 0;
    return stretches(times, values, step).map(([time, timeEnd]) => ({
      ...event,
      time,
      ...(timeEnd > time ? { timeEnd, isRegion: true } : {}),
    }));
  });
}

function tags(keys: string | undefined, labels: Record<string, string>): string[] {
  return (keys ?? '')
    .split(',')
    .map((key) => labels[key.trim()])
    .filter((tag): tag is string => Boolean(tag));
}

/** First and last time of each run of non-zero values whose neighbours are a step apart. */
export function stretches(times: number[], values: Array<number | null>, step: number): Array<[number, number]> {
  const runs: Array<[number, number]> = [];
  times.forEach((time, index) => {
    if (!values[index]) {
      return;
    }
    const last = runs.at(-1);
    if (last && time - last[1] <= step) {
      last[1] = time;
    } else {
      runs.push([time, time]);
    }
  });
  return runs;
}
