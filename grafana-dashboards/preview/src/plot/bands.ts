/** Stretches of one state, for a timeline. Pure. */

export interface State {
  text: string;
  color: string;
}

export interface Band extends State {
  from: number;
  to: number;
}

interface Points {
  times: number[];
  /** The state at each time; none where there is no value. */
  states: Array<State | undefined>;
  /** How long the last point of a stretch counts, milliseconds. */
  step: number;
  merge: boolean;
}

export function bands({ times, states, step, merge }: Points): Band[] {
  const found: Band[] = [];
  let open: Band | undefined;
  times.forEach((time, index) => {
    const state = states[index];
    if (open) {
      open.to = Math.min(time, open.to);
    }
    if (open && state && merge && open.text === state.text && open.color === state.color) {
      open.to = time + step;
      return;
    }
    open = state && { ...state, from: time, to: time + step };
    if (open) {
      found.push(open);
    }
  });
  return found;
}
