/** Runs a data source's query and tells its progress, as Grafana's core does for the libraries. */
import {
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  DataTopic,
  LoadingState,
  type PanelData,
  toDataFrame,
} from '@grafana/data';
import type { RunRequest } from './types';
import { catchError, concat, from, isObservable, map, type Observable, of } from 'rxjs';

export const runRequest: RunRequest = (datasource, request, queryFunction) => {
  const empty: PanelData = { state: LoadingState.Loading, series: [], timeRange: request.range, request };
  const answer = queryFunction ? queryFunction(request) : datasource.query(request);
  const results: Observable<DataQueryResponse> = isObservable(answer) ? answer : from(answer);
  return concat(
    of(empty),
    results.pipe(
      map((response) => panelData(response, request)),
      catchError((error: unknown) => of(failed(empty, error))),
    ),
  );
};

function panelData(response: DataQueryResponse, request: DataQueryRequest): PanelData {
  const frames: DataFrame[] = response.data.map((frame) => toDataFrame(frame));
  const isAnnotation = (frame: DataFrame) => frame.meta?.dataTopic === DataTopic.Annotations;
  return {
    state: response.state ?? LoadingState.Done,
    series: frames.filter((frame) => !isAnnotation(frame)),
    annotations: frames.filter(isAnnotation),
    errors: response.errors,
    timeRange: request.range,
    request,
  };
}

function failed(empty: PanelData, error: unknown): PanelData {
  const message = error instanceof Error ? error.message : String(error);
  return { ...empty, state: LoadingState.Error, errors: [{ message }] };
}
