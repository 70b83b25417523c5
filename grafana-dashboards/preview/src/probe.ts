/** What a test asks the page, as `window.panels()`, `window.variables()` and `window.annotations()`. */
import { type DataFrame, FieldType, LoadingState } from '@grafana/data';
import {
  dataLayers,
  type EmbeddedScene,
  MultiValueVariable,
  sceneGraph,
  SceneVariableSet,
  VizPanel,
} from '@grafana/scenes';
import type { Dashboard } from '@grafana/schema';
import { isRow } from './dashboard/placement';
import { unknownOptions } from './panels/options';
import { readAnnotations } from './plot/annotationEvents';
import { readExemplars } from './prometheus/exemplars';

export interface PanelReport {
  key: string;
  type: string;
  title: string;
  /** The title with its variables unfilled. */
  template: string;
  state: string;
  error?: string;
  series: number;
  /** Finite numbers; the rows of a table without numbers. */
  points: number;
  exemplars: number;
  /** Annotation events that reached the panel. */
  events: number;
  queries: string[];
  unknownOptions: string[];
}

export interface VariableReport {
  name: string;
  value: string;
  values: number;
  loading: boolean;
  error?: string;
}

export interface AnnotationReport {
  name: string;
  error?: string;
  events: number;
}

declare global {
  interface Window {
    panels?: () => PanelReport[];
    variables?: () => VariableReport[];
    annotations?: () => AnnotationReport[];
  }
}

export function installProbe(scene: EmbeddedScene, dashboard: Dashboard): void {
  const unknown = new Map(
    (dashboard.panels ?? [])
      .flatMap((panel) => (isRow(panel) ? panel.panels : [panel]))
      .map((panel) => [panel.id, unknownOptions(panel as Parameters<typeof unknownOptions>[0])]),
  );
  window.panels = () =>
    sceneGraph.findAllObjects(scene, isPanel).map((panel) => panelReport(panel as VizPanel, unknown));
  window.variables = () => variableReports(scene);
  window.annotations = () =>
    sceneGraph
      .findAllObjects(scene, (object) => object instanceof dataLayers.AnnotationsDataLayer)
      .map((layer) => annotationReport(layer as dataLayers.AnnotationsDataLayer));
}

const isPanel = (object: unknown) => object instanceof VizPanel;

function panelReport(panel: VizPanel, unknown: Map<number | undefined, string[]>): PanelReport {
  const { key = '', pluginId, title, $data } = panel.state;
  const data = $data?.state.data;
  const frames = data?.series ?? [];
  return {
    key,
    type: pluginId,
    title: sceneGraph.interpolate(panel, title),
    template: title,
    state: $data ? (data?.state ?? LoadingState.NotStarted) : LoadingState.Done,
    error: panel.state._pluginLoadError ?? data?.errors?.[0]?.message,
    series: frames.length,
    points: frames.reduce((sum, frame) => sum + points(frame), 0),
    exemplars: readExemplars(data?.annotations).length,
    events: readAnnotations(data?.annotations).length,
    queries: [...new Set(frames.map(({ meta }) => meta?.executedQueryString ?? ''))],
    unknownOptions: unknown.get(Number(/^panel-(\d+)/.exec(key)?.[1])) ?? [],
  };
}

function points(frame: DataFrame): number {
  const columns = frame.fields.filter(({ type }) => type === FieldType.number);
  if (columns.length === 0) {
    return frame.length;
  }
  return columns.reduce((sum, { values }) => sum + values.filter((value) => Number.isFinite(value)).length, 0);
}

function variableReports(scene: EmbeddedScene): VariableReport[] {
  const set = scene.state.$variables;
  const variables = set instanceof SceneVariableSet ? set.state.variables : [];
  return variables.map((variable) => ({
    name: variable.state.name,
    value: String(variable.getValueText?.() ?? variable.getValue()),
    values: variable instanceof MultiValueVariable ? variable.state.options.length : 1,
    loading: sceneGraph.hasVariableDependencyInLoadingState(scene) || Boolean(variable.state.loading),
    error: variable.state.error ? String(variable.state.error) : undefined,
  }));
}

function annotationReport(layer: dataLayers.AnnotationsDataLayer): AnnotationReport {
  const { name, data } = layer.state;
  return {
    name,
    error: data?.errors?.[0]?.message,
    events: data?.series.reduce((sum, frame) => sum + frame.length, 0) ?? 0,
  };
}
