/** A dashboard's JSON as a scene: what Grafana's core does when it opens one. */
import {
  behaviors,
  dataLayers,
  EmbeddedScene,
  LocalValueVariable,
  SceneControlsSpacer,
  SceneDataLayerSet,
  SceneDataTransformer,
  SceneGridItem,
  type SceneGridItemLike,
  SceneGridLayout,
  SceneGridRow,
  SceneQueryRunner,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  SceneVariableSet,
  VariableValueSelectors,
  VizPanel,
} from '@grafana/scenes';
import type { DataTransformerConfig } from '@grafana/data';
import type { Dashboard, Panel } from '@grafana/schema';
import { AnnotationSwitches } from './annotationSwitches';
import type { Entry } from './catalogue';
import { DashboardLinks, PanelLinks } from './links';
import { place, type PlacedPanel, type PlacedRow, repeatVariables, type Scope } from './placement';
import { repeatBehavior } from './repeats';
import { toSceneVariable } from './variables';

export function toScene(dashboard: Dashboard, catalogue: Entry[]): EmbeddedScene {
  const panels = dashboard.panels ?? [];
  const repeats = repeatVariables(panels).length > 0;
  const { from = 'now-6h', to = 'now' } = dashboard.time ?? {};
  return new EmbeddedScene({
    $timeRange: new SceneTimeRange({ from, to, timeZone: dashboard.timezone || undefined }),
    $variables: new SceneVariableSet({ variables: (dashboard.templating?.list ?? []).map(toSceneVariable) }),
    $data: annotationLayers(dashboard),
    $behaviors: [new behaviors.CursorSync({ sync: dashboard.graphTooltip ?? 0 })],
    controls: [
      new VariableValueSelectors({}),
      new AnnotationSwitches({}),
      new SceneControlsSpacer(),
      new DashboardLinks({ links: dashboard.links ?? [], catalogue }),
      new SceneTimePicker({}),
      new SceneRefreshPicker({ refresh: dashboard.refresh ?? '', withText: false }),
    ],
    body: new SceneGridLayout({
      isDraggable: false,
      isLazy: false,
      children: repeats ? [] : place(panels, () => []).map(gridItem),
      $behaviors: repeats ? [repeatBehavior(panels, gridItem)] : [],
    }),
  });
}

/** Grafana's built-in list holds annotations kept in Grafana's own database, which is not here. */
function annotationLayers(dashboard: Dashboard): SceneDataLayerSet {
  const queries = (dashboard.annotations?.list ?? []).filter((annotation) => !annotation.builtIn);
  return new SceneDataLayerSet({
    layers: queries.map((query) => {
      const { name, enable, hide } = query;
      return new dataLayers.AnnotationsDataLayer({
        key: `annotation-${name}`,
        name,
        query,
        isEnabled: enable,
        isHidden: Boolean(hide),
      });
    }),
  });
}

function gridItem(placed: PlacedPanel | PlacedRow): SceneGridItemLike {
  if (placed.kind === 'panel') {
    return panelItem(placed);
  }
  return new SceneGridRow({
    key: placed.key,
    title: placed.title,
    isCollapsed: placed.collapsed,
    y: placed.y,
    $variables: scopeVariables(placed.scope),
    children: placed.children.map(panelItem),
  });
}

function panelItem({ key, panel, scope, x, y, width, height }: PlacedPanel): SceneGridItem {
  return new SceneGridItem({
    key: `grid-${key}`,
    x,
    y,
    width,
    height,
    $variables: scopeVariables(scope),
    body: toVizPanel(key, panel),
  });
}

function scopeVariables(scope: Scope): SceneVariableSet | undefined {
  const variables = Object.entries(scope).map(
    ([name, { value, text }]) => new LocalValueVariable({ name, value, text }),
  );
  return variables.length > 0 ? new SceneVariableSet({ variables }) : undefined;
}

function toVizPanel(key: string, panel: Panel): VizPanel {
  return new VizPanel({
    key,
    title: panel.title ?? '',
    description: panel.description,
    pluginId: panel.type,
    options: panel.options ?? {},
    fieldConfig: (panel.fieldConfig ?? { defaults: {}, overrides: [] }) as VizPanel['state']['fieldConfig'],
    displayMode: panel.transparent ? 'transparent' : 'default',
    hoverHeader: !panel.title,
    titleItems: panel.links?.length ? new PanelLinks({ links: panel.links }) : undefined,
    $data: dataOf(panel),
  });
}

function dataOf(panel: Panel): SceneQueryRunner | SceneDataTransformer | undefined {
  if (!panel.targets?.length) {
    return undefined;
  }
  const runner = new SceneQueryRunner({
    datasource: panel.datasource,
    queries: panel.targets as unknown as SceneQueryRunner['state']['queries'],
    maxDataPoints: panel.maxDataPoints,
    maxDataPointsFromWidth: true,
    minInterval: panel.interval,
    dataLayerFilter: panel.id === undefined ? undefined : { panelId: panel.id },
  });
  return panel.transformations?.length
    ? new SceneDataTransformer({ $data: runner, transformations: panel.transformations as DataTransformerConfig[] })
    : runner;
}
