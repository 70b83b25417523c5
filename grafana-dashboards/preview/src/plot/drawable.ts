/** Frames that a line can be drawn of. Pure. */
import { type DataFrame, type Field, FieldType } from '@grafana/data';

/** Those with numbers, and of the numbers the finite: one NaN, a quantile of nothing, would leave the axis no range. */
export function drawable(frames: DataFrame[]): DataFrame[] {
  return frames
    .filter((frame) => frame.length > 0 && frame.fields.some(({ type }) => type === FieldType.number))
    .map((frame) => ({ ...frame, fields: frame.fields.map(finite) }));
}

function finite(field: Field): Field {
  if (field.type !== FieldType.number || field.values.every((value) => value === null || Number.isFinite(value))) {
    return field;
  }
  return { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) };
}
