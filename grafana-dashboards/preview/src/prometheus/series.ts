/** Names and numbers of Prometheus series. */
import type { Labels } from './api';

export function seriesName({ __name__ = '', ...labels }: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length > 0 || __name__ === '' ? `${__name__}{${pairs.join(', ')}}` : __name__;
}

/** Fills `{{label}}`; a label that the series lacks leaves nothing, as in Grafana. */
export function fillLabels(template: string, labels: Labels): string {
  return template.replace(/{{\s*(\w+)\s*}}/g, (_, label: string) => labels[label] ?? '');
}

export function legend(template: string | undefined, labels: Labels, expr: string): string {
  if (!template || template === '__auto') {
    const name = seriesName(labels);
    return name === '{}' ? expr : name;
  }
  return fillLabels(template, labels);
}

export function toNumber(value: string): number {
  if (value === '+Inf' || value === '-Inf') {
    return value === '+Inf' ? Infinity : -Infinity;
  }
  return Number(value);
}
