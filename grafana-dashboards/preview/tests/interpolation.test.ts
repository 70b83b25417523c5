import { describe, expect, it } from 'vitest';
import { formatValue } from '../src/prometheus/interpolation';

describe('formatValue', () => {
  it('leaves a single value as a string, with quotes and backslashes escaped', () => {
    expect(formatValue('a"b\\c.d', {})).toBe('a\\"b\\\\c.d');
  });

  it('escapes a value that is matched by a regular expression', () => {
    expect(formatValue('pod-1.a', { multi: true })).toBe('pod-1\\\\.a');
  });

  it('joins several values as alternatives', () => {
    expect(formatValue(['auth', 'user'], { multi: true })).toBe('(auth|user)');
  });

  it('escapes a single value where "All" could be chosen', () => {
    expect(formatValue('a+b', { includeAll: true })).toBe('a\\\\+b');
  });
});
