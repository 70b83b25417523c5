/** Annotations on a plot: a dashed line for a moment, a tinted band for a stretch, a handle that tells what it was. */
import { colorManipulator, dateTimeFormat } from '@grafana/data';
import { type UPlotConfigBuilder, Tooltip, useTheme2 } from '@grafana/ui';
import { createPortal } from 'react-dom';
import type { Event } from './annotationEvents';
import { usePlot } from './usePlot';

interface Props {
  config: UPlotConfigBuilder;
  events: Event[];
  timeZone: string;
}

const HANDLE = 5;

export function AnnotationMarks({ config, events, timeZone }: Props) {
  const theme = useTheme2();
  const plot = usePlot(config);
  if (!plot) {
    return null;
  }
  const { clientWidth: width, clientHeight: height } = plot.over;
  const marks = events.map((event, index) => {
    const left = plot.valToPos(event.time, 'x');
    const right = event.timeEnd ? plot.valToPos(event.timeEnd, 'x') : left;
    if (right < 0 || left > width) {
      return null;
    }
    const from = Math.max(0, left);
    const span = Math.min(width, right) - from;
    const color = theme.visualization.getColorByName(event.color);
    const line = `1px dashed ${color}`;
    return (
      <div key={index} style={{ position: 'absolute', left: from, width: span, top: 0, height, pointerEvents: 'none' }}>
        <div
          style={{
            height,
            borderLeft: left >= 0 ? line : undefined,
            borderRight: span > 0 && right <= width ? line : undefined,
            background: span > 0 ? colorManipulator.alpha(color, 0.1) : undefined,
          }}
        />
        <Tooltip content={<Label event={event} timeZone={timeZone} />}>
          <div style={{ ...handle(span), background: color }} />
        </Tooltip>
      </div>
    );
  });
  return createPortal(marks, plot.over);
}

const handle = (span: number) => ({
  position: 'absolute' as const,
  bottom: -HANDLE,
  left: span > HANDLE ? 0 : -HANDLE / 2,
  width: Math.max(span, HANDLE),
  height: HANDLE,
  borderRadius: 1,
  pointerEvents: 'auto' as const,
  cursor: 'pointer',
});

function Label({ event, timeZone }: { event: Event; timeZone: string }) {
  const time = (moment: number) => dateTimeFormat(moment, { timeZone });
  return (
    <div>
      <strong>{event.title}</strong>
      <div>{event.timeEnd ? `${time(event.time)} – ${time(event.timeEnd)}` : time(event.time)}</div>
      <div>{event.text}</div>
      <div>{event.tags.join(', ')}</div>
    </div>
  );
}
