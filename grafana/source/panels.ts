import type * as units from '@grafana/grafana-foundation-sdk/units';
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  FieldColorModeId,
  GraphDrawStyle,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LineInterpolation,
  MappingType,
  SortOrder,
  StackingMode,
  TableCellDisplayMode,
  TableCellHeight,
  ThresholdsMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizOrientation,
} from '@grafana/schema';
import type {
  Override,
  Query,
  StatPanel,
  TablePanel,
  TimeSeriesPanel,
  ValueLink,
} from './dashboard-types.ts';
import { DATA_SOURCE } from './data-source.ts';

/** The units that Grafana knows: any other text it shows as it is. */
export type Unit = (typeof units)[keyof typeof units];
export type Color = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'text' | 'transparent';
/** From which value on a colour holds, the lowest first. */
export type Thresholds = readonly (readonly [from: number, color: Color])[];

/** PromQL, and what the series is called: `{{function_name}} p95`. */
export type Series = readonly [expr: string, legend: string];

interface Said {
  readonly title: string;
  /** What it shows and how to read it, for somebody who sees it first. */
  readonly description: string;
  readonly unit: Unit;
  /** From the first on; what is below them is green, or `base`. */
  readonly thresholds?: Thresholds;
  readonly base?: Color;
  readonly decimals?: number;
  readonly max?: number;
  readonly links?: readonly ValueLink[];
  /** What stands in the place of no data. */
  readonly noValue?: string;
  readonly overrides?: readonly Override[];
}

export interface Graph extends Said {
  readonly series: readonly Series[];
  /** Default lines. `stacked` are areas one over the other, `bars` stacked counts for each step of time. */
  readonly drawn?: 'lines' | 'steps' | 'stacked' | 'bars';
}

export interface Figure extends Said {
  /** One figure for each series. */
  readonly series: readonly Series[];
  readonly hasGraph?: boolean;
  readonly texts?: Readonly<Record<string, { readonly text: string; readonly color: Color }>>;
}

/** Everything of a panel but its place, which is the layout's. */
export type Unplaced<Panel> = Omit<Panel, 'id' | 'gridPos'>;

const BASE: Color = 'green';

function defaults({ unit, thresholds = [], base = BASE, decimals, max, links, noValue }: Said) {
  return {
    unit,
    min: 0,
    ...(max === undefined ? {} : { max }),
    ...(decimals === undefined ? {} : { decimals }),
    ...(noValue === undefined ? {} : { noValue }),
    ...(links === undefined ? {} : { links: [...links] }),
    thresholds: toThresholds(thresholds, base),
  };
}

function toThresholds(thresholds: Thresholds, base: Color = BASE) {
  return {
    mode: ThresholdsMode.Absolute,
    steps: [{ color: base, value: null }, ...thresholds.map(([value, color]) => ({ color, value }))],
  };
}

/** @param isInstant one value at the end of the chosen time instead of its course */
function toTargets(series: readonly Series[], isInstant: boolean): Query[] {
  return series.map(([expr, legendFormat], index) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    datasource: DATA_SOURCE,
    expr,
    legendFormat,
    instant: isInstant,
    range: !isInstant,
  }));
}

/** Courses over time, with their last and highest values in the legend. */
export function graph(of: Graph): Unplaced<TimeSeriesPanel> {
  const { drawn = 'lines' } = of;
  const isStacked = drawn === 'stacked' || drawn === 'bars';
  return {
    type: 'timeseries',
    title: of.title,
    description: of.description,
    datasource: DATA_SOURCE,
    targets: toTargets(of.series, false),
    fieldConfig: {
      defaults: {
        ...defaults(of),
        color: { mode: FieldColorModeId.PaletteClassicByName },
        custom: {
          drawStyle: drawn === 'bars' ? GraphDrawStyle.Bars : GraphDrawStyle.Line,
          lineInterpolation: drawn === 'steps' ? LineInterpolation.StepAfter : LineInterpolation.Linear,
          lineWidth: 1,
          fillOpacity: isStacked ? 40 : 8,
          showPoints: VisibilityMode.Never,
          // A scrape that was missed is bridged, a function that was away is not.
          spanNulls: 30_000,
          axisPlacement: AxisPlacement.Auto,
          axisSoftMin: 0,
          stacking: { mode: isStacked ? StackingMode.Normal : StackingMode.None, group: 'A' },
          thresholdsStyle: {
            mode:
              of.thresholds === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed,
          },
        },
      },
      overrides: [...(of.overrides ?? [])],
    },
    options: {
      legend: {
        showLegend: true,
        displayMode: LegendDisplayMode.Table,
        placement: 'bottom',
        calcs: ['lastNotNull', 'max'],
        sortBy: 'Last *',
        sortDesc: true,
      },
      tooltip: { mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending },
    },
  };
}

/** Present values in large type. */
export function figure(of: Figure): Unplaced<StatPanel> {
  const { series, hasGraph = false, texts } = of;
  return {
    type: 'stat',
    title: of.title,
    description: of.description,
    datasource: DATA_SOURCE,
    targets: toTargets(series, !hasGraph),
    fieldConfig: {
      defaults: {
        ...defaults(of),
        color: { mode: FieldColorModeId.Thresholds },
        ...(texts === undefined
          ? {}
          : { mappings: [{ type: MappingType.ValueToText, options: { ...texts } }] }),
      },
      overrides: [...(of.overrides ?? [])],
    },
    options: {
      colorMode: BigValueColorMode.Value,
      graphMode: hasGraph ? BigValueGraphMode.Area : BigValueGraphMode.None,
      justifyMode: BigValueJustifyMode.Auto,
      orientation: VizOrientation.Auto,
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      showPercentChange: false,
      textMode: series.length > 1 ? BigValueTextMode.ValueAndName : BigValueTextMode.Value,
      wideLayout: true,
    },
  };
}

export interface Column {
  readonly name: string;
  /** Its values by the labels that name the rows. */
  readonly expr: string;
  readonly unit: Unit;
  readonly decimals?: number;
  /** Colours the text; without them it has none. */
  readonly thresholds?: Thresholds;
}

export interface Table
  extends Omit<Said, 'thresholds' | 'base' | 'overrides' | 'max' | 'decimals' | 'links'> {
  /** Labels that name a row, and what stands over them. */
  readonly rows: readonly {
    readonly label: string;
    readonly name: string;
    readonly links?: readonly ValueLink[];
  }[];
  readonly columns: readonly Column[];
  readonly sortedBy: string;
}

/** One row for each set of labels, with a column for each query. */
export function table(of: Table): Unplaced<TablePanel> {
  const { rows, columns } = of;
  const refId = (index: number): string => String.fromCharCode('A'.charCodeAt(0) + index);
  // Grafana calls the value of an only query `Value`, and those of several after their ids.
  const fieldOf = (index: number): string => (columns.length === 1 ? 'Value' : `Value #${refId(index)}`);
  const order = [...rows.map(({ label }) => label), ...columns.map((_, index) => fieldOf(index))];
  return {
    type: 'table',
    title: of.title,
    description: of.description,
    datasource: DATA_SOURCE,
    targets: columns.map(({ expr, name }, index) => ({
      refId: refId(index),
      datasource: DATA_SOURCE,
      expr,
      legendFormat: name,
      format: 'table',
      instant: true,
      range: false,
    })),
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          indexByName: Object.fromEntries(order.map((name, index) => [name, index])),
          renameByName: Object.fromEntries([
            ...rows.map(({ label, name }) => [label, name]),
            ...columns.map(({ name }, index) => [fieldOf(index), name]),
          ]),
        },
      },
    ],
    fieldConfig: {
      defaults: {
        unit: of.unit,
        ...(of.noValue === undefined ? {} : { noValue: of.noValue }),
        thresholds: toThresholds([]),
        custom: { align: 'auto', cellOptions: { type: TableCellDisplayMode.Auto }, inspect: false },
      },
      overrides: [
        ...rows.flatMap(({ name, links }): Override[] =>
          links === undefined
            ? []
            : [
                {
                  matcher: { id: 'byName', options: name },
                  properties: [{ id: 'links', value: [...links] }],
                },
              ],
        ),
        ...columns.map(toColumnOverride),
      ],
    },
    options: {
      showHeader: true,
      cellHeight: TableCellHeight.Sm,
      frameIndex: 0,
      sortBy: [{ displayName: of.sortedBy, desc: true }],
      footer: { show: false, reducer: ['sum'], countRows: false },
    },
  };
}

function toColumnOverride({ name, unit, decimals, thresholds }: Column): Override {
  return {
    matcher: { id: 'byName', options: name },
    properties: [
      { id: 'unit', value: unit },
      ...(decimals === undefined ? [] : [{ id: 'decimals' as const, value: decimals }]),
      ...(thresholds === undefined
        ? []
        : [
            { id: 'thresholds' as const, value: toThresholds(thresholds, 'text') },
            { id: 'custom.cellOptions' as const, value: { type: TableCellDisplayMode.ColorText } as const },
          ]),
    ],
  };
}
