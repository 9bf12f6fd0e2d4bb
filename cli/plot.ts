/**
 * Pictures by Vega. The packages are loaded only when a picture is made, by names that are no
 * literals: what a literal names is fetched at every first start.
 *
 * @module
 */

import { InputError } from "../mod.ts";

const VEGA = "npm:vega@6.4.0";
const VEGA_LITE = "npm:vega-lite@6.5.0";

interface Vega {
  logger(level: number): object;
  readonly None: number;
  parse(spec: object): object;
  View: new (runtime: object, options: object) => { toSVG(): Promise<string> };
}

interface VegaLite {
  compile(spec: object, options: { logger: object }): { spec: object };
}

/** Looks that all pictures share; colours that can be told apart without seeing red or green. */
const CONFIG = {
  background: "white",
  padding: 12,
  font: "sans-serif",
  title: { fontSize: 15, anchor: "start", offset: 14, subtitleFontSize: 12, subtitlePadding: 5 },
  axis: {
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
    gridColor: "#e3e8ec",
    titlePadding: 10,
    labelLimit: 240,
    labelFlush: false,
    labelOverlap: false,
  },
  header: { labelFontSize: 13, titleFontSize: 13, labelFontWeight: "bold", title: null },
  legend: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", symbolSize: 110 },
  range: {
    category: ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999"],
  },
  line: { strokeWidth: 2 },
  point: { size: 45, filled: true },
  view: { stroke: "#c9d1d9" },
} as const;

/**
 * Makes a picture.
 *
 * @param spec Vega-Lite, without looks.
 * @returns SVG.
 * @throws {InputError} When the packages can't be had.
 */
export async function picture(spec: object): Promise<string> {
  let packages: [Vega, VegaLite];
  try {
    packages = await Promise.all([import(VEGA), import(VEGA_LITE)]) as [Vega, VegaLite];
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0]! : String(error);
    throw new InputError("pictures", `${VEGA} and ${VEGA_LITE} can't be loaded: ${why}`);
  }
  const [vega, vegaLite] = packages;
  const logger = vega.logger(vega.None);
  const compiled = vegaLite.compile({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    config: CONFIG,
    ...spec,
  }, { logger });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: "none", logger });
  return `${await view.toSVG()}\n`;
}
