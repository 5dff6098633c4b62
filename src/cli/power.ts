import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where Linux tells of mains and batteries (its Documentation/ABI/testing/sysfs-class-power). */
const supplies = '/sys/class/power_supply'

/** Whether this machine runs on a battery. Where the system does not say, as on anything but Linux: no. */
export function onBattery(folder: string = supplies): boolean {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return false
  }
  let discharging = false
  for (const name of names) {
    const word = (file: string): string => readWord(join(folder, name, file))
    // A mouse or a keyboard has a battery of its own.
    if (word('scope') === 'Device') continue
    if (word('type') === 'Battery') discharging ||= word('status') === 'Discharging'
    // Mains, or USB that feeds the machine.
    else if (word('online') === '1') return false
  }
  return discharging
}

function readWord(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim()
  } catch {
    return ''
  }
}
