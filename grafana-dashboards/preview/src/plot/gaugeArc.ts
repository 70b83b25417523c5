/** Geometry of a dial of 240 degrees, open at the bottom. Pure. */

const START = -210;
const SWEEP = 240;

export interface Ring {
  x: number;
  y: number;
  inner: number;
  outer: number;
}

function point({ x, y }: Ring, radius: number, share: number): string {
  const angle = ((START + SWEEP * share) * Math.PI) / 180;
  return `${(x + radius * Math.cos(angle)).toFixed(2)},${(y + radius * Math.sin(angle)).toFixed(2)}`;
}

/** The SVG path of the ring's part between two shares of the dial, each 0 to 1. */
export function arc(ring: Ring, from: number, to: number): string {
  const { inner, outer } = ring;
  const large = (to - from) * SWEEP > 180 ? 1 : 0;
  return [
    `M${point(ring, outer, from)}`,
    `A${outer},${outer},0,${large},1,${point(ring, outer, to)}`,
    `L${point(ring, inner, to)}`,
    `A${inner},${inner},0,${large},0,${point(ring, inner, from)}Z`,
  ].join('');
}

export function share(value: number, min: number, max: number): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(0, (value - min) / (max - min))) : 0;
}
