/** Tables, by the TableNG component of @grafana/ui. */
import { cacheFieldDisplayNames, type PanelProps } from '@grafana/data';
import { FieldColorModeId, TableCellHeight, type TableSortByFieldState } from '@grafana/schema';
import { TableNG } from '@grafana/ui/unstable';
import { NoData } from './NoData';
import { declarePanel } from './plugin';

interface Options {
  frameIndex: number;
  showHeader: boolean;
  showTypeIcons: boolean;
  cellHeight: TableCellHeight;
  sortBy: TableSortByFieldState[];
  enablePagination: boolean;
}

function TablePanel(props: PanelProps<Options>) {
  const { data, width, height, options, timeRange, fieldConfig } = props;
  const frames = data.series.filter(({ fields }) => fields.length > 0);
  const frame = frames[Math.min(options.frameIndex, frames.length - 1)];
  if (!frame || frame.length === 0) {
    return <NoData {...props} />;
  }
  cacheFieldDisplayNames(frames); // TableNG reads the names that this leaves in each field's state.
  return (
    <TableNG
      height={height}
      width={width}
      data={frame}
      noHeader={!options.showHeader}
      showTypeIcons={options.showTypeIcons}
      resizable
      sortBy={options.sortBy}
      cellHeight={options.cellHeight}
      timeRange={timeRange}
      structureRev={data.structureRev}
      enablePagination={options.enablePagination}
      fieldConfig={fieldConfig}
      getActions={() => []}
      transparent={props.transparent}
    />
  );
}

declarePanel<Options>({
  id: 'table',
  component: TablePanel,
  color: FieldColorModeId.Thresholds,
  options: {
    frameIndex: 0,
    showHeader: true,
    showTypeIcons: false,
    cellHeight: TableCellHeight.Sm,
    sortBy: [],
    enablePagination: false,
    footer: undefined,
  },
  custom: {
    width: undefined,
    minWidth: undefined,
    align: 'auto',
    displayMode: undefined,
    cellOptions: { type: 'auto' },
    inspect: false,
    filterable: undefined,
    hidden: undefined,
    hideHeader: undefined,
    hideFrom: { viz: false },
    wrapText: undefined,
    wrapHeaderText: undefined,
    footer: { reducers: [] },
    tooltip: undefined,
  },
});
