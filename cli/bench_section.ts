/**
 * What a measurement hands over: rows for programs; tables, notes and figures for people. It is plain
 * data, so that a worker can send it.
 *
 * @module
 */

import type { BackupStrategy, BenchCache, CpuWorkName, Fidelity, ScaleAxis } from "../mod.ts";
import type { Cell, Column } from "./tables.ts";

/** The measurements, in the order in which they are shown; the set has those before sensitivity. */
export const BENCHES = [
  "switch",
  "task",
  "period",
  "call",
  "recovery",
  "scale",
  "cow",
  "overhead",
  "loss",
  "cpu",
  "calibrate",
  "sensitivity",
  "goals",
] as const;

/** Name of a measurement. */
export type BenchName = typeof BENCHES[number];

/** The set that is measured when none is named: the others are about the simulation itself, or made of these. */
export const BENCH_SET: readonly BenchName[] = BENCHES.slice(0, BENCHES.indexOf("sensitivity"));

/** Options of the measurements, checked; each takes some of them. */
export interface BenchOptions {
  /** How the machine is simulated. */
  readonly fidelity?: Fidelity | undefined;
  /** Checkpoint strategies. */
  readonly strategies?: readonly BackupStrategy[] | undefined;
  /** Checkpoint period, ns. */
  readonly period?: number | undefined;
  /** Checkpoint periods, ns. */
  readonly periods?: readonly number[] | undefined;
  /** Samples. */
  readonly samples?: number | undefined;
  /** States of the caches. */
  readonly caches?: readonly BenchCache[] | undefined;
  /** Pages written. */
  readonly pages?: readonly number[] | undefined;
  /** Axes of `scale`. */
  readonly axes?: readonly ScaleAxis[] | undefined;
  /** Values of an axis. */
  readonly sizes?: readonly number[] | undefined;
  /** Errors a second. */
  readonly rate?: number | undefined;
  /** Board time of a run, ns. */
  readonly time?: number | undefined;
  /** Works of `cpu`. */
  readonly works?: readonly CpuWorkName[] | undefined;
  /** The whole set is measured: no longer than it has to be. */
  readonly brief?: boolean | undefined;
}

/** A table. */
export interface BenchTable {
  /** What it shows. */
  readonly title: string;
  /** The columns. */
  readonly columns: readonly Column[];
  /** The cells. */
  readonly rows: readonly (readonly Cell[])[];
}

/** A figure: what a plotting library makes a picture of. */
export interface BenchFigure {
  /** Name of its file, without ending. */
  readonly name: string;
  /** What it shows. */
  readonly title: string;
  /** Vega-Lite. */
  readonly spec: object;
}

/** A measurement that has been made. */
export interface BenchSection {
  /** Which. */
  readonly name: BenchName;
  /** What was measured. */
  readonly title: string;
  /** The figures for programs. */
  readonly rows: readonly object[];
  /** For people. */
  readonly tables: readonly BenchTable[];
  /** What has to be said with them, a paragraph each. */
  readonly notes: readonly string[];
  /** Pictures. */
  readonly figures: readonly BenchFigure[];
  /** What was measured is not what it has to be: the command's exit code is 1. */
  readonly failed?: boolean;
}

/** Told after each step of a measurement, of how many. */
export type OnStep = (done: number, of: number) => void;

/** Figures of each measurement, so that their places can be tried before it. */
export const FIGURES: Readonly<Record<BenchName, readonly string[]>> = {
  switch: ["switch"],
  task: ["task"],
  period: ["period-vm", "period-task"],
  call: ["call"],
  recovery: ["recovery"],
  scale: ["scale-vms", "scale-tasks", "scale-region"],
  cow: ["cow"],
  overhead: ["overhead"],
  loss: ["loss"],
  cpu: ["cpu"],
  calibrate: [],
  sensitivity: [],
  goals: [],
};

/** Nanoseconds in a table: no more exact than they are. */
export function nsText(value: number): string {
  return value >= 1e5 ? `${(value / 1e3).toFixed(0)} µs` : value.toFixed(1);
}

/** A time in its best unit. */
export function timeOf(ns: number): string {
  if (ns >= 1e6) return `${trim((ns / 1e6).toPrecision(3))} ms`;
  if (ns >= 1e3) return `${trim((ns / 1e3).toPrecision(3))} µs`;
  return `${trim(ns.toPrecision(3))} ns`;
}

function trim(text: string): string {
  const value = Number(text);
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(value);
}

/** A share as a percentage. */
export function percentText(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** Bytes in their best unit. */
export function bytesText(bytes: number): string {
  return bytes >= 0x10_0000 ? `${bytes / 0x10_0000} MB` : `${bytes / 1024} KB`;
}

/** What rows of each fidelity are worth. */
export const FIDELITY_NOTES: Readonly<Record<Fidelity, string>> = {
  fast:
    "uncalibrated: the fast fidelity charges each operation of the monitor a constant number of cycles " +
    "that was worked out, not measured on a timed core, and has no caches. Do not read these figures " +
    "as measurements of a board.",
  timed:
    "timed: an ARM920T with its caches, TLBs, write buffer, bus and SDRAM, at 400/100/50 MHz. " +
    "docs/timing.md has its constants and says which of them are assumed.",
};
