/**
 * Checks of text pages against the sums that were taken when they were loaded, and their repair from
 * the image in flash (R7). Text has no checkpoints: it never changes, so that a rollback leaves it as it
 * is, damage included.
 *
 * @module
 */

import { unitOf } from "./domains.ts";
import {
  GLOBAL,
  MAP,
  MOST,
  PAGE_FLAG,
  PAGE_KIND,
  PAGE_REC,
  UNIT,
  UNIT_KIND,
  VM,
} from "./layout.ts";
import type { Port } from "./port.ts";
import type { Versions } from "./versions.ts";
import type { VmStore } from "./vm.ts";

/** A page of text that was not what had been loaded. */
export interface ReloadedText {
  /** Unit record. */
  unit: number;
  /** Guest virtual address of the page. */
  va: number;
  /** It is the text of a task and of nobody else. */
  own: boolean;
}

/** Checks text, with checksums. */
export class TextCheck {
  readonly #port: Port;
  readonly #versions: Versions;
  readonly #vms: VmStore;

  /**
   * A check of all text.
   *
   * @param port The monitor's port.
   * @param versions Page records.
   * @param vms Images.
   */
  constructor(port: Port, versions: Versions, vms: VmStore) {
    this.#port = port;
    this.#versions = versions;
    this.#vms = vms;
  }

  get #on(): boolean {
    return this.#port.read(MAP.GLOBAL + GLOBAL.CHECKSUMS) !== 0;
  }

  /** Takes the sums of a VM's text, which has just been loaded. */
  seal(vm: number): void {
    if (!this.#on) return;
    this.#eachText(vm, (page, frame) => {
      this.#port.sumFrame(frame, page + PAGE_REC.SUM);
    });
  }

  /**
   * Loads text of a VM anew where it is not what it was.
   *
   * @returns What was loaded anew; empty without checksums, or when the image is damaged, too.
   */
  reload(vm: number): ReloadedText[] {
    if (!this.#on) return [];
    const port = this.#port;
    const damaged: [page: number, frame: number][] = [];
    this.#eachText(vm, (page, frame) => {
      if (port.read(page + PAGE_REC.SUM) !== port.sumFrame(frame)) damaged.push([page, frame]);
    });
    if (damaged.length === 0) return [];
    const image = this.#vms.readImage(port.read(vm + VM.IMAGE));
    if (image === undefined) return [];
    return damaged.map(([page, frame]) => {
      const va = (port.read(page + PAGE_REC.VA) & ~4095) >>> 0;
      this.#vms.fill(frame, image, va);
      port.discardPageLines(this.#versions.mva(vm, page));
      port.sumFrame(frame, page + PAGE_REC.SUM);
      const unit = unitOf(vm, port.read(page + PAGE_REC.UNIT));
      return { unit, va, own: port.read(unit + UNIT.KIND) === UNIT_KIND.TASK };
    });
  }

  #eachText(vm: number, visit: (page: number, frame: number) => void): void {
    const port = this.#port;
    const count = port.count(vm + VM.PAGE_COUNT, MOST.PAGES);
    for (let i = 0; i < count; i++) {
      const page = port.read(vm + VM.PAGES) + i * PAGE_REC.SIZE;
      const word = port.read(page + PAGE_REC.VA);
      if ((word >>> 4 & 7) !== PAGE_KIND.TEXT || (word & PAGE_FLAG.WRITABLE) !== 0) continue;
      visit(page, port.read(page + PAGE_REC.ACTIVE));
    }
  }
}
