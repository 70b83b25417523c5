import type { Panel, RowPanel } from '@grafana/schema';
import { describe, expect, it } from 'vitest';
import { type Choice, place, type PlacedPanel, type PlacedRow, repeatVariables } from '../src/dashboard/placement';

const choices = (...values: string[]): Choice[] => values.map((value) => ({ value, text: value }));

function panel(id: number, y: number, rest: Partial<Panel> = {}): Panel {
  return { id, type: 'stat', gridPos: { x: 0, y, w: 6, h: 4 }, ...rest };
}

function row(id: number, y: number, rest: Partial<RowPanel> = {}): RowPanel {
  return {
    id,
    type: 'row',
    title: `row ${id}`,
    collapsed: false,
    panels: [],
    gridPos: { x: 0, y, w: 24, h: 1 },
    ...rest,
  };
}

const rows = (placed: Array<PlacedPanel | PlacedRow>) => placed.filter((one) => one.kind === 'row');
const square = ({ x, y, width, height }: PlacedPanel) => [x, y, width, height];

describe('place', () => {
  it('leaves panels that do not repeat where they are', () => {
    const [only] = place([panel(1, 3)], () => []);
    expect(only?.kind === 'panel' && square(only)).toEqual([0, 3, 6, 4]);
  });

  it('gives an expanded row the panels that follow it', () => {
    const placed = rows(place([row(1, 0), panel(2, 1), row(3, 5), panel(4, 6)], () => []));
    expect(placed.map(({ children }) => children.map(({ key }) => key))).toEqual([['panel-2'], ['panel-4']]);
  });

  it('gives a collapsed row the panels inside it and nothing that follows', () => {
    const placed = place([row(1, 0, { collapsed: true, panels: [panel(2, 1)] }), panel(3, 1)], () => []);
    expect(placed.map(({ key }) => key)).toEqual(['row-1', 'panel-3']);
  });

  it('spreads a repeated panel over the width and pushes down what is below', () => {
    const placed = place([panel(1, 0, { repeat: 'service', maxPerRow: 2 }), panel(2, 4)], () => choices('a', 'b', 'c'));
    expect(placed.map((one) => one.kind === 'panel' && square(one))).toEqual([
      [0, 0, 12, 4],
      [12, 0, 12, 4],
      [0, 4, 12, 4],
      [0, 8, 6, 4],
    ]);
  });

  it('stacks a panel that repeats downwards', () => {
    const placed = place([panel(1, 0, { repeat: 'service', repeatDirection: 'v' })], () => choices('a', 'b'));
    expect(placed.map((one) => one.kind === 'panel' && square(one))).toEqual([
      [0, 0, 6, 4],
      [0, 4, 6, 4],
    ]);
  });

  it('repeats a row with its panels, each in its own scope', () => {
    const placed = rows(
      place([row(1, 0, { repeat: 'service' }), panel(2, 1), row(3, 5)], () => choices('auth', 'user')),
    );
    expect(placed.map(({ key, y }) => [key, y])).toEqual([
      ['row-1-service-auth', 0],
      ['row-1-service-user', 5],
      ['row-3', 10],
    ]);
    expect(placed[1]?.children[0]).toMatchObject({
      key: 'panel-2-service-user',
      y: 6,
      scope: { service: { value: 'user' } },
    });
  });

  it('shows no copy while the variable has no value', () => {
    expect(place([panel(1, 0, { repeat: 'service' })], () => [])).toEqual([]);
  });
});

describe('repeatVariables', () => {
  it('names each variable once, also those inside collapsed rows', () => {
    const inside = row(1, 0, { collapsed: true, panels: [panel(2, 1, { repeat: 'pod' })] });
    expect(repeatVariables([inside, panel(3, 2, { repeat: 'service' }), panel(4, 3, { repeat: 'pod' })])).toEqual([
      'pod',
      'service',
    ]);
  });
});
