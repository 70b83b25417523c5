/**
 * Which options each panel type knows. The libraries drop an unknown one without a word, so that a dashboard would look
 * right here and different in Grafana, or the other way round; this tells of them.
 */

const STANDARD = new Set([
  'unit',
  'min',
  'max',
  'fieldMinMax',
  'decimals',
  'displayName',
  'noValue',
  'filterable',
  'description',
  'links',
  'actions',
  'color',
  'mappings',
  'thresholds',
]);

interface Known {
  options: Set<string>;
  custom: Set<string>;
}

const known = new Map<string, Known>();

export function declareOptions(panelType: string, options: string[], custom: string[]): void {
  known.set(panelType, { options: new Set(options), custom: new Set(custom) });
}

interface Configured {
  type: string;
  options?: object;
  fieldConfig?: {
    defaults?: object & { custom?: object };
    overrides?: Array<{ properties: Array<{ id: string }> }>;
  };
}

/** The paths of the options in a panel's JSON that its type does not know. */
export function unknownOptions({ type, options = {}, fieldConfig = {} }: Configured): string[] {
  const type_ = known.get(type);
  if (!type_) {
    return [`type ${type}`];
  }
  const { custom = {}, ...defaults } = fieldConfig.defaults ?? {};
  const overridden = (fieldConfig.overrides ?? []).flatMap(({ properties }) => properties.map(({ id }) => id));
  const isKnown = (id: string) => (id.startsWith('custom.') ? type_.custom.has(topOf(id.slice(7))) : STANDARD.has(id));
  return [
    ...Object.keys(options)
      .filter((id) => !type_.options.has(id))
      .map((id) => `options.${id}`),
    ...Object.keys(defaults).filter((id) => !STANDARD.has(id)),
    ...Object.keys(custom)
      .filter((id) => !type_.custom.has(id))
      .map((id) => `custom.${id}`),
    ...overridden.filter((id) => !isKnown(id)).map((id) => `override ${id}`),
  ];
}

const topOf = (path: string): string => path.split('.')[0] ?? path;
