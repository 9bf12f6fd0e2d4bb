/**
 * Colour for terminals.
 *
 * @module
 */

/** Names of the looks, as ANSI "select graphic rendition" parameters. */
const LOOKS = {
  bold: "1",
  dim: "2",
  red: "31",
  green: "32",
  yellow: "33",
  blue: "34",
  magenta: "35",
  cyan: "36",
  gray: "90",
  alarm: "1;97;41",
  healed: "1;30;42",
  notice: "1;30;43",
} as const;

/** A look. */
export type Look = keyof typeof LOOKS;

/** Gives a text a look; plain where there is no colour. */
export type Paint = (look: Look, text: string) => string;

/** Looks of the VMs, by their order of appearance. */
const VM_LOOKS: readonly Look[] = ["cyan", "green", "magenta", "yellow", "blue"];

/**
 * Makes the painter.
 *
 * @param color Output may carry colour.
 */
export function painter(color: boolean): Paint {
  return (look, text) => color ? `\x1b[${LOOKS[look]}m${text}\x1b[0m` : text;
}

/**
 * Gives each VM its look, the same for the whole run.
 *
 * @returns Function from VM name to look.
 */
export function vmLooks(): (vm: string) => Look {
  const seen = new Map<string, Look>([["vm0", "gray"], ["vmm", "bold"]]);
  return (vm) => {
    let look = seen.get(vm);
    if (look === undefined) {
      look = VM_LOOKS[(seen.size - 2) % VM_LOOKS.length]!;
      seen.set(vm, look);
    }
    return look;
  };
}
