/** Annotation events out of the frames that scenes hand to a panel. */
import type { DataFrame } from '@grafana/data';

export interface Event {
  time: number;
  timeEnd?: number;
  color: string;
  title: string;
  text: string;
  tags: string[];
}

export function readAnnotations(frames: DataFrame[] | undefined): Event[] {
  return (frames ?? [])
    .filter((frame) => frame.meta?.custom?.resultType === undefined)
    .flatMap((frame) => {
      const column = (name: string) => frame.fields.find((field) => field.name === name)?.values;
      const [time, timeEnd, color, title, text, tags] = ['time', 'timeEnd', 'color', 'title', 'text', 'tags'].map(
        column,
      );
      return Array.from({ length: frame.length }, (_, row) => ({
        time: time?.[row],
        timeEnd: timeEnd?.[row] || undefined,
        color: color?.[row] ?? 'red',
        title: title?.[row] ?? '',
        text: text?.[row] ?? '',
        tags: tags?.[row] ?? [],
      }));
    })
    .filter((event) => event.time !== undefined);
}
