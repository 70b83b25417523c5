import { describe, expect, it } from 'vitest';
import { parseRoute, withTheme } from '../src/route';

describe('parseRoute', () => {
  it('is the list without a dashboard', () => {
    expect(parseRoute('/', '')).toEqual({ uid: undefined, kiosk: false, refresh: undefined, scrapeInterval: 15 });
  });

  it('reads a dashboard as Grafana names it', () => {
    expect(parseRoute('/d/bot-gateway-slo/the-slug', '?kiosk&scrape=30&refresh=')).toEqual({
      uid: 'bot-gateway-slo',
      kiosk: true,
      refresh: '',
      scrapeInterval: 30,
    });
  });

  it('refuses a scrape interval that is no number', () => {
    expect(() => parseRoute('/', '?scrape=soon')).toThrow('no number of seconds');
  });
});

describe('withTheme', () => {
  it('keeps the other parameters', () => {
    expect(withTheme('http://localhost/d/a?from=now-1h&theme=dark', 'light')).toBe('/d/a?from=now-1h&theme=light');
  });
});
