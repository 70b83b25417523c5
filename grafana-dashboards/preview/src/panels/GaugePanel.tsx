/** Dials. @grafana/ui publishes none, so this one is drawn here after the look of Grafana's. */
import {
  type FieldConfig,
  type FieldDisplay,
  formattedValueToString,
  type GrafanaTheme2,
  type PanelProps,
  type ReduceDataOptions,
  ThresholdsMode,
  type VizOrientation,
} from '@grafana/data';
import { FieldColorModeId } from '@grafana/schema';
import { useTheme2, VizRepeater } from '@grafana/ui';
import { arc, type Ring, share } from '../plot/gaugeArc';
import { NoData } from './NoData';
import { declarePanel } from './plugin';
import { LAST_VALUE, useFieldValues } from './values';
import { WithLinks } from './WithLinks';

interface Options {
  showThresholdMarkers: boolean;
  reduceOptions: ReduceDataOptions;
  orientation: VizOrientation;
}

const DEFAULT_MAX = 100;
const TITLE_HEIGHT = 24;
/** Parts of the radius. */
const HOLE = 0.66;
const MARKS = 0.06;
const MARKS_GAP = 0.03;

function GaugePanel(props: PanelProps<Options>) {
  const { data, width, height, options, renderCounter } = props;
  const theme = useTheme2();
  const values = useFieldValues(props, false);
  if (data.series.length === 0) {
    return <NoData {...props} />;
  }
  return (
    <VizRepeater
      source={data}
      getValues={values}
      width={width}
      height={height}
      autoGrid
      renderCounter={renderCounter}
      orientation={options.orientation}
      renderValue={({ value, width, height, count }) => (
        <WithLinks value={value}>
          {(className) => (
            <Dial
              className={className}
              value={value}
              titled={count > 1 || data.series.length > 1}
              marked={options.showThresholdMarkers}
              width={width}
              height={height}
              theme={theme}
            />
          )}
        </WithLinks>
      )}
    />
  );
}

interface DialProps {
  className?: string;
  value: FieldDisplay;
  titled: boolean;
  marked: boolean;
  width: number;
  height: number;
  theme: GrafanaTheme2;
}

function Dial({ className, value: { display, field }, titled, marked, width, height, theme }: DialProps) {
  const title = titled ? display.title : undefined;
  const room = height - (title ? TITLE_HEIGHT : 0);
  const radius = Math.max(10, Math.min(width / 2 - 8, room / 1.55));
  const ring: Ring = {
    x: width / 2,
    y: radius + 4 + Math.max(0, (room - radius * 1.5) / 2),
    inner: radius * HOLE,
    outer: radius * (marked ? 1 - MARKS - MARKS_GAP : 1),
  };
  const filled = share(display.numeric, field.min ?? 0, field.max ?? DEFAULT_MAX);
  const text = formattedValueToString(display);
  const fontSize = Math.min(radius * 0.5, (radius * 1.9) / Math.max(3, text.length));
  return (
    <svg className={className} width={width} height={height} style={{ fontFamily: theme.typography.fontFamily }}>
      <path d={arc(ring, 0, 1)} fill={theme.colors.background.secondary} />
      {filled > 0 && <path d={arc(ring, 0, filled)} fill={display.color} />}
      {marked &&
        thresholdSections(field).map(({ from, to, color }) => (
          <path
            key={from}
            d={arc({ ...ring, inner: radius * (1 - MARKS), outer: radius }, from, to)}
            fill={theme.visualization.getColorByName(color)}
          />
        ))}
      <text
        x={ring.x}
        y={ring.y + fontSize * 0.3}
        textAnchor="middle"
        fontSize={fontSize}
        fontWeight={500}
        fill={display.color}
      >
        {text}
      </text>
      {title && (
        <text x={ring.x} y={height - 6} textAnchor="middle" fontSize={14} fill={theme.colors.text.primary}>
          {title}
        </text>
      )}
    </svg>
  );
}

function thresholdSections({
  thresholds,
  min = 0,
  max = DEFAULT_MAX,
}: FieldConfig): Array<{ from: number; to: number; color: string }> {
  const percent = thresholds?.mode === ThresholdsMode.Percentage;
  const place = (value: number) => (percent ? share(value, 0, 100) : share(value, min ?? 0, max ?? DEFAULT_MAX));
  const steps = thresholds?.steps ?? [];
  return steps
    .map(({ value, color }, index) => {
      const next = steps[index + 1];
      return { from: index === 0 ? 0 : place(value), to: next ? place(next.value) : 1, color };
    })
    .filter(({ from, to }) => to > from);
}

declarePanel<Options>({
  id: 'gauge',
  component: GaugePanel,
  color: FieldColorModeId.Thresholds,
  options: {
    showThresholdLabels: false,
    showThresholdMarkers: true,
    sizing: 'auto',
    minVizWidth: 75,
    minVizHeight: 75,
    reduceOptions: LAST_VALUE,
    orientation: 'auto',
  },
});
