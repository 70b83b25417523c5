/** Lays a dashboard's panels out again whenever a variable that repeats them has new values. */
import { sceneGraph, type SceneGridLayout, type SceneGridItemLike } from '@grafana/scenes';
import type { Unsubscribable } from 'rxjs';
import {
  type Choice,
  type DashboardPanel,
  place,
  type PlacedPanel,
  type PlacedRow,
  repeatVariables,
} from './placement';
import { choices } from './variables';

type Build = (placed: PlacedPanel | PlacedRow) => SceneGridItemLike;

export function repeatBehavior(panels: DashboardPanel[], build: Build) {
  return (layout: SceneGridLayout) => {
    const variables = repeatVariables(panels).map((name) => {
      const variable = sceneGraph.lookupVariable(name, layout);
      if (!variable) {
        throw new Error(`a panel repeats by ${name}, which is no variable of this dashboard`);
      }
      return variable;
    });
    let shown = '';
    const refresh = () => {
      const chosen = new Map<string, Choice[]>(variables.map((one) => [one.state.name, choices(one)]));
      const signature = JSON.stringify([...chosen]);
      if (signature !== shown) {
        shown = signature;
        layout.setState({ children: place(panels, (name) => chosen.get(name) ?? []).map(build) });
      }
    };
    refresh();
    const subscriptions: Unsubscribable[] = variables.map((variable) => variable.subscribeToState(refresh));
    return () => subscriptions.forEach((subscription) => subscription.unsubscribe());
  };
}
