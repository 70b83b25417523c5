/** Where each panel stands once rows and panels that repeat by a variable are spread out. Pure. */
import type { Dashboard, Panel, RowPanel } from '@grafana/schema';

export type DashboardPanel = NonNullable<Dashboard['panels']>[number];

/** One value of a repeat variable. */
export interface Choice {
  value: string;
  text: string;
}

/** The values that repeat variables have inside a repeated row or panel. */
export type Scope = Record<string, Choice>;

export interface PlacedPanel {
  kind: 'panel';
  key: string;
  panel: Panel;
  scope: Scope;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedRow {
  kind: 'row';
  key: string;
  title: string;
  collapsed: boolean;
  scope: Scope;
  y: number;
  children: PlacedPanel[];
}

const COLUMNS = 24;
const ROW_HEIGHT = 1;
const DEFAULT_MAX_PER_ROW = 4;

interface Section {
  row?: RowPanel;
  panels: Panel[];
}

export function isRow(panel: DashboardPanel): panel is RowPanel {
  return panel.type === 'row';
}

/** An expanded row owns the panels that follow it, a collapsed one those inside it. */
function sections(panels: DashboardPanel[]): Section[] {
  const found: Section[] = [{ panels: [] }];
  for (const panel of panels) {
    if (isRow(panel)) {
      found.push({ row: panel, panels: [...panel.panels] });
      if (panel.collapsed) {
        found.push({ panels: [] });
      }
    } else {
      found.at(-1)?.panels.push(panel);
    }
  }
  return found.filter((section) => section.row || section.panels.length > 0);
}

/** @param choicesOf the chosen values of a variable; none yet while it loads */
export function place(
  panels: DashboardPanel[],
  choicesOf: (variable: string) => Choice[],
): Array<PlacedPanel | PlacedRow> {
  const placed: Array<PlacedPanel | PlacedRow> = [];
  let shift = 0;
  for (const { row, panels: own } of sections(panels)) {
    if (!row) {
      const { items, grown } = spread(own, {}, shift, '', choicesOf);
      placed.push(...items);
      shift += grown;
      continue;
    }
    const top = row.gridPos?.y ?? 0;
    const scopes: Scope[] = row.repeat ? choicesOf(row.repeat).map((choice) => ({ [row.repeat ?? '']: choice })) : [{}];
    let copies = 0;
    for (const scope of scopes) {
      const suffix = keySuffix(scope);
      const { items, grown } = spread(own, scope, shift, suffix, choicesOf);
      placed.push({
        kind: 'row',
        key: `row-${row.id}${suffix}`,
        title: row.title ?? '',
        collapsed: row.collapsed,
        scope,
        y: top + shift,
        children: items,
      });
      copies += 1;
      shift += grown + (copies < scopes.length ? heightOf(own, row) : 0);
    }
  }
  return placed;
}

function heightOf(panels: Panel[], row: RowPanel): number {
  const top = row.gridPos?.y ?? 0;
  const bottoms = panels.map(({ gridPos }) => (gridPos ? gridPos.y + gridPos.h - top : 0));
  return Math.max(ROW_HEIGHT, ...(row.collapsed ? [] : bottoms));
}

const keySuffix = (scope: Scope): string =>
  Object.entries(scope)
    .map(([name, choice]) => `-${name}-${choice.value}`)
    .join('');

function spread(
  panels: Panel[],
  scope: Scope,
  shift: number,
  suffix: string,
  choicesOf: (variable: string) => Choice[],
) {
  const items: PlacedPanel[] = [];
  const growth: Array<{ below: number; by: number }> = [];
  const inOrder = [...panels].sort((a, b) => (a.gridPos?.y ?? 0) - (b.gridPos?.y ?? 0));
  for (const panel of inOrder) {
    const { x, y, w, h } = panel.gridPos ?? { x: 0, y: 0, w: COLUMNS / 2, h: 8 };
    const grown = growth.filter(({ below }) => y >= below).reduce((sum, { by }) => sum + by, 0);
    const base = { kind: 'panel' as const, panel, y: y + shift + grown, height: h };
    const { repeat } = panel;
    if (!repeat) {
      items.push({ ...base, key: `panel-${panel.id}${suffix}`, scope, x, width: w });
      continue;
    }
    const choices = choicesOf(repeat);
    const down = panel.repeatDirection === 'v';
    const columns = down ? 1 : Math.max(1, Math.min(choices.length, panel.maxPerRow ?? DEFAULT_MAX_PER_ROW));
    choices.forEach((choice, index) => {
      const own = { ...scope, [repeat]: choice };
      items.push({
        ...base,
        key: `panel-${panel.id}${keySuffix(own)}`,
        scope: own,
        x: down ? x : (index % columns) * (COLUMNS / columns),
        y: base.y + Math.floor(index / columns) * h,
        width: down ? w : COLUMNS / columns,
      });
    });
    growth.push({ below: y + h, by: (Math.ceil(choices.length / columns) - 1) * h });
  }
  return { items, grown: growth.reduce((sum, { by }) => sum + Math.max(0, by), 0) };
}

/** The variables whose values decide the placement. */
export function repeatVariables(panels: DashboardPanel[]): string[] {
  const names = panels.flatMap((panel) => [
    panel.repeat,
    ...(isRow(panel) ? panel.panels.map((own) => own.repeat) : []),
  ]);
  return [...new Set(names.filter((name): name is string => Boolean(name)))];
}
