/** Where a dashboard's links lead. Pure. */
import type { DashboardLink } from '@grafana/schema';
import type { Entry } from './catalogue';

type LinkSettings = Pick<DashboardLink, 'keepTime' | 'includeVars'>;

/** Adds the macros that carry the time range and the variables along. */
export function withMacros(url: string, { keepTime, includeVars }: LinkSettings): string {
  const macros = [keepTime ? '${__url_time_range}' : '', includeVars ? '${__all_variables}' : ''].filter(Boolean);
  if (macros.length === 0) {
    return url;
  }
  return `${url}${url.includes('?') ? '&' : '?'}${macros.join('&')}`;
}

export interface Target {
  title: string;
  url: string;
}

/** The dashboards that a link by tags leads to; a plain link leads to its URL. */
export function targetsOf(link: DashboardLink, catalogue: Entry[]): Target[] {
  if (link.type === 'link') {
    return [{ title: link.title, url: link.url ?? '' }];
  }
  return catalogue
    .filter((entry) => link.tags.every((tag) => entry.tags.includes(tag)))
    .map((entry) => ({ title: entry.title, url: `/d/${entry.uid}` }));
}
