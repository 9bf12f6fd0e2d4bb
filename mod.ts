/**
 * Understudy: a virtual machine monitor that keeps a standby image of every guest and of every
 * task, and the laboratory around it.
 *
 * ```ts
 * import { Lab } from "@understudy/vmm";
 * import { loadGuest } from "@understudy/vmm/guests";
 *
 * using lab = await Lab.create({
 *   vm0: await loadGuest("vm0"),
 *   guests: [{ name: "ucos-1", image: await loadGuest("ucos-1") }],
 * });
 * for await (const event of lab.run({ for: "100ms" })) {
 *   if (event.type === "console") console.log(event.vm, event.text);
 * }
 * ```
 *
 * @module
 */

export * from "./core/backup.ts";
export * from "./core/bench.ts";
export * from "./core/bench_call.ts";
export * from "./core/bench_cow.ts";
export * from "./core/bench_cpu.ts";
export * from "./core/bench_lab.ts";
export * from "./core/bench_native.ts";
export * from "./core/bench_overhead.ts";
export * from "./core/bench_period.ts";
export * from "./core/bench_recovery.ts";
export * from "./core/bench_scale.ts";
export * from "./core/bench_switch.ts";
export * from "./core/bits.ts";
export * from "./core/board.ts";
export * from "./core/bus.ts";
export * from "./core/cache.ts";
export * from "./core/calibrate.ts";
export * from "./core/campaign.ts";
export * from "./core/campaign_plan.ts";
export * from "./core/clock.ts";
export * from "./core/consoles.ts";
export * from "./core/contexts.ts";
export * from "./core/cp15.ts";
export * from "./core/cpu.ts";
export * from "./core/cpu_code.ts";
export * from "./core/cpu_core.ts";
export * from "./core/cpu_exact.ts";
export * from "./core/cpu_fetch.ts";
export * from "./core/cpu_run.ts";
export * from "./core/cpu_state.ts";
export * from "./core/cpu_timed.ts";
export * from "./core/decode.ts";
export * from "./core/detectors.ts";
export * from "./core/disasm.ts";
export * from "./core/domains.ts";
export * from "./core/dump.ts";
export * from "./core/elf.ts";
export * from "./core/errors.ts";
export * from "./core/experiment.ts";
export * from "./core/fault.ts";
export * from "./core/fault_path.ts";
export * from "./core/fault_place.ts";
export * from "./core/fault_report.ts";
export * from "./core/fault_space.ts";
export * from "./core/fault_text.ts";
export * from "./core/fault_trigger.ts";
export * from "./core/flash.ts";
export * from "./core/follow.ts";
export * from "./core/fork.ts";
export * from "./core/frames.ts";
export * from "./core/generations.ts";
export * from "./core/golden.ts";
export * from "./core/hash.ts";
export * from "./core/hypercalls.ts";
export * from "./core/isa_arm.ts";
export * from "./core/isa_thumb.ts";
export * from "./core/journal.ts";
export * from "./core/lab.ts";
export * from "./core/layout.ts";
export * from "./core/loader.ts";
export * from "./core/lookaside.ts";
export * from "./core/maintenance.ts";
export * from "./core/manage.ts";
export * from "./core/memory.ts";
export * from "./core/memory_diff.ts";
export * from "./core/messages.ts";
export * from "./core/meters.ts";
export * from "./core/mmu.ts";
export * from "./core/mmu_counters.ts";
export * from "./core/monitor_boot.ts";
export * from "./core/monitor_log.ts";
export * from "./core/observe.ts";
export * from "./core/outcome.ts";
export * from "./core/pagetable.ts";
export * from "./core/paths.ts";
export * from "./core/plan.ts";
export * from "./core/policy.ts";
export * from "./core/port.ts";
export * from "./core/random.ts";
export * from "./core/recorder.ts";
export * from "./core/recovery.ts";
export * from "./core/registers.ts";
export * from "./core/routines.ts";
export * from "./core/run_end.ts";
export * from "./core/s3c2440.ts";
export * from "./core/s3c2440_adc.ts";
export * from "./core/s3c2440_clkpwr.ts";
export * from "./core/s3c2440_counter.ts";
export * from "./core/s3c2440_dma.ts";
export * from "./core/s3c2440_gpio.ts";
export * from "./core/s3c2440_iic.ts";
export * from "./core/s3c2440_intc.ts";
export * from "./core/s3c2440_lcd.ts";
export * from "./core/s3c2440_memc.ts";
export * from "./core/s3c2440_nand.ts";
export * from "./core/s3c2440_pwm.ts";
export * from "./core/s3c2440_rtc.ts";
export * from "./core/s3c2440_sdi.ts";
export * from "./core/s3c2440_spi.ts";
export * from "./core/s3c2440_uart.ts";
export * from "./core/s3c2440_wdt.ts";
export * from "./core/scheduler.ts";
export * from "./core/sensitivity.ts";
export * from "./core/signature.ts";
export * from "./core/snapshot.ts";
export * from "./core/statistics.ts";
export * from "./core/strategy.ts";
export * from "./core/sweep.ts";
export * from "./core/sweep_triggers.ts";
export * from "./core/sweep_watch.ts";
export * from "./core/switch_meter.ts";
export * from "./core/switch_probe.ts";
export * from "./core/tables.ts";
export * from "./core/text_check.ts";
export * from "./core/time.ts";
export * from "./core/timing.ts";
export * from "./core/timing_bus.ts";
export * from "./core/timing_issue.ts";
export * from "./core/timing_memory.ts";
export * from "./core/timing_table.ts";
export * from "./core/tlb.ts";
export * from "./core/trace.ts";
export * from "./core/versions.ts";
export * from "./core/virtual_timers.ts";
export * from "./core/vm.ts";
export * from "./core/vmi.ts";
export * from "./core/vmm.ts";
