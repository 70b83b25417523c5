/** The page's address: `/` lists the dashboards, `/d/UID` shows one, as in Grafana. Pure. */

export interface Route {
  uid?: string;
  /** Hides everything but the dashboard. */
  kiosk: boolean;
  /** How often to ask again, such as "30s"; empty for never; none for what the dashboard says. */
  refresh?: string;
  /** The scrape interval that Grafana's data source would be set to, seconds. */
  scrapeInterval: number;
}

const DEFAULT_SCRAPE_INTERVAL = 15;

export function parseRoute(pathname: string, search: string): Route {
  const parameters = new URLSearchParams(search);
  const uid = /^\/d\/([^/]+)/.exec(pathname)?.[1];
  const scrape = Number(parameters.get('scrape') ?? DEFAULT_SCRAPE_INTERVAL);
  if (!(scrape > 0)) {
    throw new Error(`scrape=${parameters.get('scrape')} is no number of seconds`);
  }
  return {
    uid: uid && decodeURIComponent(uid),
    kiosk: parameters.has('kiosk'),
    refresh: parameters.get('refresh') ?? undefined,
    scrapeInterval: scrape,
  };
}

/** The same page in the other theme. */
export function withTheme(href: string, theme: 'dark' | 'light'): string {
  const url = new URL(href);
  url.searchParams.set('theme', theme);
  return url.pathname + url.search;
}
