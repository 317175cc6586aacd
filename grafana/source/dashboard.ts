import { DashboardCursorSync, VariableHide, VariableRefresh, VariableSort } from '@grafana/schema';
import type {
  Dashboard,
  Panel,
  Row,
  StatPanel,
  TablePanel,
  TimeSeriesPanel,
  VariableModel,
} from './dashboard-types.ts';
import { DATA_SOURCE } from './data-source.ts';
import type { Unplaced } from './panels.ts';

const TAG = 'skep';
/** Columns of Grafana's grid. */
const WIDTH = 24;
const ROW_HEIGHT = 1;
/** That of Grafana 10.4. */
const SCHEMA_VERSION = 39;

export type UnplacedPanel = Unplaced<TimeSeriesPanel> | Unplaced<StatPanel> | Unplaced<TablePanel>;

/** Panels beside each other, all of one height; their widths share the grid equally. */
export interface Line {
  readonly height: number;
  readonly panels: readonly UnplacedPanel[];
}

/** Lines under a heading that folds them. */
export interface Section {
  readonly title: string;
  readonly lines: readonly Line[];
}

export interface DashboardOptions {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** Default 5 s. */
  readonly refresh?: string;
  readonly sections: readonly Section[];
  readonly variables?: readonly VariableModel[];
}

/** A dashboard whose panels follow each other from left to right and from top to bottom, numbered in that order. */
export function dashboard({
  uid,
  title,
  description,
  refresh = '5s',
  sections,
  variables = [],
}: DashboardOptions): Dashboard {
  return {
    uid,
    title,
    description,
    tags: [TAG],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: false,
    refresh,
    time: { from: 'now-15m', to: 'now' },
    timezone: 'browser',
    timepicker: {},
    graphTooltip: DashboardCursorSync.Crosshair,
    annotations: { list: [] },
    links: [
      {
        type: 'dashboards',
        tags: [TAG],
        title: 'Skep',
        icon: 'external link',
        tooltip: 'The other dashboards, at the same time',
        asDropdown: false,
        includeVars: false,
        keepTime: true,
        targetBlank: false,
        url: '',
      },
    ],
    templating: { list: [...variables] },
    panels: placed(sections),
  };
}

function placed(sections: readonly Section[]): (Panel | Row)[] {
  const panels: (Panel | Row)[] = [];
  let y = 0;
  const nextId = (): number => panels.length + 1;
  for (const { title, lines } of sections) {
    panels.push({
      type: 'row',
      id: nextId(),
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: WIDTH, h: ROW_HEIGHT },
      panels: [],
    });
    y += ROW_HEIGHT;
    for (const { height, panels: beside } of lines) {
      if (WIDTH % beside.length !== 0)
        throw new Error(`${title}: ${beside.length} panels do not share ${WIDTH} columns`);
      const w = WIDTH / beside.length;
      for (const [index, panel] of beside.entries())
        panels.push({ id: nextId(), ...panel, gridPos: { x: index * w, y, w, h: height } });
      y += height;
    }
  }
  return panels;
}

export interface LabelVariable {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly metric: string;
  /** Whose values there are to choose from. */
  readonly of: string;
  /** Several at a time, all to begin with; else one. */
  readonly isMulti: boolean;
}

/** A drop-down that is fed by the values of a label. */
export function labelVariable({
  name,
  label,
  description,
  metric,
  of,
  isMulti,
}: LabelVariable): VariableModel {
  return {
    name,
    label,
    description,
    type: 'query' as const,
    datasource: DATA_SOURCE,
    // 1 is what Grafana's editor calls label values.
    query: {
      qryType: 1,
      query: `label_values(${metric}, ${of})`,
      refId: 'PrometheusVariableQueryEditor-VariableQuery',
    },
    hide: VariableHide.dontHide,
    refresh: VariableRefresh.onTimeRangeChanged,
    sort: VariableSort.alphabeticalAsc,
    multi: isMulti,
    includeAll: isMulti,
    ...(isMulti ? { allValue: '.*', current: { text: ['All'], value: ['$__all'] } } : {}),
    regex: '',
    skipUrlSync: false,
  };
}

export interface Choice {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly values: readonly string[];
  /** One of them. */
  readonly first: string;
}

/** A drop-down of fixed values. */
export function choice({ name, label, description, values, first }: Choice): VariableModel {
  const option = (value: string) => ({ text: value, value, selected: value === first });
  return {
    name,
    label,
    description,
    type: 'custom' as const,
    query: values.join(','),
    options: values.map(option),
    current: option(first),
    hide: VariableHide.dontHide,
    multi: false,
    includeAll: false,
    skipUrlSync: false,
  };
}

export interface ResultVariable {
  readonly name: string;
  readonly description: string;
  readonly query: string;
  /** Whose values in the result it has. */
  readonly of: string;
}

/** Out of sight: all values that a label has in the result of a query, asked anew at each refresh. */
export function resultVariable({ name, description, query, of }: ResultVariable): VariableModel {
  return {
    name,
    description,
    type: 'query' as const,
    datasource: DATA_SOURCE,
    // 3 is what Grafana's editor calls the result of a query.
    query: {
      qryType: 3,
      query: `query_result(${query})`,
      refId: 'PrometheusVariableQueryEditor-VariableQuery',
    },
    regex: `/${of}="([^"]+)"/`,
    hide: VariableHide.hideVariable,
    refresh: VariableRefresh.onTimeRangeChanged,
    sort: VariableSort.disabled,
    multi: true,
    includeAll: true,
    current: { text: ['All'], value: ['$__all'] },
    skipUrlSync: true,
  };
}
