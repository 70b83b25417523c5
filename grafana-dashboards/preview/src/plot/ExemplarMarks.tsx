/** Exemplars on a plot: a diamond at each observation, which leads to its trace. */
import { dateTimeFormat, type Field, formattedValueToString, type InterpolateFunction } from '@grafana/data';
import { Tooltip, type UPlotConfigBuilder, useTheme2 } from '@grafana/ui';
import { createPortal } from 'react-dom';
import type uPlot from 'uplot';
import type { Exemplar } from '../prometheus/exemplars';
import { usePlot } from './usePlot';

interface Props {
  config: UPlotConfigBuilder;
  exemplars: Exemplar[];
  timeZone: string;
  /** The field whose unit the values have. */
  field?: Field;
  replaceVariables: InterpolateFunction;
  /** A value's place on the y scale, where the scale does not hold values themselves. */
  toScale?: (value: number) => number;
}

const SIZE = 7;
/** They tell of the bucket, not of the observation. */
const BUCKET_LABELS = new Set(['__name__', 'le']);
/** The dashboard's variable that holds Jaeger's address. */
const JAEGER = '${jaeger}';

export function ExemplarMarks({ config, exemplars, timeZone, field, replaceVariables, toScale }: Props) {
  const theme = useTheme2();
  const plot = usePlot(config);
  const scale = plot && yScale(plot);
  if (!plot || !scale) {
    return null;
  }
  const { clientWidth: width, clientHeight: height } = plot.over;
  const base = replaceVariables(JAEGER);
  const marks = exemplars.map((exemplar, index) => {
    const left = plot.valToPos(exemplar.time, 'x');
    const top = plot.valToPos(toScale ? toScale(exemplar.value) : exemplar.value, scale);
    if (left < 0 || left > width) {
      return null;
    }
    const trace = exemplar.traceId && base !== JAEGER ? `${base}/trace/${exemplar.traceId}` : undefined;
    const style = {
      position: 'absolute' as const,
      left: left - SIZE / 2,
      top: Math.min(Math.max(top, 0), height) - SIZE / 2,
      width: SIZE,
      height: SIZE,
      transform: 'rotate(45deg)',
      background: theme.visualization.getColorByName('semi-dark-purple'),
      border: `1px solid ${theme.colors.background.primary}`,
      pointerEvents: 'auto' as const,
    };
    return (
      <Tooltip key={index} content={<Label exemplar={exemplar} field={field} timeZone={timeZone} />}>
        {trace ? (
          <a href={trace} target="_blank" rel="noreferrer" aria-label={`trace ${exemplar.traceId}`} style={style} />
        ) : (
          <span style={style} />
        )}
      </Tooltip>
    );
  });
  return createPortal(marks, plot.over);
}

/** The scale of the first series; uPlot names scales that nothing is drawn on, too. */
const yScale = (plot: uPlot): string | undefined => plot.series[1]?.scale;

function Label({ exemplar, field, timeZone }: { exemplar: Exemplar; field?: Field; timeZone: string }) {
  const value = field?.display ? formattedValueToString(field.display(exemplar.value)) : String(exemplar.value);
  return (
    <div>
      <strong>{value}</strong>
      <div>{dateTimeFormat(exemplar.time, { timeZone })}</div>
      {Object.entries(exemplar.labels)
        .filter(([name, text]) => text !== '' && !BUCKET_LABELS.has(name))
        .map(([name, text]) => (
          <div key={name}>
            {name}: {text}
          </div>
        ))}
    </div>
  );
}
