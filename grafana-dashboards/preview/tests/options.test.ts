import { beforeAll, describe, expect, it } from 'vitest';
import { declareOptions, unknownOptions } from '../src/panels/options';

beforeAll(() => declareOptions('stat', ['colorMode'], ['hideFrom']));

describe('unknownOptions', () => {
  it('accepts what the type declares and the standard options', () => {
    const fieldConfig = {
      defaults: { unit: 's', custom: { hideFrom: {} } },
      overrides: [{ properties: [{ id: 'links' }, { id: 'custom.hideFrom' }] }],
    };
    expect(unknownOptions({ type: 'stat', options: { colorMode: 'value' }, fieldConfig })).toEqual([]);
  });

  it('names everything else', () => {
    const fieldConfig = {
      defaults: { units: 's', custom: { glow: 1 } },
      overrides: [{ properties: [{ id: 'custom.glow' }] }],
    };
    expect(unknownOptions({ type: 'stat', options: { shine: 1 }, fieldConfig })).toEqual([
      'options.shine',
      'units',
      'custom.glow',
      'override custom.glow',
    ]);
  });

  it('names a type that is not covered', () => {
    expect(unknownOptions({ type: 'piechart' })).toEqual(['type piechart']);
  });
});
