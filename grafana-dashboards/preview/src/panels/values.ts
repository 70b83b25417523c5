/** The reduced values of a panel that shows one number a series. */
import { type FieldDisplay, getFieldDisplayValues, type PanelProps, type ReduceDataOptions } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';

export const LAST_VALUE: ReduceDataOptions = { values: false, calcs: ['lastNotNull'], fields: '' };

interface Options {
  reduceOptions: ReduceDataOptions;
  showPercentChange?: boolean;
}

export function useFieldValues<T extends Options>(props: PanelProps<T>, sparkline: boolean): () => FieldDisplay[] {
  const { fieldConfig, options, replaceVariables, data, timeZone } = props;
  const theme = useTheme2();
  return () =>
    getFieldDisplayValues({
      fieldConfig,
      reduceOptions: options.reduceOptions,
      replaceVariables,
      theme,
      data: data.series,
      timeZone,
      sparkline,
      percentChange: options.showPercentChange,
    });
}
