/** Colour schemes of heatmaps, by the names that Grafana gives them. */
import type { GrafanaTheme2 } from '@grafana/data';
import * as chromatic from 'd3-scale-chromatic';

/** A share of the largest count, 0 to 1, as a colour. */
export type Ramp = (share: number) => string;

interface Scheme {
  scheme: string;
  reverse: boolean;
  /** Below 1 it lifts small counts out of the background. */
  exponent: number;
}

/** These go from light to dark, which on a dark panel has to be the other way round. */
const SEQUENTIAL = new Set([
  'Blues',
  'Greens',
  'Greys',
  'Oranges',
  'Purples',
  'Reds',
  'BuGn',
  'BuPu',
  'GnBu',
  'OrRd',
  'PuBu',
  'YlGn',
  'YlGnBu',
  'YlOrBr',
  'YlOrRd',
]);

export function heatmapRamp({ scheme, reverse, exponent }: Scheme, theme: GrafanaTheme2): Ramp {
  const interpolate: unknown = (chromatic as Record<string, unknown>)[`interpolate${scheme}`];
  if (typeof interpolate !== 'function') {
    throw new Error(`no colour scheme is called ${scheme}`);
  }
  const turned = reverse !== (theme.isDark && SEQUENTIAL.has(scheme));
  return (share) => {
    const place = share ** exponent;
    return interpolate(turned ? 1 - place : place);
  };
}
