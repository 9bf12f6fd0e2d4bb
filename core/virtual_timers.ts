/**
 * Virtual timers of the guests, driven by the monitor's tick.
 *
 * @module
 */

import { ownCycles } from "./detectors.ts";
import { MAP, MAX_VMS, VM } from "./layout.ts";
import type { Port } from "./port.ts";
import type { Scheduler } from "./scheduler.ts";
import { VIRQ, VM_STATE } from "./vmi.ts";

/** More owed timer periods than these are delivered at once. */
const MAX_BACKLOG = 100;

/** The virtual timers. */
export class VirtualTimers {
  /**
   * Timers of all VMs.
   *
   * @param port The monitor's port.
   * @param scheduler Ready rows: a task that sits out comes back at the next period.
   * @param raise Makes a virtual interrupt source of a VM pending.
   */
  constructor(
    readonly port: Port,
    readonly scheduler: Scheduler,
    readonly raise: (vm: number, source: number) => void,
  ) {}

  /** The monitor's timer: virtual timers of all VMs. */
  tick(): void {
    const port = this.port;
    for (let id = 0; id < MAX_VMS; id++) {
      const vm = port.read(MAP.VM_TABLE + id * 4);
      if (vm !== 0) this.tickVm(vm);
    }
  }

  /** The virtual timer of one VM. */
  tickVm(vm: number): void {
    const port = this.port;
    const period = port.read64(vm + VM.TIMER_PERIOD);
    if (period === 0) return this.endSitOut(vm);
    const state = port.read(vm + VM.STATE);
    if (state !== VM_STATE.RUNNING && state !== VM_STATE.WAITING) return;
    const due = port.read64(vm + VM.TIMER_NEXT);
    if (port.now >= due) {
      const periods = Math.floor((port.now - due) / period) + 1;
      port.write64(vm + VM.TIMER_NEXT, due + periods * period);
      port.add(vm + VM.TICKS_OWED, periods);
      this.endSitOut(vm);
    }
    if (port.read(vm + VM.TICKS_OWED) === 0) return;
    const waits = port.read(vm + VM.WAITING) !== 0;
    const ran = ownCycles(port, vm) - port.read64(vm + VM.TICK_CYCLES);
    if (waits || ran >= period) this.raise(vm, VIRQ.TIMER);
  }

  /**
   * Timer periods come one at a time: the next one when the guest rests or has run for a period, so
   * that what a guest does in each does not depend on when other VMs let it run. A long backlog comes
   * at once.
   */
  take(vm: number, sources: number): void {
    const port = this.port;
    let ticks = 0;
    if ((sources & 1 << VIRQ.TIMER) !== 0) {
      const owed = port.read(vm + VM.TICKS_OWED);
      ticks = owed > MAX_BACKLOG ? owed : Math.min(owed, 1);
      port.write(vm + VM.TICKS_OWED, owed - ticks);
      port.write64(vm + VM.TICK_CYCLES, ownCycles(port, vm));
    }
    port.write(vm + VM.V_TICKS, ticks);
  }

  /** A task that sat out after its recovery comes back. */
  endSitOut(vm: number): void {
    const priority = this.port.read(vm + VM.SIT_OUT);
    if (priority === 0) return;
    this.port.write(vm + VM.SIT_OUT, 0);
    this.scheduler.setReady(vm, priority - 1, true);
  }
}
