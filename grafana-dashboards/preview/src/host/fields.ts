/** The standard field options, which Grafana's core registers at start and the libraries only look up. */
import {
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  type FieldConfigPropertyItem,
  identityOverrideProcessor,
  numberOverrideProcessor,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';

export const noEditor = () => null;

type Process = FieldConfigPropertyItem['process'];

function standard(id: string, process: Process, defaultValue?: unknown): FieldConfigPropertyItem {
  return {
    id,
    path: id,
    name: id,
    category: ['Standard options'],
    editor: noEditor,
    override: noEditor,
    process,
    defaultValue,
    shouldApply: () => true,
    getItemsCount: () => 1,
  };
}

const DEFAULT_THRESHOLDS = {
  mode: 'absolute',
  steps: [
    { value: -Infinity, color: 'green' },
    { value: 80, color: 'red' },
  ],
};

export const standardFields = (): FieldConfigPropertyItem[] => [
  standard('unit', unitOverrideProcessor as Process),
  standard('min', numberOverrideProcessor as Process),
  standard('max', numberOverrideProcessor as Process),
  standard('fieldMinMax', identityOverrideProcessor),
  standard('decimals', numberOverrideProcessor as Process),
  standard('displayName', displayNameOverrideProcessor as Process),
  standard('noValue', stringOverrideProcessor as Process),
  standard('filterable', identityOverrideProcessor),
  standard('description', stringOverrideProcessor as Process),
  standard('links', dataLinksOverrideProcessor as Process),
  standard('actions', identityOverrideProcessor),
  standard('color', identityOverrideProcessor),
  standard('mappings', valueMappingsOverrideProcessor as Process, []),
  standard('thresholds', thresholdsOverrideProcessor as Process, DEFAULT_THRESHOLDS),
];
