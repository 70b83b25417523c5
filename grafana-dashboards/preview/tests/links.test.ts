import type { DashboardLink } from '@grafana/schema';
import { describe, expect, it } from 'vitest';
import { targetsOf, withMacros } from '../src/dashboard/linkTargets';

const link = (rest: Partial<DashboardLink>) => ({ title: 'Other', tags: [], ...rest }) as DashboardLink;
const entry = (uid: string, tags: string[]) => ({ uid, title: uid, description: '', tags, file: `${uid}.json` });

describe('withMacros', () => {
  it('carries time and variables along', () => {
    expect(withMacros('/d/a', { keepTime: true, includeVars: true })).toBe(
      '/d/a?${__url_time_range}&${__all_variables}',
    );
  });

  it('adds to a query that is there', () => {
    expect(withMacros('/d/a?x=1', { keepTime: true, includeVars: false })).toBe('/d/a?x=1&${__url_time_range}');
  });

  it('leaves a plain address alone', () => {
    expect(withMacros('/d/a', { keepTime: false, includeVars: false })).toBe('/d/a');
  });
});

describe('targetsOf', () => {
  it('is the address of a plain link', () => {
    expect(targetsOf(link({ type: 'link', url: '/d/a' }), [])).toEqual([{ title: 'Other', url: '/d/a' }]);
  });

  it('is every dashboard that has all tags', () => {
    const catalogue = [entry('a', ['x', 'y']), entry('b', ['x'])];
    expect(targetsOf(link({ type: 'dashboards', tags: ['x', 'y'] }), catalogue)).toEqual([{ title: 'a', url: '/d/a' }]);
  });
});
