import type { DataQuery } from '@grafana/schema';

/** A panel's target as the dashboard JSON holds it. */
export interface PromQuery extends DataQuery {
  expr: string;
  instant?: boolean;
  range?: boolean;
  exemplar?: boolean;
  format?: 'time_series' | 'table' | 'heatmap';
  legendFormat?: string;
  /** Smallest step, as a duration such as "30s"; may hold a variable. */
  interval?: string;
  intervalFactor?: number;
}
