/** Variables of the dashboard JSON as scene variables. */
import {
  ConstantVariable,
  CustomVariable,
  DataSourceVariable,
  IntervalVariable,
  MultiValueVariable,
  QueryVariable,
  type SceneVariable,
  TextBoxVariable,
} from '@grafana/scenes';
import type { VariableModel } from '@grafana/schema';
import type { Choice } from './placement';

interface WithInterval extends VariableModel {
  auto?: boolean;
  auto_min?: string;
  auto_count?: number;
}

const asText = (query: VariableModel['query']): string => (typeof query === 'string' ? query : '');

export function toSceneVariable(model: WithInterval): SceneVariable {
  const base = {
    name: model.name,
    label: model.label,
    description: model.description,
    hide: model.hide,
    skipUrlSync: model.skipUrlSync,
  };
  const choice = {
    isMulti: model.multi,
    includeAll: model.includeAll,
    defaultToAll: model.includeAll,
    allValue: model.allValue || undefined,
    value: model.current?.value ?? '',
    text: model.current?.text ?? '',
  };
  switch (model.type) {
    case 'query':
      return new QueryVariable({
        ...base,
        ...choice,
        datasource: model.datasource ?? null,
        query: queryOf(model),
        regex: model.regex,
        sort: model.sort,
        refresh: model.refresh,
      });
    case 'datasource':
      return new DataSourceVariable({ ...base, ...choice, pluginId: asText(model.query), regex: model.regex ?? '' });
    case 'custom':
      return new CustomVariable({ ...base, ...choice, query: asText(model.query) });
    case 'interval':
      return new IntervalVariable({
        ...base,
        value: String(model.current?.value ?? ''),
        intervals: asText(model.query).split(','),
        autoEnabled: model.auto,
        autoMinInterval: model.auto_min,
        autoStepCount: model.auto_count,
      });
    case 'constant':
      return new ConstantVariable({ ...base, value: asText(model.query) });
    case 'textbox':
      return new TextBoxVariable({ ...base, value: String(model.current?.value ?? asText(model.query)) });
    default:
      throw new Error(`variable ${model.name}: type ${model.type} is not covered by the preview`);
  }
}

function queryOf({ name, query }: VariableModel): string | { query: string; refId: string } {
  if (typeof query === 'string') {
    return query;
  }
  if (typeof query?.query === 'string') {
    return { query: query.query, refId: String(query.refId ?? name) };
  }
  throw new Error(`variable ${name} has no query`);
}

/** What is chosen, "All" spelt out. */
export function choices(variable: SceneVariable): Choice[] {
  if (!(variable instanceof MultiValueVariable)) {
    return [];
  }
  if (variable.hasAllValue()) {
    return (variable as MultiValueVariable).state.options.map(({ label, value }) => ({
      value: String(value),
      text: label,
    }));
  }
  const values = [variable.state.value].flat();
  const texts = [variable.state.text].flat();
  return values
    .map((value, index) => ({ value: String(value), text: String(texts[index] ?? value) }))
    .filter(({ value }) => value !== '');
}
