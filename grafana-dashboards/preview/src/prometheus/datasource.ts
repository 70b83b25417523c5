/** PromQL for scenes, with the step, interval and variable rules of Grafana's Prometheus data source. */
import {
  type AnnotationSupport,
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  type LegacyMetricFindQueryOptions,
  type MetricFindValue,
  rangeUtil,
  type ScopedVars,
} from '@grafana/data';
import { RuntimeDataSource, SafeSerializableSceneObject, sceneGraph, type SceneObject } from '@grafana/scenes';
import { of } from 'rxjs';
import { annotationEvents, annotationQuery, type PromAnnotation } from './annotations';
import { prometheus, type Range } from './api';
import { toExemplarFrame } from './exemplars';
import { toFrames } from './frames';
import { formatValue } from './interpolation';
import type { PromQuery } from './query';
import { seriesName } from './series';
import { queryStep, rateInterval } from './step';
import { parseVariableQuery } from './variableQuery';

const DEFAULT_POINTS = 500;
const MAX_EXEMPLARS = 60;

export class PrometheusDataSource extends RuntimeDataSource {
  readonly annotations: AnnotationSupport = {
    prepareAnnotation: (json: PromAnnotation) => json,
    prepareQuery: (annotation) => annotationQuery(annotation as PromAnnotation),
    processEvents: (annotation, frames) => of(annotationEvents(annotation as PromAnnotation, frames)),
  };

  /** @param scrapeInterval seconds, what the data source's settings hold in Grafana */
  constructor(
    uid: string,
    private readonly scrapeInterval: number,
  ) {
    super('prometheus', uid);
  }

  override async query(request: DataQueryRequest): Promise<DataQueryResponse> {
    const shown = (request.targets as PromQuery[]).filter((query) => !query.hide && query.expr);
    const frames = await Promise.all(shown.map((query) => this.run(query, request)));
    return { data: frames.flat(), key: request.requestId };
  }

  private async run(query: PromQuery, request: DataQueryRequest): Promise<DataFrame[]> {
    const { scopedVars, range } = request;
    const from = range.from.valueOf() / 1000;
    const to = range.to.valueOf() / 1000;
    const scrape = query.interval ? seconds(interpolate(query.interval, scopedVars)) : this.scrapeInterval;
    const step =
      queryStep({
        span: to - from,
        maxPoints: request.maxDataPoints ?? DEFAULT_POINTS,
        interval: request.intervalMs / 1000,
        minStep: scrape,
      }) * (query.intervalFactor ?? 1);
    const expr = interpolate(query.expr, { ...scopedVars, ...timeMacros(step, scrape, to - from) });
    const asked = {
      query,
      expr,
      interpolate: (text: string) => interpolate(text, scopedVars),
      amongOthers: request.targets.length > 1,
    };
    const aligned: Range = { start: Math.floor(from / step) * step, end: Math.floor(to / step) * step };

    const frames: DataFrame[] = [];
    if (query.instant) {
      frames.push(...toFrames(await prometheus.query(expr, to), { ...asked, step: 0 }));
    }
    if (query.range || !query.instant) {
      frames.push(...toFrames(await prometheus.queryRange(expr, aligned, step), { ...asked, step }));
    }
    if (query.exemplar) {
      const found = toExemplarFrame(
        await prometheus.exemplars(expr, { start: from, end: to }),
        query.refId,
        MAX_EXEMPLARS,
      );
      frames.push(...(found ? [found] : []));
    }
    return frames;
  }

  override async metricFindQuery(
    query: string | { query: string },
    options: LegacyMetricFindQueryOptions = {},
  ): Promise<MetricFindValue[]> {
    const text = interpolate(typeof query === 'string' ? query : query.query, options.scopedVars ?? {});
    const parsed = parseVariableQuery(text);
    const now = Date.now() / 1000;
    const range: Range = {
      start: options.range ? options.range.from.valueOf() / 1000 : now - 3600,
      end: options.range ? options.range.to.valueOf() / 1000 : now,
    };
    return (await find(parsed, range)).map((value) => ({ text: value }));
  }
}

async function find(query: ReturnType<typeof parseVariableQuery>, range: Range): Promise<string[]> {
  switch (query.kind) {
    case 'labelValues':
      return prometheus.labelValues(query.label, query.selector, range);
    case 'labelNames':
      return prometheus.labelNames(query.selector, range);
    case 'metrics': {
      const pattern = new RegExp(query.pattern);
      return (await prometheus.labelValues('__name__', undefined, range)).filter((name) => pattern.test(name));
    }
    case 'queryResult': {
      const data = await prometheus.query(query.expr, range.end);
      const series = data.resultType === 'scalar' ? [{ metric: {}, value: data.result }] : data.result;
      return series.map(({ metric, value }) => `${seriesName(metric)} ${value?.[1]} ${(value?.[0] ?? 0) * 1000}`);
    }
  }
}

/** The scene object that a request comes from, through which its variables are found. */
function sceneObject(scopedVars: ScopedVars): SceneObject {
  const wrapped: unknown = scopedVars.__sceneObject?.value;
  if (!(wrapped instanceof SafeSerializableSceneObject)) {
    throw new Error('a query came without the scene object it belongs to');
  }
  return wrapped.valueOf() as SceneObject;
}

function interpolate(text: string, scopedVars: ScopedVars): string {
  return sceneGraph.interpolate(sceneObject(scopedVars), text, scopedVars, formatValue);
}

function seconds(duration: string): number {
  return rangeUtil.intervalToSeconds(duration.replace(/^>/, ''));
}

function timeMacros(step: number, scrape: number, span: number): ScopedVars {
  const rate = rateInterval(step, scrape);
  const whole = Math.round(span);
  const values: Record<string, string | number> = {
    __interval: `${step}s`,
    __interval_ms: step * 1000,
    __rate_interval: `${rate}s`,
    __rate_interval_ms: rate * 1000,
    __range: `${whole}s`,
    __range_s: whole,
    __range_ms: whole * 1000,
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value, text: String(value) }]));
}
