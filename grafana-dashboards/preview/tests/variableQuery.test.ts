import { describe, expect, it } from 'vitest';
import { parseVariableQuery } from '../src/prometheus/variableQuery';

describe('parseVariableQuery', () => {
  it.each([
    ['label_values(namespace)', { kind: 'labelValues', label: 'namespace', selector: undefined }],
    ['label_values(up{a="b", c=~"d|e"}, pod)', { kind: 'labelValues', label: 'pod', selector: 'up{a="b", c=~"d|e"}' }],
    ['label_names(up)', { kind: 'labelNames', selector: 'up' }],
    ['label_names()', { kind: 'labelNames', selector: undefined }],
    ['metrics(bot_.*)', { kind: 'metrics', pattern: 'bot_.*' }],
    ['query_result(topk(1, up))', { kind: 'queryResult', expr: 'topk(1, up)' }],
  ])('understands %s', (query, expected) => {
    expect(parseVariableQuery(query)).toEqual(expected);
  });

  it('refuses what it does not understand', () => {
    expect(() => parseVariableQuery('up')).toThrow('variable query not understood: up');
  });
});
